"""What `kairos status` tells of the write-ahead log, from the gateway's own metrics."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from cli.wal_gauges import gauges, line, parsed
from gateway.wal_metrics import WalMetrics


def told(*syncs_s: float) -> str:
    registry = CollectorRegistry()
    metrics = WalMetrics(registry)
    for name, value in (("undelivered", 7.0), ("oldest_age_seconds", 1.26), ("bytes", 900.0)):
        metrics.gauge(name, name, lambda value=value: value)  # type: ignore[misc]
    metrics.count("drained", 3)
    for each in syncs_s:
        metrics.sync_s.observe(each)
    return generate_latest(registry).decode()


@pytest.mark.parametrize(
    ("syncs_s", "p99_s", "said"),
    [
        ((), None, "no sync yet"),
        ((0.0001,) * 99 + (0.03,), 0.0002, "sync p99 <= 0.2 ms"),
        ((0.0001,) * 98 + (0.03,) * 2, 0.05, "sync p99 <= 50 ms"),
    ],
)
def test_depth_age_and_the_disks_p99(
    syncs_s: tuple[float, ...], p99_s: float | None, said: str
) -> None:
    found = parsed(told(*syncs_s))
    wanted = {"undelivered": 7, "oldest_age_s": 1.3, "bytes": 900, "sync_p99_s": p99_s}
    assert found == wanted
    assert line(found) == f"wal    7 undelivered, oldest 1.3 s, 900 bytes, {said}"


def test_a_gateway_that_does_not_answer_is_said_to() -> None:
    assert gauges("http://127.0.0.1:1") is None and "no gateway answers" in line(None)
