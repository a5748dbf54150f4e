"""Counts reach Flink in bulk, and every one of them exactly once."""

from __future__ import annotations

from operators.metrics import PUSH_EVENTS, Meter
from operators.watch import EVERY, Watch
from schemas.decision import Decision
from schemas.model import Model


class Counter:
    """Remembers each call."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def inc(self, n: int = 1) -> None:
        """One call into the engine."""
        self.calls.append(n)


class Group:
    """A metric group; `labels` are the groups that became labels."""

    def __init__(self) -> None:
        self.counters: dict[str, Counter] = {}
        self.labels: list[tuple[str, str]] = []

    def add_group(self, name: str, value: str | None = None) -> Group:
        """The same group, for all names."""
        if value is not None:
            self.labels.append((name, value))
        return self

    def counter(self, name: str) -> Counter:
        """A counter, by name."""
        return self.counters.setdefault(name, Counter())


def test_many_events_make_one_call():
    """PUSH_EVENTS records cost one call a counter."""
    group, meter = Group(), Meter(lambda: 0.0)
    meter.attach(group, "b1")
    for _ in range(PUSH_EVENTS):
        meter.add("applied")
        meter.tick()
    assert group.counters["applied"].calls == [PUSH_EVENTS]
    assert group.counters["late"].calls == []


def test_a_quiet_job_still_reports_within_a_second():
    """The clock pushes when events are too few."""
    now_s = [0.0]
    group, meter = Group(), Meter(lambda: now_s[0])
    meter.attach(group, "b1")
    meter.add("late")
    meter.tick()
    assert group.counters["late"].calls == []
    now_s[0] = 1.5
    meter.tick()
    meter.push()
    assert group.counters["late"].calls == [1]


def test_the_build_shows_as_a_label():
    """Whoever reads the metrics sees which code runs."""
    group = Group()
    Meter().attach(group, "b1")
    assert group.labels == [("build", "b1")] and group.counters["started"].calls == [1]


def test_bins_are_counters_with_labels_of_every_sixteenth_decision():
    """Each push hands over what was added; the reference is the model's card."""
    group, meter = Group(), Meter(lambda: 0.0)
    meter.attach(group, "b1")
    watch, card = Watch(meter), '{"score_percentiles_ppm": {"churn_risk": {"p50": 400000}}}'
    said = Decision(scores={"churn_risk": 500_000})
    for _ in range(3 * EVERY):
        watch.take(said, Model(card=card))
    meter.push()
    watch.take(said, None)
    percentile = '{"score_percentiles_ppm": {"churn_risk": {"p50": %s}}}'
    odd = [percentile % value for value in ('"0.3"', "null", "[1]", "Infinity", "NaN")]
    for broken in ("", "[]", "no card", '{"score_percentiles_ppm": {"a": {"p": 1}}}', *odd):
        for _ in range(EVERY):
            watch.take(said, Model(card=broken))
    meter.push()
    assert group.counters["drift_seen"].calls == [3]
    assert {("score", "churn_risk"), ("bin", "1")} <= set(group.labels)
