"""4-5 Loops: what a step does to many numbers at once, apart so that C can do it.

`PythonLoops` says what is meant; connectors/loops.py has the same in C. Everything else of a step
is objects and calls, of which C makes little (docs/adr/0020-loops-in-c.md).
"""

from __future__ import annotations

from typing import Protocol

from numpy import array, int64, maximum, minimum
from numpy.typing import NDArray

from models import decay
from models.masks import as_mask
from schemas.ids import MILLION

Column = NDArray[int64]

SIXTEENTHS = 16
FINE_BITS = 8
SHARE_BITS = 20
_BYTE_MAX = 255


class Loops(Protocol):
    """The loops of a step, all without state."""

    def rounded(self, vector: list[float]) -> bytes:
        """A byte a value: sixteenths rounded down, those outside [0, 15.94] at its ends."""
        ...

    def differing(self, before: bytes, now: bytes) -> bytes:
        """(place, value before) of each value that is another now, in order of place.

        Raises ValueError for two lengths.
        """
        ...

    def count(self, every: list[list[int]], at_ms: int) -> None:
        """Count one event at `at_ms` (engine time) under each half-life (models/decay.py)."""
        ...

    def counted_milli(self, every: list[list[int]], now_ms: int) -> list[int]:
        """Thousandths of the events counted that are left at `now_ms`, one a half-life."""
        ...

    def moved(self, averages: list[int], scores: list[int], fast: int, slow: int) -> list[int]:
        """The fast averages, then the slow ones, each moved towards its score.

        Averages are in 256ths of a ppm, scores in ppm, the shares to move by in 2^-20.
        """
        ...

    def qualities(self, weights: Column, scores: list[int]) -> Column:
        """Sum of weight x score in millionths, one a row of `weights`, within 0 to 1,000,000.

        Sums fit 64 bits. Raises ValueError where rows and scores differ in length.
        """
        ...

    def ranked(
        self, bids: Column, qualities: Column, those: Column, bidding: int, least: int, most: int
    ) -> tuple[list[tuple[int, int, int]], int]:
        """(index, bid, quality) of the `most` best of `those`, and the mask of who is able.

        Best by bid x quality, the first of `those` among equals; able is who reaches `least` of the
        mask `bidding`, which holds `those`. Products fit 64 bits.
        """
        ...


class PythonLoops:
    """The loops in Python."""

    def rounded(self, vector: list[float]) -> bytes:
        """See Loops."""
        rough = [int(value * SIXTEENTHS) for value in vector]
        try:
            return bytes(rough)
        except ValueError:
            return bytes(min(max(each, 0), _BYTE_MAX) for each in rough)

    def differing(self, before: bytes, now: bytes) -> bytes:
        """See Loops."""
        out: list[int] = []
        for place, (old, new) in enumerate(zip(before, now, strict=True)):
            if old != new:
                out += (place, old)
        return bytes(out)

    def count(self, every: list[list[int]], at_ms: int) -> None:
        """See Loops."""
        decay.count(every, at_ms)

    def counted_milli(self, every: list[list[int]], now_ms: int) -> list[int]:
        """See Loops."""
        return [decay.counted_milli(buckets, which, now_ms) for which, buckets in enumerate(every)]

    def moved(self, averages: list[int], scores: list[int], fast: int, slow: int) -> list[int]:
        """See Loops."""
        goals = [score << FINE_BITS for score in scores]
        shares = [fast] * len(goals) + [slow] * len(goals)
        return [
            old + ((goal - old) * share >> SHARE_BITS)
            for old, goal, share in zip(averages, goals + goals, shares, strict=True)
        ]

    def qualities(self, weights: Column, scores: list[int]) -> Column:
        """See Loops."""
        quality: Column = weights @ array(scores, int64)
        quality //= MILLION
        minimum(quality, MILLION, out=quality)
        maximum(quality, 0, out=quality)
        return quality

    def ranked(
        self, bids: Column, qualities: Column, those: Column, bidding: int, least: int, most: int
    ) -> tuple[list[tuple[int, int, int]], int]:
        """See Loops."""
        scores = bids * qualities
        # A stable sort of those who are in the order of ties keeps that order.
        top = those[(-scores[those]).argsort(kind="stable")][:most]
        able = bidding & as_mask(scores >= least)
        rows = zip(top.tolist(), bids[top].tolist(), qualities[top].tolist(), strict=True)
        return list(rows), able


IN_PYTHON: Loops = PythonLoops()
