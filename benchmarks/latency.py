"""Event -> decision through the whole stack at fixed rates, open loop, with CPU per process."""

from __future__ import annotations

import os
from functools import partial
from math import inf

from benchmarks.proof import Result, measured
from benchmarks.proof_replay import replayed
from benchmarks.rows import Row, machine
from cli.output import progress
from infra.local.layout import read_layout
from infra.local.services import ALL
from infra.local.stack import Stack

NAME = "latency"
HELP = "event -> decision at 200 and 1,000 events/s through a stack of its own"
RATES = ((200, 300), (1000, 1500))
"""(events a second, recorded visits)."""


def rows() -> list[Row]:
    """Start a stack, replay at each rate, stop it."""
    home = read_layout().home / "proofs" / "latency"
    layout = read_layout({**os.environ, "KAIROS_STACK_DIR": str(home)})
    stack = Stack(layout, report=progress)
    try:
        stack.up([name for name in ALL if name != "shop"], demo=True)
        out: list[Row] = []
        for rate, sessions in RATES:
            out += _rows(rate, measured(stack, partial(replayed, sessions=sessions, rate=rate)))
        return out
    finally:
        stack.down()


def _times(name: str, value: float | None, times: Result) -> Row:
    return Row(name, "ms", inf if value is None else value, times["p50"], times["p99"], machine())


def _rows(rate: int, result: Result) -> list[Row]:
    times, where = result["latency_ms"], machine()
    out = [_times(f"event -> decision at {rate}/s (value: p99.9)", times["p99_9"], times)]
    for stage, each in result["ledger_ms"].items():
        out.append(_times(f"  {stage} at {rate}/s (value: p99)", each["p99"], each))
    for process, cpu_s in result["cpu_s"].items():
        share = round(100 * cpu_s / result["took_s"], 1)
        out.append(Row(f"  CPU of {process} at {rate}/s", "% of a core", share, machine=where))
    return out
