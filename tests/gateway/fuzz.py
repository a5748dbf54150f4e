"""Fuzz of the whole edge: `python -m tests.gateway.fuzz --requests N --seed S --json`.

Seeded mutations of good requests and frames go over real sockets into a gateway whose log is in
memory. After each one:

1. the answer is no 5xx, and what is refused says why in JSON;
2. no error was logged;
3. what was accepted can be written under the schema and would be no dead letter in the job.
At the end nothing has grown: no connection, task or megabyte is left over.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hmac
import json
import logging
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from connectors.avro import codec
from connectors.memory import MemoryRegistry
from gateway.identify import signature_of
from gateway.settings import Rate, Settings
from models.validity import problem
from schemas.site import SiteSecret
from tests.gateway.conftest import Gateway, start_gateway
from tests.gateway.fuzz_mutate import mutated, scrambled
from tests.gateway.samples import ORIGIN, make_batch, make_event, make_site

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
SECRET, SALT, KEY = b"f" * 32, b"s" * 32, "pk_fuzz"
ANSWER_S, PATIENCE_S = 10.0, 0.1
FREE = Rate(1e9, 1e9)
SITE = make_site(
    consent="implied",
    identify_secret=SECRET,
    salt=SALT,
    site_key=KEY,
    secrets=(SiteSecret("shopify", SECRET),),
)


@dataclass
class Found:
    """What a run saw; `wrong` is empty when every rule held."""

    requests: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    wrong: list[str] = field(default_factory=list)
    growth_mib: float = 0.0
    cpu_s: float = 0.0


class Fuzzer:
    """One gateway and one seed."""

    def __init__(self, gateway: Gateway, seed: int) -> None:
        self.chance, self.gateway, self.found = Random(seed), gateway, Found()
        self.events = codec("events", MemoryRegistry())
        self.port = gateway.client._base_url.port
        self._link: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def one(self) -> None:
        """One mutated request or frame."""
        self.found.requests += 1
        kind = self.chance.random()
        if kind < 0.5:
            await self._request("/v1/events", mutated(self.chance, self._batch()))
        elif kind < 0.62:
            await self._request("/v1/identify", mutated(self.chance, self._identify()))
        elif kind < 0.8:
            await self._system()
        elif kind < 0.9:
            await self._head()
        else:
            await self._frame()
        self._taken()

    def _batch(self) -> dict[str, Any]:
        number = self.chance.randrange(10**9)
        event = make_event(
            event_id=f"e{number}",
            session_index=number % 5_000,
            page={"url": "https://shop.example/p/1", "type": "product", "title": "Lamp"},
            product={"id": "p1", "price": "19.90", "currency": "EUR", "quantity": 1},
            vectors={"scroll_depth": 0.5, "tap_velocity_ms": 120},
            properties={"a": 1, "b": "c", "d": True},
            value="19.90",
        )
        return make_batch(event, visitor_seed=f"{number % 16:032x}")

    def _identify(self) -> dict[str, Any]:
        now_s = int(time.time())
        signature = signature_of(SECRET, "demo", now_s, "ann")
        return {"site": "demo", "id": "ann", "issued_at": now_s, "signature": signature}

    async def _system(self) -> None:
        if self.chance.random() < 0.5:
            order = {
                "id": self.chance.randrange(10**9),
                "created_at": "2026-11-25T01:10:00-05:00",
                "total_price": "403.00",
                "customer": {"id": 7},
                "line_items": [{"id": 1, "line_price": "1.00"}],
                "note_attributes": [{"name": "_kairos", "value": "x"}],
                "token": "t",
            }
            data = mutated(self.chance, order)
            signed = base64.b64encode(hmac.digest(SECRET, data, "sha256")).decode()
            topics = ("orders/create", "carts/update", "checkouts/update", "x")
            topic = self.chance.choice(topics)
            head = f"X-Shopify-Topic: {topic}\r\nX-Shopify-Hmac-Sha256: {signed}\r\n"
            await self._request("/v1/in/shopify?site=demo", data, head)
            return
        call = {
            "messageId": f"m{self.chance.randrange(10**9)}",
            "anonymousId": "a",
            "timestamp": "2026-11-25T06:09:00Z",
            "event": self.chance.choice(("Product Added", "Order Completed", "Other")),
            "properties": {"product_id": "p", "price": 19.9, "order_id": "o", "revenue": 5},
            "context": {"page": {"url": "https://shop.example/"}},
            "type": "track",
        }
        basic = base64.b64encode(f"{KEY}:".encode()).decode()
        path = self.chance.choice(("track", "page", "identify", "batch"))
        body: Any = {"batch": [call, call]} if path == "batch" else call
        head = f"Authorization: Basic {basic}\r\n"
        data = mutated(self.chance, body)
        await self._request(f"/v1/in/segment/v1/{path}?site=demo", data, head)

    async def _request(self, path: str, data: bytes, head: str = "") -> None:
        """A well-framed request on a connection that stays open."""
        if self._link is None:
            self._link = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self._link
        lines = f"POST {path} HTTP/1.1\r\nHost: x\r\nOrigin: {ORIGIN}\r\n{head}"
        writer.write(f"{lines}Content-Length: {len(data)}\r\n\r\n".encode() + data)
        status, headers, body = await asyncio.wait_for(_answer(reader), ANSWER_S)
        if "close" in headers.get("connection", "").lower() or not status:
            writer.close()
            self._link = None
        self._judge(path.partition("?")[0], status, body)

    async def _head(self) -> None:
        """A request whose head is damaged, on a connection of its own."""
        data = mutated(self.chance, self._batch())
        lines = "POST /v1/events?wait=0 HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
        head = f"{lines}Content-Length: {len(data)}\r\nKairos-Visitor: t\r\n\r\n".encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(scrambled(self.chance, head) + data)
        asked = asyncio.ensure_future(_answer(reader))
        await asyncio.wait({asked}, timeout=PATIENCE_S)
        if not asked.done():
            # It waits for a rest that will not come.
            writer.write_eof()
        try:
            status, _, body = await asyncio.wait_for(asked, ANSWER_S)
        except (ConnectionError, asyncio.IncompleteReadError):
            status, body = 0, b""
        self._judge("head", status, body)
        writer.close()

    async def _frame(self) -> None:
        """A frame on a socket of its own; the gateway welcomes it, ends it, or says nothing."""
        hello = {"type": "hello", "site": "demo", "visitor_token": "t", "session_id": "s"}
        data = mutated(self.chance, hello)
        ws = await self.gateway.client.ws_connect("/v1/stream")
        if self.chance.random() < 0.8:
            await ws.send_str(data.decode("utf-8", "replace"))
        else:
            await ws.send_bytes(data)
        await ws.receive(timeout=ANSWER_S)
        code = ws.close_code
        if code is None or code == 1011 or code < 1000:
            self.found.wrong.append(f"request {self.found.requests}: a frame ended with {code}")
        self.found.statuses[f"frame {code}"] += 1
        await ws.close()

    def _judge(self, what: str, status: int, body: bytes) -> None:
        self.found.statuses[f"{what} {status or 'closed'}"] += 1
        if status >= 500:
            self.found.wrong.append(f"request {self.found.requests}: {what} gave {status}")
        elif status >= 400 and what != "head" and not json.loads(body).get("error"):
            self.found.wrong.append(f"request {self.found.requests}: {what} says nothing")

    def _taken(self) -> None:
        """Everything accepted can be written, and the job would apply it."""
        log = self.gateway.log
        for event in log.events:
            self.events.decode(self.events.encode(event))
            wrong = problem(event, event.user_key)
            if wrong:
                self.found.wrong.append(f"request {self.found.requests}: accepted, but {wrong}")
        self.found.accepted += len(log.events)
        log.events.clear()

    async def end(self) -> None:
        """Hang up, and look that nothing stays behind."""
        if self._link is not None:
            self._link[1].close()
        front, _ = self.gateway.served
        for _ in range(200):
            if not front._doors:
                return
            await asyncio.sleep(0.01)
        self.found.wrong.append(f"{len(front._doors)} connections are left over")


async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """(status, headers, body) of one answer; status 0 where the other side hung up."""
    line = await reader.readline()
    if not line:
        return 0, {}, b""
    status = int(line.split(b" ")[1])
    headers: dict[str, str] = {}
    while (line := await reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    return status, headers, await reader.readexactly(int(headers.get("content-length", "0")))


class _Errors(logging.Handler):
    def __init__(self, found: Found) -> None:
        super().__init__(logging.ERROR)
        self.found = found

    def emit(self, record: logging.LogRecord) -> None:
        # aiohttp reports each unreadable request as an error; a caller's mistake is none of ours.
        if record.name != "aiohttp.server":
            self.found.wrong.append(f"logged: {record.name}: {record.getMessage()[:200]}")


async def fuzz(requests: int, seed: int) -> Found:
    """So many mutated requests and frames of one seed."""
    settings = Settings(ip_rate=FREE, visitor_rate=FREE, site_rate=FREE)
    gateway = await start_gateway(settings, SITE)
    fuzzer = Fuzzer(gateway, seed)
    errors = _Errors(fuzzer.found)
    logging.getLogger().addHandler(errors)
    began_s, rss_mib = time.process_time(), 0.0
    try:
        for number in range(requests):
            if number == requests // 4:
                rss_mib = _rss_mib()
            await fuzzer.one()
        await fuzzer.end()
    finally:
        logging.getLogger().removeHandler(errors)
        await gateway.close()
    fuzzer.found.growth_mib = round(_rss_mib() - rss_mib, 1)
    fuzzer.found.cpu_s = round(time.process_time() - began_s, 1)
    return fuzzer.found


def _rss_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES / 2**20


def main() -> int:
    """Run and tell what was found; 1 if a rule was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    found = asyncio.run(fuzz(args.requests, args.seed))
    told = {**vars(found), "statuses": dict(found.statuses), "wrong": found.wrong[:20]}
    print(json.dumps(told))
    return 1 if found.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
