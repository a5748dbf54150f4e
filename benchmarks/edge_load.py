"""Posts to a real gateway with its write-ahead log and a real broker: how long, and how much CPU.

Single events come open loop: each has its moment, and the wait counts from it. Batches come as
fast as they are answered. The client has a process's core to share with gateway and broker.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from typing import Any

import uvloop

from benchmarks.edge_rig import Edge
from benchmarks.percentiles import percentile
from benchmarks.proof import CLOCK_TICKS
from connectors.http1 import Pool
from connectors.sdk_client import ALL_CONSENT, POST_TIMEOUT_S, wall_ms

RATE, SECONDS, WARM_UP_S = 1_000, 20, 4
BATCHES, BATCH, AT_ONCE = 6_000, 10, 16
VISITORS = 400
NO_LIMIT = {f"KAIROS_RATE_{of}": "1000000" for of in ("IP", "VISITOR", "SITE")}
"""One address and few visitors stand for many."""

Figures = dict[str, Any]


def singles(edge: Edge) -> Figures:
    """1,000 posts of one event a second; milliseconds from each one's moment to its 202."""
    return uvloop.run(_singles(edge))


def batches(edge: Edge) -> Figures:
    """Posts of ten events, sixteen on their way; events a second of the gateway's CPU."""
    return uvloop.run(_batches(edge))


async def _singles(edge: Edge) -> Figures:
    pool = Pool(edge.url)
    await _offered(pool, [_body(n, 1) for n in range(RATE * WARM_UP_S)])
    count = RATE * SECONDS
    bodies = [_body(RATE * WARM_UP_S + number, 1) for number in range(count)]
    before_s = cpu_s(edge)
    waits_ms, statuses = await _offered(pool, bodies)
    used_s = cpu_s(edge) - before_s
    pool.close()
    waits_ms.sort()
    return {
        "posts": count,
        "refused": sum(status != 202 for status in statuses),
        "p50_ms": round(percentile(waits_ms, 0.5), 2),
        "p99_ms": round(percentile(waits_ms, 0.99), 2),
        "cpu_us": round(used_s / count * 1e6),
        "load": round(os.getloadavg()[0], 1),
    }


async def _offered(pool: Pool, bodies: list[bytes]) -> tuple[list[float], list[int]]:
    waits_ms, statuses = list[float](), list[int]()

    async def one(body: bytes, due_s: float) -> None:
        status, _ = await pool.post("/v1/events", body, POST_TIMEOUT_S)
        waits_ms.append((time.monotonic() - due_s) * 1000)
        statuses.append(status)

    tasks, began_s = [], time.monotonic() + 0.1
    for number, body in enumerate(bodies):
        due_s = began_s + number / RATE
        if due_s > time.monotonic():
            await asyncio.sleep(due_s - time.monotonic())
        tasks.append(asyncio.create_task(one(body, due_s)))
    await asyncio.gather(*tasks)
    return waits_ms, statuses


async def _batches(edge: Edge) -> Figures:
    pool = Pool(edge.url)
    bodies = [_body(1_000_000 + number * BATCH, BATCH) for number in range(BATCHES)]
    accepted = 0

    async def some(part: list[bytes]) -> int:
        taken = 0
        for body in part:
            status, text = await pool.post("/v1/events", body, POST_TIMEOUT_S)
            taken += json.loads(text)["accepted"] if status == 202 else 0
        return taken

    await asyncio.gather(*(some(bodies[at:800:AT_ONCE]) for at in range(AT_ONCE)))
    before_s, began_s = cpu_s(edge), time.monotonic()
    accepted = sum(
        await asyncio.gather(*(some(bodies[800 + at :: AT_ONCE]) for at in range(AT_ONCE)))
    )
    used_s, took_s = cpu_s(edge) - before_s, time.monotonic() - began_s
    pool.close()
    return {
        "events": accepted,
        "offered": (BATCHES - 800) * BATCH,
        "per_s": round(accepted / took_s),
        "per_core_s": round(accepted / used_s),
        "load": round(os.getloadavg()[0], 1),
    }


def _body(first: int, events: int) -> bytes:
    """Page views of one visitor, numbered on from `first`."""
    visitor = first // events % VISITORS
    batch = {
        "site": "demo",
        "session_id": f"s-load-{visitor}",
        "tab_id": "t1",
        "visitor_seed": f"{visitor:032x}",
        "consent": ALL_CONSENT,
    }
    page = {"url": "http://127.0.0.1/c/lights", "path": "/c/lights", "type": "category"}
    told = [
        {
            "event_id": f"load-{number}",
            "session_index": number // events // VISITORS * events + number - first + 1,
            "type": "page_view",
            "ts": int(wall_ms()),
            "page": page,
        }
        for number in range(first, first + events)
    ]
    return json.dumps({**batch, "events": told}).encode()


def cpu_s(edge: Edge) -> float:
    """CPU seconds of the gateway's process so far."""
    assert edge.process is not None, "started before"
    with open(f"/proc/{edge.process.pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS
