"""What a running archiver tells Prometheus; names begin with `kairos_archive_`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, start_http_server

from connectors.archive_run import Seen


class ArchiveMetrics:
    """Gauges that follow what the run says of itself."""

    def __init__(self, disk_bytes_max: int) -> None:
        self.registry = CollectorRegistry()
        self._lag = self._gauge("lag_records", "records not archived yet", ["topic"])
        self._rows = self._gauge("rows_written", "rows written since the start", ["table"])
        self._records = self._gauge("records_read", "records read since the start")
        self._commits = self._gauge("commits", "commits since the start")
        self._bytes = self._gauge("bytes", "bytes of all files")
        self._full = self._gauge("full", "1 while nothing is read for want of room")
        self._gauge("bytes_max", "bytes at which it stops reading").set(disk_bytes_max)

    def _gauge(self, name: str, text: str, labels: list[str] | None = None) -> Gauge:
        return Gauge(f"kairos_archive_{name}", text, labels or [], registry=self.registry)

    def serve(self, port: int) -> None:
        """Answer GET /metrics on loopback. Raises OSError."""
        start_http_server(port, addr="127.0.0.1", registry=self.registry)

    def tell(self, seen: Seen) -> None:
        """Take over what is known now."""
        for topic, lag in seen.lag.items():
            self._lag.labels(topic).set(lag)
        for name, rows in seen.written.items():
            self._rows.labels(name).set(rows)
        self._records.set(seen.records)
        self._commits.set(seen.commits)
        self._bytes.set(seen.bytes)
        self._full.set(seen.full)
