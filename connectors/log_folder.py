"""The folder that a command is given as a log: an export or an archive, read alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from connectors import log_files
from connectors.archive_files import is_archive, read_about
from connectors.log_archive import TABLES_OF, opened
from connectors.log_files import LogRecord, Manifest


def read_manifest(folder: Path) -> Manifest:
    """What a folder holds. Raises LogFilesError."""
    if not is_archive(folder):
        return log_files.read_manifest(folder)
    with opened(folder) as archive:
        return archive.manifest()


def read_schemas(folder: Path) -> Manifest:
    """Schemas and keys alone, `topics` empty: no file of an archive is opened to count its rows.

    Raises LogFilesError.
    """
    if not is_archive(folder):
        return log_files.read_manifest(folder)
    about = read_about(folder)
    return Manifest({}, about.schemas, model_keys=about.model_keys)


def read_records(folder: Path, topic: str) -> Iterator[LogRecord]:
    """A topic's records by partition, then offset. Raises LogFilesError."""
    if not is_archive(folder):
        yield from log_files.read_records(folder, topic)
        return
    with opened(folder, TABLES_OF[topic]) as archive:
        yield from archive.records(topic)
