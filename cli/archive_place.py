"""Where a command finds the archive."""

from __future__ import annotations

import os
from pathlib import Path

from infra.local.layout import read_layout

ENV = "KAIROS_ARCHIVE"


def archive_folder(given: Path | None) -> Path:
    """Where the archive is: as given, else $KAIROS_ARCHIVE, else beside the stack's data."""
    named = given or os.environ.get(ENV)
    return Path(named) if named else read_layout().data / "archive"
