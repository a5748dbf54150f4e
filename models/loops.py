"""4-5 Loops: what a step does to many numbers at once, apart so that C can do it.

`PythonLoops` says what is meant; connectors/loops.py has the same in C. Everything else of a step
is objects and calls, of which C makes little (docs/adr/0020-loops-in-c.md).
"""

from __future__ import annotations

from typing import Protocol

from models import decay

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


IN_PYTHON: Loops = PythonLoops()
