"""What goes wrong around a gateway, one function a fault: the visitors go on meanwhile.

Each gives numbers; tests and `kairos prove edge-kills` say what they have to be.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.edge_rig import Arrived, Edge, Load, verdict
from infra.local.layout import CHECKOUT
from infra.local.process import wait_until
from infra.local.stack import Stack

KILLED_AFTER_S = (0.05, 0.6)
TAIL_BYTES, CUT_WITHIN_S, HEALED_WITHIN_S = 4_096, 6.0, 90.0
FAILING_DISK = """
import os, runpy
real, left = os.fdatasync, [{good}]
def sync(descriptor):
    left[0] -= 1
    if left[0] < 0:
        raise OSError(5, "input/output error")
    real(descriptor)
os.fdatasync = sync
runpy.run_module("gateway", run_name="__main__")
"""
UNDELIVERED = "kairos_gateway_wal_undelivered"
Numbers = dict[str, Any]


async def posting(load: Load, meanwhile: Callable[[], Any]) -> Any:
    """Visitors post while something is done to what they post to."""
    running = asyncio.create_task(load.run())
    try:
        return await asyncio.to_thread(meanwhile)
    finally:
        load.stopping = True
        await running


def until_acked(load: Load, more: int, within_s: float = HEALED_WITHIN_S) -> int:
    """Wait until so many more were acknowledged; how many were."""
    before = len(load.acked)
    wait_until(lambda: len(load.acked) >= before + more, within_s)
    return len(load.acked) - before


def kills(edge: Edge, arrived: Arrived, count: int, seed: int) -> Numbers:
    """SIGKILL of the gateway at random moments of its visitors' POSTs."""
    load, chance = Load(edge.url, seed), Random(seed)

    def killing() -> list[float]:
        starts = []
        for _ in range(count):
            until_acked(load, 1)
            time.sleep(chance.uniform(*KILLED_AFTER_S))
            edge.end()
            starts.append(edge.start())
        until_acked(load, 50)
        return starts

    starts = asyncio.run(posting(load, killing))
    ready_s = round(max(starts), 2)
    return {**verdict(load, arrived), "kills": count, "ready_s_max": ready_s}


def broker_paused(edge: Edge, arrived: Arrived, pid: int, pause_s: float, seed: int) -> Numbers:
    """SIGSTOP of the broker: visitors are answered, and the rest follows in order."""
    load = Load(edge.url, seed)

    def pausing() -> tuple[int, float]:
        until_acked(load, 50)
        os.kill(pid, signal.SIGSTOP)
        began, before = time.monotonic(), len(load.acked)
        try:
            wait_until(lambda: time.monotonic() - began > pause_s, pause_s + 1)
            meanwhile = len(load.acked) - before
        finally:
            os.kill(pid, signal.SIGCONT)
        began = time.monotonic()
        wait_until(lambda: edge.metric(UNDELIVERED) < 100, HEALED_WITHIN_S)
        return meanwhile, time.monotonic() - began

    meanwhile, took_s = asyncio.run(posting(load, pausing))
    drained = {"acked_meanwhile": meanwhile, "pause_s": pause_s, "drained_s": round(took_s, 2)}
    return {**verdict(load, arrived), **drained}


def broker_killed(edge: Edge, arrived: Arrived, stack: Stack, away_s: float, seed: int) -> Numbers:
    """SIGKILL of the broker, which comes back after a while."""
    load = Load(edge.url, seed)

    def killing() -> int:
        until_acked(load, 50)
        before = len(load.acked)
        with broker_down(stack):
            wait_until(lambda: False, away_s)
        meanwhile = len(load.acked) - before
        until_acked(load, 50)
        return meanwhile

    meanwhile = asyncio.run(posting(load, killing))
    return {**verdict(load, arrived, HEALED_WITHIN_S), "acked_meanwhile": meanwhile}


def tail_lost(edge: Edge, arrived: Arrived, stack: Stack, seed: int) -> Numbers:
    """The broker dies and loses the end of each partition; then `kairos wal replay`."""
    load = Load(edge.url, seed)
    asyncio.run(posting(load, lambda: until_acked(load, 2_000)))
    wait_until(lambda: edge.metric(UNDELIVERED) == 0, HEALED_WITHIN_S)
    # Its producer's sequence is ahead of such a broker: it would end by itself, sooner or later.
    edge.end(signal.SIGTERM)
    with broker_down(stack):
        cut = sum(_cut(each) for each in _newest_segments(stack.layout.data / "kafka"))
    edge.start()
    acked = {event_id for _, event_id, _ in load.acked}
    cut_log = arrived.fresh()
    lost = len(cut_log.read_until(acked, CUT_WITHIN_S))
    cut_log.close()
    sent = replay(edge)
    return {
        **verdict(load, arrived.fresh()),
        "cut_bytes": cut,
        "lost_before": lost,
        "replayed": sent,
    }


def replay(edge: Edge) -> int:
    """`kairos wal replay` of the last ten minutes; how many events it sent."""
    where = {"KAIROS_BROKERS": edge.brokers, "KAIROS_REGISTRY_URL": edge.registry}
    command = [sys.executable, "-m", "cli.main", "wal", "replay", "--json", "--since", "10m"]
    done = subprocess.run(
        [*command, "--dir", str(edge.wal)],
        cwd=CHECKOUT,
        env={**os.environ, **where},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the replay failed: {done.stderr[-300:]}")
    return int(json.loads(done.stdout)["sent"])


@contextmanager
def broker_down(stack: Stack) -> Iterator[None]:
    """The broker is dead inside; the supervisor brings it back afterwards."""
    with stack.lock():
        process = stack.processes.alive("kafka")
        assert process is not None, "the broker runs"
        os.kill(process.pid, signal.SIGKILL)
        wait_until(lambda: stack.processes.alive("kafka") is None, HEALED_WITHIN_S)
        yield
    wait_until(lambda: stack.processes.alive("kafka") is not None, HEALED_WITHIN_S)


def _newest_segments(data: Path) -> list[Path]:
    return [max(each.glob("*.log")) for each in sorted(data.glob("events-*"))]


def _cut(segment: Path) -> int:
    """Bytes taken from the end of a file, as if they had never reached the disk."""
    size = segment.stat().st_size
    os.truncate(segment, max(0, size - TAIL_BYTES))
    return min(size, TAIL_BYTES)
