"""The edge without any process: a batch of one event through ingest, and through HTTP.

The log is in memory, so Kafka's client is left out. Over HTTP client and gateway share this
process, and the same client against a server that only echoes is measured beside them.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

import uvloop
from aiohttp import web

from benchmarks import edge_wal
from benchmarks.rows import Row, cpu_us, machine, timed
from connectors.http1 import Pool
from connectors.memory import MemoryRegistry
from connectors.sdk_client import ALL_CONSENT, POST_TIMEOUT_S
from gateway.app import Parts, make_app
from gateway.front import Front
from gateway.ingest import Asked, ingest
from gateway.log import Log
from gateway.memory import MemoryLog
from gateway.server import make_parts
from gateway.settings import Rate, Settings
from schemas.site import Site

NAME = "edge"
HELP = "a POST through the gateway, in one process with its client"
VISITORS, POSTS, AT_ONCE = 200, 4_000, 8
NO_LIMIT = Rate(1e9, 1e9)
SITE = Site(site="bench", version=1, mint_secret=b"m" * 32, consent="required")
ASKED = Asked(content_type="application/json")
ECHO = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}"
Bodies = list[bytes]


class Echo(asyncio.Protocol):
    """Answers whatever comes in one piece."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, _data: bytes) -> None:
        self._transport.write(ECHO)


def rows() -> list[Row]:
    """Measure; CPU time of this process."""
    return uvloop.run(_rows())


async def _rows() -> list[Row]:
    parts = _parts(MemoryLog())
    tokens = [await _token(parts, number) for number in range(VISITORS)]
    bodies = [_body(number, visitor_token=tokens[number % VISITORS]) for number in range(6 * POSTS)]
    turn = iter(bodies[:POSTS])
    out = [timed("ingest: bytes to an event", cpu_us(lambda: _ingest(parts, next(turn)), POSTS))]
    out.append(_mean("POST: bytes to answer", await _posted(parts, bodies[POSTS : 2 * POSTS])))
    out += await edge_wal.rows(_poster, bodies[:POSTS])
    runner = web.AppRunner(make_app(parts), auto_decompress=False, access_log=None)
    await runner.setup()
    assert runner.server is not None, "set up above"
    front = Front(parts.poster, parts.sites, runner.server)
    loop = asyncio.get_running_loop()
    servers = {"echo": await loop.create_server(Echo, "127.0.0.1", 0)}
    servers["aiohttp"] = await loop.create_server(runner.server, "127.0.0.1", 0)
    ports = {name: each.sockets[0].getsockname()[1] for name, each in servers.items()}
    ports["front door"] = await front.listen("127.0.0.1", 0)
    for place, (name, port) in enumerate(ports.items(), 2):
        part = bodies[place * POSTS : (place + 1) * POSTS]
        out.append(_mean(f"POST over HTTP, client included: {name}", await _asked(port, part)))
    await front.close(1.0)
    await runner.cleanup()
    return out


def _parts(log: Log) -> Parts:
    settings = Settings(ip_rate=NO_LIMIT, visitor_rate=NO_LIMIT, site_rate=NO_LIMIT)
    parts = make_parts(settings, log, MemoryRegistry())
    parts.sites.add(SITE)
    return parts


def _poster(log: Log) -> Callable[[bytes], Awaitable[int]]:
    """Status of a POST to a gateway around this log."""
    poster = _parts(log).poster

    async def post(body: bytes) -> int:
        return (await poster.post(body, ASKED, "")).status

    return post


def _body(number: int, **who: str) -> bytes:
    path = f"/t{number % 7}"
    event: dict[str, Any] = {
        "event_id": f"e-{number}",
        "session_index": number,
        "type": "page_view",
    }
    event |= {
        "ts": 1_712_613_245_000 + number,
        "page": {"url": f"https://shop{path}", "path": path},
    }
    batch = {"site": "bench", "session_id": "s-1", "tab_id": "t1", "consent": ALL_CONSENT, **who}
    return json.dumps({**batch, "events": [event]}).encode()


async def _token(parts: Parts, number: int) -> str:
    answer = await parts.poster.post(_body(number, visitor_seed=f"{number:032x}"), ASKED, "")
    return str(json.loads(answer.body)["visitor_token"])


def _ingest(parts: Parts, body: bytes) -> None:
    now_ms = int(time.time() * 1000)
    ingest(body, ASKED, lambda name: parts.sites.at(name, now_ms), now_ms=now_ms)


async def _posted(parts: Parts, bodies: Bodies) -> float:
    before = time.process_time()
    for body in bodies:
        answer = await parts.poster.post(body, ASKED, "")
        assert answer.status == 202, answer.body
    return time.process_time() - before


async def _asked(port: int, bodies: Bodies) -> float:
    pool = Pool(f"http://127.0.0.1:{port}")

    async def one(part: Bodies) -> None:
        for body in part:
            status, text = await pool.post("/v1/events", body, POST_TIMEOUT_S)
            assert status == 202, text

    before = time.process_time()
    await asyncio.gather(*(one(bodies[first::AT_ONCE]) for first in range(AT_ONCE)))
    took_s = time.process_time() - before
    pool.close()
    return took_s


def _mean(name: str, cpu_s: float) -> Row:
    return Row(name, "us", round(cpu_s / POSTS * 1e6, 1), machine=machine())
