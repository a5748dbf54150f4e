"""Savepoints and checkpoints on disk: which is the newest complete one, and which may go."""

from __future__ import annotations

import os
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


def to_hand_over(restore: Path, flink_data: Path) -> Path:
    """What the job may own: a copy of a savepoint made of hard links, a checkpoint as it is.

    A restored job deletes what it was restored from once its own checkpoints replace it. A
    savepoint must outlive that, to be rolled back to; its files never change, so links suffice.
    """
    if restore.parent != flink_data / "savepoints":
        return restore
    copy = flink_data / "restored" / restore.name
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(restore, copy, copy_function=os.link)
    return copy


def prune_after_stop(flink_data: Path, savepoint: Path) -> None:
    """Deletes what a completed savepoint replaces: every checkpoint, all but a few savepoints."""
    if not (savepoint / METADATA).exists():
        raise ValueError(f"{savepoint} has no {METADATA}: it replaces nothing")
    for folder in ("checkpoints", "changelog", "restored"):
        for job in (flink_data / folder).glob("*"):
            shutil.rmtree(job, ignore_errors=True)
    complete = sorted(
        flink_data.glob(f"savepoints/*/{METADATA}"), key=lambda path: path.stat().st_mtime_ns
    )
    for metadata in complete[:-SAVEPOINTS_KEPT]:
        shutil.rmtree(metadata.parent, ignore_errors=True)


def forget_leaders(data: Path) -> None:
    """Empties what only running processes need: elections, finished jobs' results, scratch files.

    Called after every job ended with a savepoint and every process is gone.
    """
    for folder in (data / "zookeeper", *data.glob("flink*/ha"), *data.glob("flink*/tmp")):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
