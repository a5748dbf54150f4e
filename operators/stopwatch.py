"""Stage times for the ledger header. They are measured here and never part of a result."""

from __future__ import annotations

from time import perf_counter_ns, time


class Laps:
    """Microseconds by stage since `start`; satisfies models.user.Stopwatch."""

    __slots__ = ("_last_ns", "consumed_at_ms", "us")

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Forget the last record; the clock starts."""
        self.consumed_at_ms = now_ms()
        self.us: dict[str, int] = {}
        self._last_ns = perf_counter_ns()

    def lap(self, stage: str) -> None:
        """The named stage has just ended."""
        now_ns = perf_counter_ns()
        self.us[stage] = (now_ns - self._last_ns) // 1000
        self._last_ns = now_ns


def now_ms() -> int:
    """Wall clock, epoch milliseconds; for ledgers and letters only, never for a rule."""
    return int(time() * 1000)
