"""Where an id lies in a file: a sorted array of 64-bit hashes and, beside it, row numbers.

A lookup maps the index into memory and halves its way down, so that it reads some ten pages of a
file of millions. Two ids may share a hash: the reader compares the id itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from connectors.log_files import LogFilesError

MAGIC = b"KAIROSX1"
HEAD_BYTES = 16
Numbers = npt.NDArray[np.unsignedinteger[Any]]


def hash_of(name: str) -> int:
    """The 64-bit hash of an id."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")


def write_index(path: Path, rows: Iterable[tuple[int, int]]) -> None:
    """Write (hash, row) pairs, sorted."""
    pairs = np.array(sorted(rows), dtype=[("hash", "<u8"), ("row", "<u4")])
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(MAGIC + len(pairs).to_bytes(8, "little"))
        out.write(pairs["hash"].tobytes())
        out.write(pairs["row"].tobytes())


def pairs_in(path: Path) -> Sequence[tuple[int, int]]:
    """All (hash, row) pairs of an index. Raises LogFilesError."""
    hashes, rows = _mapped(path)
    return list(zip(hashes.tolist(), rows.tolist(), strict=True))


def rows_of(path: Path, name: str) -> list[int]:
    """Rows that may hold the id, ascending. Raises LogFilesError."""
    hashes, rows = _mapped(path)
    wanted = np.uint64(hash_of(name))
    low = int(np.searchsorted(hashes, wanted, "left"))
    high = int(np.searchsorted(hashes, wanted, "right"))
    return sorted(rows[low:high].tolist())


def _mapped(path: Path) -> tuple[Numbers, Numbers]:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        count = int.from_bytes(head[8:], "little")
        if head[:8] != MAGIC or path.stat().st_size != HEAD_BYTES + 12 * count:
            raise LogFilesError(f"{path} is damaged; remove it: its file is then searched in full")
        if not count:
            return np.empty(0, "<u8"), np.empty(0, "<u4")
        hashes = np.memmap(path, "<u8", "r", HEAD_BYTES, (count,))
        rows = np.memmap(path, "<u4", "r", HEAD_BYTES + 8 * count, (count,))
    except OSError as failure:
        raise LogFilesError(f"{path} cannot be read: {failure.strerror}") from failure
    return hashes, rows
