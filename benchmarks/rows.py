"""What a benchmark reports: rows with their unit, and the machine they were measured on."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.percentiles import percentile


@dataclass(frozen=True, slots=True)
class Row:
    """One number. `value` is a mean or rate; p50 and p99 are None where only that makes sense."""

    name: str
    unit: str
    value: float
    p50: float | None = None
    p99: float | None = None
    machine: str = ""


def machine() -> str:
    """Processor, cores, Python and load, as it stands beside every figure."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.split(":", 1)[1].strip() for line in file if "model name" in line]
        model = names[0] if names else model
    except OSError:
        pass
    load = os.getloadavg()[0]
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, load {load:.1f}"


def timed(name: str, samples_us: Sequence[float]) -> Row:
    """A row over single measurements in microseconds."""
    ordered = sorted(samples_us)
    mean = sum(ordered) / len(ordered)
    p50, p99 = percentile(ordered, 0.5), percentile(ordered, 0.99)
    return Row(name, "us", round(mean, 2), round(p50, 2), round(p99, 2), machine())


def cpu_us(work: Callable[[], object], repeats: int) -> list[float]:
    """CPU microseconds of each of `repeats` calls: neighbours on the cores do not count."""
    out = []
    for _ in range(repeats):
        before = time.process_time_ns()
        work()
        out.append((time.process_time_ns() - before) / 1000)
    return out
