"""Counts of the hop: kept as Python ints, pushed to Flink now and then.

One call into Flink's metrics costs as much as a state read, so an event only adds to a dict.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

COUNTS = (
    "applied", "duplicate", "late", "dead_lettered", "conflict", "internal", "ticks",
    "disordered", "deadlines", "decisions", "none", "triggers", "internal_errors",
    "control_applied", "control_refused", "control_after_effect", "model_refused",
    "handed_over", "merges_received", "merges_repeated", "merges_after_due",
    "merges_refused",
)  # fmt: skip
"""Counter names, `kairos` before each in Prometheus.

`disordered`: record timestamp at or below the watermark. `control_after_effect`: a control record
that arrived after its effective time. `model_refused`: unsigned, changed, broken or unknown; the
version before stays. `merges_after_due`: a profile handed over that arrived after
it was due, so that a replay may merge it sooner; `merges_refused`: one that became a dead letter.
The first four are disjoint and sum to the events read.
"""

PUSH_EVENTS = 500
PUSH_S = 1.0


class Meter:
    """Counts by name; `tick` pushes what was added every PUSH_EVENTS calls or PUSH_S seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.counts = dict.fromkeys(COUNTS, 0)
        self._pushed = dict(self.counts)
        self._counters: dict[str, Any] = {}
        self._group: Any = None
        self.bins: dict[tuple[str, int], int] = {}
        self._pushed_bins: dict[tuple[str, int], int] = {}
        self._bin_counters: dict[tuple[str, int], Any] = {}
        self._clock = clock
        self._calls = 0
        self._next_s = clock() + PUSH_S

    def attach(self, group: Any, build_id: str) -> None:
        """Create Flink's counters in this metric group; the build shows as a label."""
        ours = group.add_group("kairos")
        self._counters = {name: ours.counter(name) for name in COUNTS}
        self._group = ours
        ours.add_group("build", build_id).counter("started").inc()

    def add(self, name: str, count: int = 1) -> None:
        """Count something."""
        self.counts[name] += count

    def seen(self, name: str, bin_: int) -> None:
        """A concept or score was in this bin of its distribution at training."""
        self.bins[name, bin_] = self.bins.get((name, bin_), 0) + 1

    def tick(self) -> None:
        """Called once per record."""
        self._calls += 1
        if self._calls >= PUSH_EVENTS or self._clock() >= self._next_s:
            self.push()

    def push(self) -> None:
        """Hand what was added since the last push to Flink."""
        self._calls = 0
        self._next_s = self._clock() + PUSH_S
        for name, counter in self._counters.items():
            added = self.counts[name] - self._pushed[name]
            if added:
                counter.inc(added)
        self._pushed = dict(self.counts)
        if self._group is not None:
            for (name, bin_), count in self.bins.items():
                added = count - self._pushed_bins.get((name, bin_), 0)
                if added:
                    self._bin_counter(name, bin_).inc(added)
            self._pushed_bins = dict(self.bins)

    def _bin_counter(self, name: str, bin_: int) -> Any:
        """Counter `drift_seen` with labels score and bin, made when first seen."""
        if (name, bin_) not in self._bin_counters:
            labelled = self._group.add_group("score", name).add_group("bin", str(bin_))
            self._bin_counters[name, bin_] = labelled.counter("drift_seen")
        return self._bin_counters[name, bin_]
