"""Savepoints and checkpoints on disk: which is the newest complete one, and which may go."""

from __future__ import annotations

import shutil
from pathlib import Path

METADATA = "_metadata"
SAVEPOINTS_KEPT = 5


def newest_complete(flink_data: Path) -> Path | None:
    """The newest savepoint or checkpoint that holds `_metadata`; None when there is none.

    The newest folder may lack it: it was in flight when the job died and cannot be restored.
    """
    found = [
        *flink_data.glob(f"savepoints/*/{METADATA}"),
        *flink_data.glob(f"checkpoints/*/chk-*/{METADATA}"),
    ]
    if not found:
        return None
    return max(found, key=lambda path: (path.stat().st_mtime_ns, str(path))).parent


def prune_after_stop(flink_data: Path, savepoint: Path) -> None:
    """Deletes what a completed savepoint replaces: every checkpoint, all but a few savepoints."""
    if not (savepoint / METADATA).exists():
        raise ValueError(f"{savepoint} has no {METADATA}: it replaces nothing")
    for folder in ("checkpoints", "changelog"):
        for job in (flink_data / folder).iterdir():
            shutil.rmtree(job, ignore_errors=True)
    complete = sorted(
        flink_data.glob(f"savepoints/*/{METADATA}"), key=lambda path: path.stat().st_mtime_ns
    )
    for metadata in complete[:-SAVEPOINTS_KEPT]:
        shutil.rmtree(metadata.parent, ignore_errors=True)
