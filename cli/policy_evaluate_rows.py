"""Logged bandit data as columns: a CSV or Parquet file, read in batches (docs/evaluate.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from msgspec import Struct
from numpy.typing import NDArray
from pyarrow import compute, csv, parquet

from cli.output import CommandError
from cli.progress import Bar

ALIASES: dict[str, tuple[str, ...]] = {
    "reward": ("reward", "click"),
    "action": ("action", "item_id"),
    "propensity": ("propensity", "propensity_score", "pscore"),
    "position": ("position",),
    "user": ("user", "user_id", "user_key"),
    "probability": ("probability",),
}
"""Role -> names of its column, the first that the file has; the second are Open Bandit's."""

BATCH_ROWS = 65_536
VALUES_MAX = 50
CONTEXT_MAX = 400
Floats = NDArray[np.float64]


class Rows(Struct, frozen=True):
    """A file's rows, and which column plays which role."""

    path: Path
    table: pa.Table
    roles: dict[str, str]

    def need(self, role: str) -> pa.ChunkedArray:
        """The column of a role. Raises CommandError."""
        if role not in self.roles:
            names = " or ".join(ALIASES[role])
            raise CommandError(
                f"{self.path}: no column {names}; name it with --{role} COLUMN "
                f"(the file has {', '.join(self.table.column_names[:12])})"
            )
        return self.table[self.roles[role]]

    def words(self, role: str) -> list[str]:
        """The column of a role as text. Raises CommandError where a row has none."""
        return text_of(self.need(role), f"{self.path}: {self.roles.get(role)}")

    def numbers(self, role: str) -> Floats:
        """The column of a role as finite numbers. Raises CommandError."""
        return finite(self.need(role), f"{self.path}: {self.roles.get(role)}")


def read_rows(path: Path, where: Sequence[str], named: Mapping[str, str | None]) -> Rows:
    """Read the rows that meet every COLUMN=VALUE of `where`. Raises CommandError."""
    wanted = [_condition(each) for each in where]
    try:
        table = pa.Table.from_batches(list(_kept(path, wanted)))
    except (OSError, pa.ArrowException, ValueError) as failure:
        raise CommandError(f"{path}: {failure}") from failure
    if not table.num_rows:
        raise CommandError(f"{path}: no row is left; check --where {' '.join(where)}")
    columns = table.column_names
    roles = {
        role: next((each for each in names if each in columns), "")
        for role, names in ALIASES.items()
    }
    for role, name in named.items():
        if name is not None and name not in columns:
            raise CommandError(f"{path}: --{role} {name}: no such column")
        roles[role] = name or roles[role]
    return Rows(path, table, {role: name for role, name in roles.items() if name})


def _condition(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise CommandError(f"--where {text}: write COLUMN=VALUE, for example policy=random")
    return name, value


def _kept(path: Path, wanted: Sequence[tuple[str, str]]) -> Iterator[pa.RecordBatch]:
    for whole in _batches(path):
        batch = whole
        for name, value in wanted:
            if name not in batch.schema.names:
                raise CommandError(f"{path}: --where {name}={value}: no such column")
            batch = batch.filter(compute.equal(_as_text(batch[name]), value))
        yield batch


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    if path.suffix == ".parquet":
        file, done = parquet.ParquetFile(path), 0
        with Bar(file.metadata.num_rows, "rows") as bar:
            for batch in file.iter_batches(BATCH_ROWS):
                done += batch.num_rows
                bar.update(done)
                yield batch
        return
    with pa.OSFile(str(path)) as source, Bar(path.stat().st_size, "bytes") as bar:
        names = (name for role in ("action", "position", "user") for name in ALIASES[role])
        options = csv.ConvertOptions(column_types={name: pa.string() for name in names})
        for batch in csv.open_csv(source, convert_options=options):
            bar.update(source.tell())
            yield batch


def _as_text(column: Any) -> Any:
    return compute.cast(column, pa.string())


def text_of(column: pa.ChunkedArray, what: str) -> list[str]:
    """Values as text. Raises CommandError at a missing one."""
    if column.null_count:
        raise CommandError(f"{what}: {column.null_count} rows have no value; fill or drop them")
    return [str(each) for each in _as_text(column).to_pylist()]


def finite(column: pa.ChunkedArray, what: str) -> Floats:
    """Values as float64. Raises CommandError at anything else."""
    try:
        values: Floats = compute.cast(column, pa.float64()).to_numpy()
    except pa.ArrowException as failure:
        raise CommandError(f"{what}: not a number in every row ({failure})") from failure
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise CommandError(f"{what}: no finite number in row {bad[0] + 1}; fill or drop it")
    return values


def context_of(rows: Rows, names: Sequence[str] | None, but: Sequence[str]) -> Floats:
    """The context as numbers: each scaled to mean 0 and deviation 1, words one column a value.

    Without `names` it is every column that has no role, is not in `but`, and is number or word.
    """
    free = [each for each in rows.table.column_names if each not in (*rows.roles.values(), *but)]
    made = [np.zeros((rows.table.num_rows, 0))]
    for name in free if names is None else names:
        if name not in rows.table.column_names:
            raise CommandError(f"{rows.path}: --context {name}: no such column")
        made.append(_encoded(rows.table[name]))
    if "position" in rows.roles and names is None:
        made.append(_encoded(_as_text(rows.need("position"))))
    out = np.concatenate(made, axis=1)
    if out.shape[1] > CONTEXT_MAX:
        raise CommandError(
            f"{rows.path}: the context is {out.shape[1]} numbers a row, at most {CONTEXT_MAX}; "
            "choose columns with --context A,B"
        )
    return out


def _encoded(column: pa.ChunkedArray) -> Floats:
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        values = np.nan_to_num(compute.cast(column, pa.float64()).to_numpy())
        spread = values.std()
        scaled: Floats = (values - values.mean()) / (spread or 1.0)
        return scaled[:, None] if spread else np.zeros((len(column), 0))
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return np.zeros((len(column), 0))
    words = np.array([each or "" for each in _as_text(column).to_pylist()])
    names, counts = np.unique(words, return_counts=True)
    often = names[np.argsort(-counts, kind="stable")][:VALUES_MAX]
    hot: Floats = (words[:, None] == often[None, :]).astype(np.float64)
    return hot if len(names) > 1 else np.zeros((len(column), 0))
