"""A build: an immutable copy of the job's code, named by the hash of its contents.

A TaskManager keeps every Python module it ever imported, so its code must never change under it.
The copy, never the live checkout, is its PYTHONPATH.
"""

from __future__ import annotations

import compileall
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from operators.build import ID_HEX_DIGITS, PACKAGES, build_id

BUILDS_KEPT = 10
IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")


class BuildBroken(Exception):
    """A build folder was changed after it was made; the message says the fix."""


@dataclass(frozen=True, slots=True)
class Build:
    """One version of the job's code."""

    build_id: str
    path: Path


def ensure_build(code: Path, builds: Path) -> Build:
    """The build of the code as it is now, copied if it is new. Raises BuildBroken."""
    name = build_id(code)
    target = builds / name
    if not target.exists():
        _copy(code, target)
        _prune(builds, keep=name)
    os.utime(target)
    return existing_build(name, builds)


def existing_build(name: str, builds: Path) -> Build:
    """A build made before. Raises BuildBroken when it is gone or no longer what its name says."""
    target = builds / name
    if not target.exists():
        raise BuildBroken(f"build {name} is not in {builds}: check out its code and run `up`")
    found = build_id(target)
    if found != name:
        raise BuildBroken(f"{target} was changed (now {found}): delete it, `up` makes it again")
    return Build(name, target)


def _copy(code: Path, target: Path) -> None:
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    for name in PACKAGES:
        if (code / name).exists():
            shutil.copytree(code / name, part / name, ignore=IGNORED)
    compileall.compile_dir(part, quiet=2, stripdir=str(part))
    try:
        part.rename(target)
    except OSError:
        # Another process made the same build first: the contents are equal.
        shutil.rmtree(part)
        if not target.exists():
            raise


def _prune(builds: Path, keep: str) -> None:
    """Drops the builds not used for longest, so that the folder stays bounded."""
    made = [path for path in builds.iterdir() if len(path.name) == ID_HEX_DIGITS]
    newest_first = sorted(made, key=lambda path: path.stat().st_mtime, reverse=True)
    for path in newest_first[BUILDS_KEPT:]:
        if path.name != keep:
            shutil.rmtree(path, ignore_errors=True)
