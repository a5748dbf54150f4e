"""Which savepoint or checkpoint a job goes on from, and which may be deleted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra.local.savepoints import (
    METADATA,
    SAVEPOINTS_KEPT,
    newest_complete,
    prune_after_stop,
    to_hand_over,
)


def made(data: Path, name: str, at_s: int, *, complete: bool = True) -> Path:
    """A savepoint or checkpoint folder, written at that time."""
    folder = data / name
    folder.mkdir(parents=True)
    if complete:
        (folder / METADATA).write_text(name)
        os.utime(folder / METADATA, (at_s, at_s))
    return folder


def test_nothing_was_ever_saved(tmp_path: Path) -> None:
    assert newest_complete(tmp_path) is None


def test_the_newest_counts_whether_savepoint_or_checkpoint(tmp_path: Path) -> None:
    made(tmp_path, "savepoints/savepoint-a", 10)
    newest = made(tmp_path, "checkpoints/job/chk-7", 20)
    assert newest_complete(tmp_path) == newest


def test_a_checkpoint_in_flight_is_never_restored(tmp_path: Path) -> None:
    """It is the newest folder and has no metadata: the job died while writing it."""
    whole = made(tmp_path, "checkpoints/job/chk-7", 20)
    made(tmp_path, "checkpoints/job/chk-8", 30, complete=False)
    assert newest_complete(tmp_path) == whole


def test_a_savepoint_outlives_the_job_that_owns_its_copy(tmp_path: Path) -> None:
    savepoint = made(tmp_path, "savepoints/savepoint-a", 10)
    copy = to_hand_over(savepoint, tmp_path)
    (copy / METADATA).unlink()
    assert (savepoint / METADATA).read_text() == "savepoints/savepoint-a"


def test_a_checkpoint_is_handed_over_as_it_is(tmp_path: Path) -> None:
    checkpoint = made(tmp_path, "checkpoints/job/chk-7", 20)
    assert to_hand_over(checkpoint, tmp_path) == checkpoint


def test_a_complete_savepoint_replaces_checkpoints_and_old_savepoints(tmp_path: Path) -> None:
    made(tmp_path, "checkpoints/job/chk-7", 20)
    all_of_them = [made(tmp_path, f"savepoints/savepoint-{n}", n) for n in range(10)]
    prune_after_stop(tmp_path, all_of_them[-1])
    left = sorted(path.name for path in (tmp_path / "savepoints").iterdir())
    assert left == sorted(path.name for path in all_of_them[-SAVEPOINTS_KEPT:])
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_an_incomplete_savepoint_replaces_nothing(tmp_path: Path) -> None:
    checkpoint = made(tmp_path, "checkpoints/job/chk-7", 20)
    broken = made(tmp_path, "savepoints/savepoint-a", 30, complete=False)
    with pytest.raises(ValueError, match=METADATA):
        prune_after_stop(tmp_path, broken)
    assert (checkpoint / METADATA).exists()
