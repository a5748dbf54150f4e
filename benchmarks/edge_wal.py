"""What the write-ahead log costs a POST: the same requests at the same times, with and without.

Requests come open loop at a steady rate, in one process without HTTP and without Kafka's client;
CPU is that of the whole process, the log's thread and the event loop's waking included.
"""

from __future__ import annotations

import asyncio
import time
from asyncio import Future
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client import CollectorRegistry

from benchmarks.percentiles import percentile
from benchmarks.rows import Row, machine
from gateway.log import Log, Stamp
from gateway.memory import MemoryLog
from gateway.wal import Wal
from gateway.wal_files import DiskFolder
from gateway.wal_log import DurableLog, Told
from gateway.wal_metrics import WalMetrics
from infra.local.layout import read_layout
from schemas.event import Event

RATE, LATER_S = 1_000, 0.003
Post = Callable[[bytes], Awaitable[int]]


class Confirming:
    """A broker that has everything a moment later."""

    def produce(self, _event: Event, told: Told) -> bool:
        asyncio.get_running_loop().call_soon(told, None, False)
        return True

    def tick(self) -> None:
        """Nothing to keep going."""

    def stop(self, _timeout_s: float) -> int:
        return 0


class Later(MemoryLog):
    """Durable a moment later, without a disk: what any wait costs, the broker's answer too."""

    def send(self, event: Event) -> Future[None]:
        super().send(event)
        loop = asyncio.get_running_loop()
        future: Future[None] = loop.create_future()
        loop.call_later(LATER_S, future.set_result, None)
        return future


async def rows(poster: Callable[[Log], Post], bodies: list[bytes]) -> list[Row]:
    """CPU a POST without and with the log, and the wait for its disk."""
    bare, _ = await _offered(poster(MemoryLog()), bodies)
    later, _ = await _offered(poster(Later()), bodies)
    home = read_layout().home / "tmp"
    home.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=home) as folder:
        log = _log(Path(folder))
        cpu_us, waits_ms = await _offered(poster(log), bodies)
        log.stop(10.0)
    waits = sorted(waits_ms)
    mean_ms = round(sum(waits) / len(waits), 2)
    p50, p99 = (round(percentile(waits, share), 2) for share in (0.5, 0.99))
    return [
        Row(f"POST at {RATE}/s, log in memory", "us CPU", round(bare, 1), machine=machine()),
        Row(f"POST at {RATE}/s, durable 3 ms later", "us CPU", round(later, 1), machine=machine()),
        Row(f"POST at {RATE}/s, WAL on", "us CPU", round(cpu_us, 1), machine=machine()),
        Row(f"POST at {RATE}/s, WAL on: answer", "ms", mean_ms, p50, p99, machine()),
    ]


def _log(path: Path) -> DurableLog:
    folder = DiskFolder(path)
    folder.make()
    wal = Wal(folder, bytes_max=1 << 30)
    metrics = WalMetrics(CollectorRegistry())
    loop = asyncio.get_running_loop()
    log = DurableLog(wal, Confirming(), loop, "gw-bench", metrics, stamp=Stamp())
    log.start()
    return log


async def _offered(post: Post, bodies: list[bytes]) -> tuple[float, list[float]]:
    """CPU microseconds a POST, and milliseconds from each one's time to its answer."""
    waits_ms = list[float]()

    async def one(body: bytes, due_s: float) -> None:
        status = await post(body)
        assert status == 202, status
        waits_ms.append((time.monotonic() - due_s) * 1000)

    tasks, began_s, cpu_s = [], time.monotonic(), time.process_time()
    for number, body in enumerate(bodies):
        due_s = began_s + number / RATE
        if due_s > time.monotonic():
            await asyncio.sleep(due_s - time.monotonic())
        tasks.append(asyncio.create_task(one(body, due_s)))
    await asyncio.gather(*tasks)
    return (time.process_time() - cpu_s) / len(bodies) * 1e6, waits_ms
