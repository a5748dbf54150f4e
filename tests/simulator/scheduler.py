"""One seeded scheduler: it alone says what happens next. There is no other clock or chance."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from random import Random

START_MS = 1_790_000_000_000
"""True time at which every world begins, epoch milliseconds."""


class Scheduler:
    """What is to happen, in order of time and then of being asked for."""

    def __init__(self, seed: int, *, trace: bool = False) -> None:
        self.chance = Random(seed)
        self.now_ms = START_MS
        self.steps = 0
        self._waiting: list[tuple[int, int, bool, Callable[[], None]]] = []
        self._asked = 0
        self._trace = trace

    def later(self, delay_ms: int, act: Callable[[], None], *, idle: bool = False) -> None:
        """Do `act` in `delay_ms` of true time; `idle` for what only passes the time."""
        self._asked += 1
        heappush(self._waiting, (self.now_ms + delay_ms, self._asked, idle, act))

    def next_ms(self) -> int | None:
        """When the next thing happens that is not idle, None when nothing does."""
        return min((at_ms for at_ms, _, idle, _ in self._waiting if not idle), default=None)

    def step(self) -> bool:
        """Do the next thing; False when nothing is left."""
        if not self._waiting:
            return False
        at_ms, _, _, act = heappop(self._waiting)
        self.now_ms = max(self.now_ms, at_ms)
        self.steps += 1
        act()
        return True

    def between(self, low: int, high: int) -> int:
        """A whole number in [low, high]."""
        return self.chance.randint(low, high)

    def say(self, what: str) -> None:
        """One line of the trace, with the time since the beginning."""
        if self._trace:
            print(f"{self.now_ms - START_MS:>9} ms  {what}")

    @property
    def traced(self) -> bool:
        """Whether somebody reads what is said."""
        return self._trace
