"""Health: what runs, whether it is ready, and counts for Prometheus. No label names a visitor."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

OUTCOMES = ("accepted", "duplicate", "conflict", "rejected")
BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class Metrics:
    """The process's own metrics; names begin with `kairos_gateway_`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = self._counter("requests", "POST /v1/events by HTTP status", "status")
        self.events = self._counter(
            "events", "events by outcome: accepted, duplicate, conflict, rejected", "outcome"
        )
        self.push = self._counter(
            "push", "records of topic decisions by what became of them", "outcome"
        )
        self._event_counters = {name: self.events.labels(name) for name in OUTCOMES}
        self._request_counters: dict[int, Counter] = {}
        self.closed = self._counter("sockets_closed", "push connections by close code", "code")
        self.notes_lost = Counter(
            "kairos_gateway_notes_lost",
            "time-outs that could not be written to the log",
            registry=self.registry,
        )
        self.sockets = Gauge(
            "kairos_gateway_sockets", "open push connections", registry=self.registry
        )
        self.ack_s = self._histogram("ack_seconds", "receipt of a POST to its durability")
        self.pushed_s = self._histogram("decision_seconds", "receipt of an event to its push")

    def count_request(self, status: int) -> None:
        """One more POST answered with this status."""
        counter = self._request_counters.get(status)
        if counter is None:
            counter = self._request_counters[status] = self.requests.labels(str(status))
        counter.inc()

    def count_events(self, outcome: str, number: int) -> None:
        """So many more events of one of OUTCOMES."""
        if number:
            self._event_counters[outcome].inc(number)

    def _counter(self, name: str, text: str, label: str) -> Counter:
        return Counter(f"kairos_gateway_{name}", text, [label], registry=self.registry)

    def _histogram(self, name: str, text: str) -> Histogram:
        return Histogram(f"kairos_gateway_{name}", text, buckets=BUCKETS_S, registry=self.registry)

    def render(self, push_counts: dict[str, int]) -> bytes:
        """The exposition text; push counts are kept plain on the hot path and copied here."""
        for outcome, count in push_counts.items():
            counter = self.push.labels(outcome)
            counter.inc(count - counter._value.get())
        return generate_latest(self.registry)


class Readiness:
    """Why this process should get no traffic now; empty = ready."""

    def __init__(self) -> None:
        self.draining = False
        self.sites_loaded = False
        self.decisions_followed = False

    def missing(self, *, log_healthy: bool, blocked: str = "") -> list[str]:
        """Names of what is not as it should be; `blocked` is what holds the log up."""
        checks = {
            "draining": not self.draining,
            "sites": self.sites_loaded,
            "decisions": self.decisions_followed,
            "log": log_healthy,
        }
        return [name for name, good in checks.items() if not good] + [blocked] * bool(blocked)
