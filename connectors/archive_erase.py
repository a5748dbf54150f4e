"""A user taken out of an archive: files are written anew without the key, each in one step.

The archive remembers a hash of the key with the time, so that records still on their way, or read
again from the log, stay out too. What the log itself holds goes with its own retention.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from connectors.archive_files import (
    Segment,
    is_archive,
    locked,
    read_about,
    segments,
    write_about,
)
from connectors.archive_segments import read_table, rows_of_key, without

IMPORTED = "imported"
"""The folder within an archive that holds what was imported: an archive of its own."""


@dataclass(slots=True)
class Erased:
    """What was taken out."""

    rows: int = 0
    files: int = 0


def erased_hash(user_key: str) -> str:
    """How an erased key is remembered."""
    return blake2b(user_key.encode(), digest_size=16, person=b"kairos-erased").hexdigest()


def erase(folder: Path, user_key: str, upto_ms: int) -> Erased:
    """Take every row of the key with a stamp up to `upto_ms` out. Raises LogFilesError, OSError."""
    done = Erased()
    with locked(folder, "write"):
        about = read_about(folder)
        name = erased_hash(user_key)
        newest = max(upto_ms, about.erased.get(name, -1))
        write_about(folder, replace(about, erased={**about.erased, name: newest}))
        old = []
        for segment in segments(folder):
            rows = _erase_in(segment, user_key.encode(), upto_ms)
            if rows:
                old.append(segment)
                done.rows, done.files = done.rows + rows, done.files + 1
        # Whoever reads right now ends first; nobody finds the old files by name after this.
        with locked(folder, "read"):
            for segment in old:
                segment.path.unlink(missing_ok=True)
                segment.index.unlink(missing_ok=True)
    if is_archive(folder / IMPORTED):
        more = erase(folder / IMPORTED, user_key, upto_ms)
        done.rows, done.files = done.rows + more.rows, done.files + more.files
    return done


def _erase_in(segment: Segment, key: bytes, upto_ms: int) -> int:
    """Rows taken out of one file; a file without the key is left alone."""
    own = rows_of_key(segment, key)
    if not own.num_rows or pc.min(own.column("timestamp_ms")).as_py() > upto_ms:
        return 0
    table = read_table(segment, ["key", "timestamp_ms"])
    of_key = pc.fill_null(pc.equal(table.column("key"), pa.scalar(key, pa.binary())), False)
    gone = pc.and_(of_key, pc.less_equal(table.column("timestamp_ms"), upto_ms))
    keep = pc.invert(gone).combine_chunks()
    without(segment, replace(segment, generation=segment.generation + 1), keep)
    return int(table.num_rows - pc.sum(keep).as_py())
