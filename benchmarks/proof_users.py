"""Proof `users`: a job that knows a million users is as fast as one that knows ten thousand."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

from benchmarks.drain import fill, running, speed
from benchmarks.proof import Proof, Result, Step
from benchmarks.proof_replay import minimal_push, replayed
from benchmarks.workloads import arrivals, mix
from infra.local.layout import CHECKOUT, Layout, read_layout
from infra.local.service import endpoints
from infra.local.services import ALL, BASE
from infra.local.stack import Stack

SEED = 1
FEW, MANY = 10_000, 1_000_000
WARM_UP, MEASURED = 60_000, 200_000
"""Events of known users: the first ones are the compiler's."""

RATIO_MAX = 1.2
VISITORS, PER_S = 500, 200.0
"""Recorded visitors and their events a second, beside the users that are known already."""

NOTES = (
    "Each step has a stack of its own: every user sends one event, then known users, drawn evenly, "
    "send the mix of `kairos bench drain`; the job has one core. Then recorded visitors pass "
    "through the gateway at 200 events/s while the state of all these users lies in RocksDB. CPU "
    "is of the whole TaskManager process. The second step's rows are held against the first's."
)


def _known(users: int) -> Result:
    """Drain and latency of a job that knows this many users."""
    with tempfile.TemporaryDirectory(prefix="kairos-users-") as folder:
        layout = Layout(CHECKOUT, read_layout().home, Path(folder) / "stack")
        with running(layout) as stack:
            return _measured(stack, users)


def _measured(stack: Stack, users: int) -> Result:
    stack.up(BASE, demo=True, job=False, keep_forever=True)
    written = users + WARM_UP + MEASURED
    beginning_ms = int(time.time() * 1000) - written
    known = mix(WARM_UP + MEASURED, users, SEED, beginning_ms=beginning_ms + users, first_index=1)
    fill(endpoints(stack.state.ports), chain(arrivals(users, beginning_ms), known))
    stack.up(BASE, demo=True, keep_forever=True)
    events_per_s, cpu_us = speed(stack, users + WARM_UP, written)
    _unpin(stack.state.pids["taskmanager-1"])
    stack.up([name for name in ALL if name != "shop"], demo=True, keep_forever=True)
    minimal_push(stack)
    replayed(stack, VISITORS, 2 * PER_S)  # the new gateway and the other topics warm up
    latency = replayed(stack, VISITORS, PER_S)["latency_ms"]
    return {"users": users, "events_per_s": events_per_s, "cpu_us": cpu_us, "latency_ms": latency}


def _unpin(pid: int) -> None:
    every = set(range(os.cpu_count() or 1))
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), every)


def _step(name: str, users: int) -> Step:
    return Step(name, lambda _: _known(users), lambda _: [])


def _compare(results: Mapping[str, Result]) -> list[str]:
    few, many = results["few"], results["many"]
    ratios = {
        "CPU an event": many["cpu_us"] / few["cpu_us"],
        "time of the drain": few["events_per_s"] / many["events_per_s"],
        "p99": many["latency_ms"]["p99"] / few["latency_ms"]["p99"],
    }
    return [
        f"{name} with {MANY:,} users is {ratio:.2f} times that with {FEW:,}, at most {RATIO_MAX}"
        for name, ratio in ratios.items()
        if ratio > RATIO_MAX
    ]


def _table(results: Mapping[str, Result]) -> list[str]:
    lines = ["| users known | events/s | CPU us an event | p50 ms at 200/s | p99 |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for each in results.values():
        times = each["latency_ms"]
        lines.append(
            f"| {each['users']:,} | {each['events_per_s']:,.0f} | {each['cpu_us']:.0f} | "
            f"{times['p50']} | {times['p99']} |"
        )
    return lines


PROOF = Proof(
    name="users",
    help="drain and latency with a million users known, against ten thousand",
    seed=SEED,
    steps=(_step("few", FEW), _step("many", MANY)),
    notes=NOTES,
    table=_table,
    services=(),
    compare=_compare,
)
