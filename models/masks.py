"""6 Masks: sets of campaigns as bits of one number, and as flags of a column."""

from __future__ import annotations

from numpy import bool_, frombuffer, packbits, uint8, unpackbits
from numpy.typing import NDArray


def as_mask(flags: NDArray[bool_]) -> int:
    """Flags in order as bits, the first as the lowest."""
    return int.from_bytes(packbits(flags, bitorder="little").tobytes(), "little")


def as_flags(mask: int, count: int) -> NDArray[bool_]:
    """The lowest `count` bits as flags."""
    data = frombuffer(mask.to_bytes((count + 7) // 8, "little"), uint8)
    return unpackbits(data, count=count, bitorder="little").view(bool_)
