"""One file of an archive written, read in part, and several of one place made into one.

Rows are sorted by key, then offset, and lie in groups of GROUP_ROWS whose statistics say which
keys they hold: what one user did is one group, not a scan. The index goes to the disk before the
file it belongs to gets its name, so that a file never stands without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.archive_columns import Row, names_of, schema, table_of
from connectors.archive_files import DECISIONS_TABLE, PART, Segment, settle, sync
from connectors.archive_index import hash_of, pairs_in, write_index
from connectors.log_files import LogFilesError

GROUP_ROWS = 2_000
LEVEL = 3
"""Of zstd: more costs time and saves little on Avro bodies."""

INDEXED = ("events", DECISIONS_TABLE)


def write_rows(segment: Segment, rows: Sequence[Row]) -> None:
    """Write a file of rows, which this sorts. Nothing of the name is left by a crash before."""
    ordered = sorted(rows, key=lambda row: (row.raw.key or b"", row.raw.offset))
    pairs = [(hash_of(name), at) for at, row in enumerate(ordered) for name in names_of(row)]
    _write(segment, table_of(segment.table, ordered), pairs)


def merged(segments: Sequence[Segment], into: Segment) -> None:
    """Write what several files hold as one file. Raises LogFilesError."""
    tables = [read_table(each) for each in segments]
    starts = np.cumsum([0, *(each.num_rows for each in tables)])
    pairs = [
        (key, row + int(start))
        for each, start in zip(segments, starts, strict=False)
        for key, row in (pairs_in(each.index) if each.index.exists() else ())
    ]
    _write_sorted(into, pa.concat_tables(tables), pairs)


def without(segment: Segment, into: Segment, keep: Any) -> None:
    """Write the rows for which `keep` (an Arrow mask) is true as the next generation."""
    table = read_table(segment)
    mask = np.asarray(keep)
    at = np.cumsum(mask) - 1
    pairs = [
        (key, int(at[row]))
        for key, row in (pairs_in(segment.index) if segment.index.exists() else ())
        if mask[row]
    ]
    _write(into, table.filter(pa.array(mask)), pairs)


def read_table(segment: Segment, columns: list[str] | None = None) -> Any:
    """A whole file, or some columns of it. Raises LogFilesError."""
    try:
        return pq.ParquetFile(segment.path).read(columns)
    except (OSError, pa.ArrowException) as failure:
        raise _unreadable(segment.path, failure) from failure


def count_rows(segment: Segment) -> int:
    """How many rows a file holds, from its foot alone. Raises LogFilesError."""
    try:
        return int(pq.ParquetFile(segment.path).metadata.num_rows)
    except (OSError, pa.ArrowException) as failure:
        raise _unreadable(segment.path, failure) from failure


def rows_at(segment: Segment, rows: Sequence[int]) -> Any:
    """These rows of a file; only their groups are read. Raises LogFilesError."""
    try:
        file = pq.ParquetFile(segment.path)
        groups = sorted({row // GROUP_ROWS for row in rows})
        base = {group: at * GROUP_ROWS for at, group in enumerate(groups)}
        table = file.read_row_groups(groups)
        # Slices, as `take` would import pandas to look at its argument: half a second.
        places = [base[row // GROUP_ROWS] + row % GROUP_ROWS for row in rows]
        return pa.concat_tables([table.slice(place, 1) for place in places])
    except (OSError, pa.ArrowException) as failure:
        raise _unreadable(segment.path, failure) from failure


def rows_of_key(segment: Segment, key: bytes) -> Any:
    """The rows of one key, by offset; only groups that may hold it are read."""
    try:
        file = pq.ParquetFile(segment.path)
        groups = list(groups_of_key(file, key))
        if not groups:
            return schema(segment.table).empty_table()
        table = file.read_row_groups(groups)
        # Rows of a key are neighbours; a comparison by Arrow would import pandas, half a second.
        places = [at for at, each in enumerate(table.column("key").to_pylist()) if each == key]
        return table.slice(places[0], len(places)) if places else table.slice(0, 0)
    except (OSError, pa.ArrowException) as failure:
        raise _unreadable(segment.path, failure) from failure


def groups_of_key(file: Any, key: bytes) -> Iterator[int]:
    """Groups whose statistics do not rule the key out."""
    about = file.metadata
    column = file.schema_arrow.get_field_index("key")
    for group in range(about.num_row_groups):
        found = about.row_group(group).column(column).statistics
        if found is None or not found.has_min_max or found.min <= key <= found.max:
            yield group


def _write_sorted(segment: Segment, table: Any, pairs: Sequence[tuple[int, int]]) -> None:
    order = pc.sort_indices(table, [("key", "ascending"), ("offset", "ascending")])
    place = np.empty(table.num_rows, np.int64)
    place[np.asarray(order)] = np.arange(table.num_rows)
    _write(segment, table.take(order), [(key, int(place[row])) for key, row in pairs])


def _write(segment: Segment, table: Any, pairs: Sequence[tuple[int, int]]) -> None:
    segment.folder.mkdir(parents=True, exist_ok=True)
    if segment.table in INDEXED:
        part = Path(f"{segment.index}{PART}")
        write_index(part, pairs)
        sync(part)
        settle(part, segment.index)
    part = Path(f"{segment.path}{PART}")
    pq.write_table(
        table,
        part,
        row_group_size=GROUP_ROWS,
        compression="zstd",
        compression_level=LEVEL,
        # Bodies differ from each other; a dictionary of them would be the column again.
        use_dictionary=[name for name in table.schema.names if name not in ("value", "offset")],
    )
    sync(part)
    settle(part, segment.path)


def _unreadable(path: Path, failure: Exception) -> LogFilesError:
    return LogFilesError(f"{path} cannot be read: {failure}")
