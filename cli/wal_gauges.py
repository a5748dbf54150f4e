"""The write-ahead log as its running gateway tells it: depth, age, room, speed of its disk."""

from __future__ import annotations

from typing import Any
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

PREFIX = "kairos_gateway_wal_"
TIMEOUT_S, SHARE = 2.0, 0.99


def gauges(gateway: str) -> dict[str, Any] | None:
    """Of the gateway at this URL; None when it does not answer."""
    try:
        with urlopen(f"{gateway}/metrics", timeout=TIMEOUT_S) as answer:
            return parsed(answer.read().decode())
    except OSError:
        return None


def parsed(text: str) -> dict[str, Any]:
    """Records and bytes are counts; `sync_p99_s` is the upper bound of the bucket that holds it."""
    values: dict[str, float] = {}
    buckets: list[tuple[float, float]] = []
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = sample.name.removeprefix(PREFIX)
            if name == "sync_seconds_bucket":
                buckets.append((float(sample.labels["le"]), sample.value))
            elif sample.name != name and not sample.labels:
                values[name] = sample.value
    return {
        "undelivered": int(values["undelivered"]),
        "oldest_age_s": round(values["oldest_age_seconds"], 1),
        "bytes": int(values["bytes"]),
        "sync_p99_s": _p99(buckets),
    }


def _p99(buckets: list[tuple[float, float]]) -> float | None:
    """None before the first sync, and past the last bound."""
    syncs = buckets[-1][1] if buckets else 0.0
    if not syncs:
        return None
    bound = next(le for le, count in buckets if count >= SHARE * syncs)
    return None if bound == float("inf") else bound


def line(told: dict[str, Any] | None) -> str:
    """For a person."""
    if told is None:
        return "wal    no gateway answers; `kairos wal status` reads the files"
    p99_s = told["sync_p99_s"]
    sync = "no sync yet" if p99_s is None else f"sync p99 <= {p99_s * 1000:g} ms"
    return (
        f"wal    {told['undelivered']} undelivered, oldest {told['oldest_age_s']} s, "
        f"{told['bytes']} bytes, {sync}"
    )
