"""Days that an archive keeps no longer; control records stay, since later decisions need them."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from connectors.archive_files import CONTROL_TABLE, TABLES, Segment, found, locked

PRUNED = tuple(table for table in TABLES if table != CONTROL_TABLE)


def prune(folder: Path, keep_days: int) -> int:
    """Remove what is older than so many days before the newest day held; files removed."""
    held = list(found(folder, PRUNED))
    if not held:
        return 0
    newest = max(map(_day, held))
    old = [each for each in held if _day(each) <= newest - timedelta(days=keep_days)]
    if old:
        with locked(folder, "write"), locked(folder, "read"):
            for each in old:
                each.path.unlink(missing_ok=True)
                each.index.unlink(missing_ok=True)
    return len(old)


def _day(segment: Segment) -> date:
    return date.fromisoformat(segment.folder.name.removeprefix("day="))
