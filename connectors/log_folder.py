"""The folder that a command is given as a log: an export or an archive, read alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from connectors import log_files
from connectors.archive_files import is_archive
from connectors.log_archive import opened
from connectors.log_files import LogRecord, Manifest


def read_manifest(folder: Path) -> Manifest:
    """What a folder holds. Raises LogFilesError."""
    if not is_archive(folder):
        return log_files.read_manifest(folder)
    with opened(folder) as archive:
        return archive.manifest()


def read_records(folder: Path, topic: str) -> Iterator[LogRecord]:
    """A topic's records by partition, then offset. Raises LogFilesError."""
    if not is_archive(folder):
        yield from log_files.read_records(folder, topic)
        return
    with opened(folder) as archive:
        yield from archive.records(topic)
