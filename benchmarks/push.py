"""The push side alone: what idle sockets cost, and how soon a decision is at its client.

The gateway is a process of its own around a log in memory; the clients are all in this one, on
loopback. A latency counts from the moment a decision was due, so a slow gateway cannot slow its
own load.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process

import uvloop

from benchmarks.percentiles import percentile
from benchmarks.rows import Row, machine

NAME = "push"
HELP = "idle sockets, push latency, clients that never read, a reconnect storm"
IDLE, DEAF, RATE, SECONDS = 10_000, 1_000, 1_000, 8
STORM_SPREAD_S, LONGEST_S = 5.0, 60.0
DEAF_FRAMES, DEAF_BUFFER_BYTES = 400, 4096
KEY = base64.b64encode(bytes(16)).decode()
UPGRADE = (
    "GET /v1/stream HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
).encode()
PING, PONG = b"\x89\x00", b"\x8a\x80" + bytes(4)
DUE = re.compile(rb'"campaign_id":"(\d+)"')


class Ear(asyncio.Protocol):
    """One client; it notes how late each decision is, in milliseconds."""

    def __init__(self, token: str, late_ms: list[float], *, deaf: bool = False) -> None:
        self._token, self._late_ms, self.deaf = token, late_ms, deaf
        self._left = b""
        self.welcomed = self.gone = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        hello = {"type": "hello", "site": "bench", "visitor_token": self._token}
        text = json.dumps({**hello, "session_id": "s", "tab_id": "t"}).encode()
        masked = b"\x81\xfe" + len(text).to_bytes(2, "big") + bytes(4) + text
        self.transport.write(UPGRADE + masked)

    def data_received(self, data: bytes) -> None:
        now_us = time.monotonic() * 1e6
        if PING in data:
            self.transport.write(PONG)
        data = self._left + data
        if not self.welcomed:
            self.welcomed = b'"welcome"' in data
            self._left = b"" if self.welcomed else data
            if self.welcomed and self.deaf:
                self.transport.pause_reading()
            return
        end = 0
        for found in DUE.finditer(data):
            self._late_ms.append((now_us - int(found[1])) / 1000)
            end = found.end()
        self._left = data[end:][-1024:]

    def connection_lost(self, _reason: Exception | None) -> None:
        self.gone = True


class Gateway:
    """The process under test."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.port = 0

    async def line(self) -> str:
        """Its next answer."""
        assert self._process.stdout is not None
        return (await self._process.stdout.readline()).decode().strip()

    async def ask(self, text: str) -> str:
        """One line to it, one back."""
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode() + b"\n")
        return await self.line()

    async def rss_kib(self) -> int:
        """Its memory."""
        return int((await self.ask("rss")).split()[0])


async def until(done: object, within_s: float = LONGEST_S) -> float:
    """Seconds until this holds."""
    began_s = time.monotonic()
    while not done():  # type: ignore[operator]
        if time.monotonic() - began_s > within_s:
            raise TimeoutError("it never came to that")
        await asyncio.sleep(0.005)
    return time.monotonic() - began_s


async def _open(loop: asyncio.AbstractEventLoop, port: int, ear: Ear) -> None:
    line = socket.socket()
    line.setblocking(False)
    if ear.deaf:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, DEAF_BUFFER_BYTES)
    await loop.sock_connect(line, ("127.0.0.1", port))
    await loop.create_connection(lambda: ear, sock=line)


async def connected(gateway: Gateway, ears: list[Ear]) -> None:
    """All of them open and welcomed; a thousand at a time, as a balancer would let them in."""
    loop = asyncio.get_running_loop()
    for start in range(0, len(ears), 500):
        some = ears[start : start + 500]
        await asyncio.gather(*(_open(loop, gateway.port, each) for each in some))
        await until(lambda some=some: all(each.welcomed for each in some))


async def pushed(gateway: Gateway, late_ms: list[float], first: int, last: int) -> list[float]:
    """RATE decisions a second for SECONDS; how late each came."""
    late_ms.clear()
    count = RATE * SECONDS
    await gateway.ask(f"push {count} {RATE} {first} {last}")
    await until(lambda: len(late_ms) >= count)
    return sorted(late_ms)


def row(name: str, late_ms: list[float]) -> Row:
    """Latencies as a row."""
    mean = sum(late_ms) / len(late_ms)
    p50, p99 = percentile(late_ms, 0.5), percentile(late_ms, 0.99)
    return Row(name, "ms", round(mean, 2), round(p50, 2), round(p99, 2), machine())


async def measured(idle: int, deaf: int) -> list[Row]:
    """All rows; the gateway ends with its input."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.push_server"), stdin=PIPE, stdout=PIPE
    )
    try:
        gateway = Gateway(process)
        gateway.port = int(await gateway.line())
        tokens = [await gateway.ask(f"visitors {idle + deaf}")]
        tokens += [await gateway.line() for _ in range(idle + deaf - 1)]
        late_ms: list[float] = []
        before = await gateway.rss_kib()
        ears = [Ear(each, late_ms) for each in tokens[:idle]]
        await connected(gateway, ears)
        after = await gateway.rss_kib()
        mib, each_kib = after / 1024, (after - before) / idle
        out = [
            Row(f"{idle} idle sockets, whole process", "MiB", round(mib, 1), machine=machine()),
            Row("an idle socket", "KiB", round(each_kib, 1), machine=machine()),
            row(f"push at {RATE}/s, {idle} sockets open", await pushed(gateway, late_ms, 0, idle)),
        ]
        out += await _deaf(gateway, tokens[idle:], late_ms, idle)
        out.append(await _storm(gateway, tokens[:idle], ears))
        return out
    finally:
        process.kill()
        await process.wait()


async def _deaf(gateway: Gateway, tokens: list[str], late_ms: list[float], idle: int) -> list[Row]:
    """Clients that never read, and what the others notice of them."""
    before = await gateway.rss_kib()
    ears = [Ear(each, [], deaf=True) for each in tokens]
    await connected(gateway, ears)
    most = before
    for _ in range(DEAF_FRAMES // 100):
        count = 100 * len(tokens)
        await gateway.ask(f"push {count} 1000000 {idle} {idle + len(tokens)}")
        most = max(most, await gateway.rss_kib())
    left = int((await gateway.ask("rss")).split()[1]) - idle
    name = f"push at {RATE}/s after {len(tokens)} sockets that never read, {left} of them open"
    others = row(name, await pushed(gateway, late_ms, 0, idle))
    each_kib = (most - before) / len(tokens)
    return [Row("a socket that never reads, at most", "KiB", round(each_kib, 1)), others]


async def _storm(gateway: Gateway, tokens: list[str], ears: list[Ear]) -> Row:
    """Everybody is cut at once and comes back, spread as clients spread it."""
    loop = asyncio.get_running_loop()
    await gateway.ask("cut")
    await until(lambda: all(each.gone for each in ears))
    began_s = time.monotonic()
    again = [Ear(each, []) for each in tokens]

    async def back(at: int, ear: Ear) -> None:
        await asyncio.sleep(STORM_SPREAD_S * at / len(again))
        await _open(loop, gateway.port, ear)

    await asyncio.gather(*(back(at, each) for at, each in enumerate(again)))
    await until(lambda: all(each.welcomed for each in again))
    took_s = time.monotonic() - began_s
    name = f"{len(again)} cut at once: all back"
    return Row(name, "s", round(took_s, 1), machine=machine())


def rows(idle: int = IDLE, deaf: int = DEAF) -> list[Row]:
    """Measure."""
    return uvloop.run(measured(idle, deaf))
