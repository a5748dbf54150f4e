"""What the write-ahead log tells Prometheus; names begin with `kairos_gateway_wal_`."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

BUCKETS_S = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2)
EVENTS = {
    "drained": "records sent from the disk: after a restart, or after the broker was away",
    "damaged": "acknowledged records that could not be read; a copy of the bytes is set aside",
    "torn_bytes": "bytes behind the last good record at a start; a copy is set aside",
    "refused": "records the broker refuses for what they are; set aside",
    "unreadable": "records that this version cannot read; set aside",
    "disk_full": "groups that were not written because the disk was full",
    "kept_short": "delivered segments deleted before their time because room was needed",
}


class WalMetrics:
    """Counts by name, and gauges that are asked when somebody looks."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter = Counter("kairos_gateway_wal", "; ".join(EVENTS), ["what"], registry=registry)
        self._counters = {name: counter.labels(name) for name in EVENTS}
        self._registry = registry
        self.sync_s = Histogram(
            "kairos_gateway_wal_sync_seconds",
            "one group's write and sync",
            buckets=BUCKETS_S,
            registry=registry,
        )

    def count(self, name: str, number: int = 1) -> None:
        """So many more of one of EVENTS."""
        self._counters[name].inc(number)

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """A number that is asked for when somebody looks."""
        Gauge(f"kairos_gateway_wal_{name}", text, registry=self._registry).set_function(value)
