"""Which code this process really runs, computed from the files as they were when imported.

A TaskManager keeps each Python module it ever imported, so a job submitted to a running one may
meet the code of an earlier build. The hash is taken at import, the moment the code is fixed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

PACKAGES = ("jobs", "operators", "models", "schemas", "connectors")
ID_HEX_DIGITS = 16


class WrongBuild(Exception):
    """The job was submitted with another build than this process runs."""


def build_id(root: Path) -> str:
    """The first 64 bits of SHA-256 over names and contents of the job's files, in hex.

    The same as infra/local/builds.py computes, which names build folders by it.
    """
    digest = hashlib.sha256()
    for path in _files(root):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:ID_HEX_DIGITS]


def _files(root: Path) -> list[Path]:
    files = [path for name in PACKAGES for path in (root / name).rglob("*") if path.is_file()]
    kept = [path for path in files if not _is_ignored(path.relative_to(root))]
    return sorted(kept, key=lambda path: path.relative_to(root).as_posix())


def _is_ignored(path: Path) -> bool:
    hidden = any(part.startswith(".") or part == "__pycache__" for part in path.parts)
    return hidden or path.suffix == ".pyc"


ROOT = Path(__file__).resolve().parents[1]
IMPORTED = build_id(ROOT)


def require_build(submitted: str, imported: str = IMPORTED) -> None:
    """Raises WrongBuild unless the job was submitted with the code that is running here."""
    if submitted != imported:
        raise WrongBuild(
            f"the job was submitted as build {submitted}, but this TaskManager runs {imported} "
            f"from {ROOT}: start fresh TaskManagers with the new build, then submit again"
        )
