"""The front door: a plain POST /v1/events is answered here, every other connection by aiohttp.

aiohttp costs more a request than all of ingest. So each connection begins here:

1. A head in the one form below is read, its body awaited, and the answer written in one piece.
2. Whatever is not completely understood (another path, an upgrade, a chunked body, a header named
   twice, something too long) goes to aiohttp with the whole connection, and stays there.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from asyncio import Task
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import cast

from aiohttp import web
from msgspec import Struct
from multidict import CIMultiDict

from gateway.exchange import answer_headers, asked_of
from gateway.ingest import Asked
from gateway.post import Answer, Poster
from gateway.sites import Sites
from gateway.wire import BODY_BYTES_MAX

logger = logging.getLogger(__name__)
LINE, END = b"POST /v1/events HTTP/1.1\r\n", b"\r\n\r\n"
ASKING = b"POST /v1/events?wait="
HEAD_BYTES_MAX, HEADS_KEPT_MAX = 4096, 2048
RECEIVED_BYTES_MAX = BODY_BYTES_MAX + HEAD_BYTES_MAX
SEND_BUFFER_BYTES = 64 * 1024
IDLE_S, SWEEP_S, DRAIN_POLL_S = 75.0, 15.0, 0.02
LEFT_TO_AIOHTTP = ("Transfer-Encoding", "Expect", "Upgrade")
_LINE = re.compile(rb"POST /v1/events(?:\?wait=([0-9]{1,4}))? HTTP/1\.1\r\n")
_FIELDS = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~]*\r\n)+\r\n")


class Head(Struct, frozen=True):
    """The head of a request that is answered here."""

    length: int
    asked: Asked
    wait_ms: int = 0


@lru_cache(HEADS_KEPT_MAX)
def read_head(data: bytes) -> Head | None:
    """A head from its first byte to the empty line; None if it is aiohttp's to judge.

    A browser sends the same head with each batch, so most are known.
    """
    line_one = _LINE.match(data)
    if line_one is None or not _FIELDS.fullmatch(data, line_one.end()):
        return None
    headers: CIMultiDict[str] = CIMultiDict()
    for line in data[line_one.end() : -len(END)].decode("ascii").split("\r\n"):
        name, _, value = line.partition(":")
        if name in headers:
            return None
        headers[name] = value.strip(" \t")
    length = headers.get("Content-Length", "")
    if not length.isdecimal() or len(length) > 5 or int(length) > BODY_BYTES_MAX:
        return None
    if "Host" not in headers or any(name in headers for name in LEFT_TO_AIOHTTP):
        return None
    if headers.get("Connection", "keep-alive").lower() != "keep-alive":
        return None
    return Head(int(length), asked_of(headers), int(line_one[1] or 0))


class Front:
    """All connections that were not handed to aiohttp."""

    def __init__(self, poster: Poster, sites: Sites, behind: web.Server) -> None:
        self.poster, self.behind = poster, behind
        self._sites = sites
        self._doors: set[Door] = set()
        self._server: asyncio.Server | None = None
        self._sweeping: Task[None] | None = None

    async def listen(self, host: str, port: int) -> int:
        """Begin; the port that was taken. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Door(self), host, port, backlog=1024)
        for listener in self._server.sockets:
            # Accepted sockets inherit it: what a client does not read is bounded in the kernel too.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._sweeping = asyncio.create_task(self._sweep())
        return int(self._server.sockets[0].getsockname()[1])

    def enter(self, door: Door) -> None:
        """A connection begins."""
        self._doors.add(door)

    def leave(self, door: Door) -> None:
        """A connection is over, or aiohttp's."""
        self._doors.discard(door)

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            for door in tuple(self._doors):
                if not door.busy and door.since_s < loop.time() - IDLE_S:
                    door.close()

    async def close(self, timeout_s: float) -> None:
        """Take no more, finish what is in work, hang up."""
        loop = asyncio.get_running_loop()
        if self._server is not None:
            self._server.close()
        if self._sweeping is not None:
            self._sweeping.cancel()
        ends_s = loop.time() + timeout_s
        while any(door.busy for door in self._doors) and loop.time() < ends_s:
            await asyncio.sleep(DRAIN_POLL_S)
        for door in tuple(self._doors):
            door.close()

    def response(self, answer: Answer, origin: str) -> bytes:
        """The whole answer as bytes."""
        allowed = bool(origin) and self._sites.knows_origin(origin)
        head = _head(answer.status, answer.retry_after_s, origin if allowed else "")
        date = _date(int(asyncio.get_running_loop().time()))
        length = b"Content-Length: %d\r\n\r\n" % len(answer.body)
        return b"".join((head, date, length, answer.body))


class Door(asyncio.Protocol):
    """One connection: requests one after the other."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._loop = asyncio.get_running_loop()
        self._received, self._ip = b"", ""
        self._can_write, self._gone = True, False
        self.busy = False
        self.since_s = self._loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports share no base class with asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._ip = str((transport.get_extra_info("peername") or ("",))[0])
        self._front.enter(self)

    def connection_lost(self, _reason: Exception | None) -> None:
        # A request in work goes on: its events may be on their way already.
        self._gone = True
        self._front.leave(self)

    def pause_writing(self) -> None:
        self._can_write = False

    def resume_writing(self) -> None:
        self._can_write = True
        self._next()

    def data_received(self, data: bytes) -> None:
        if not self._received:
            self.since_s = self._loop.time()
        self._received += data
        if len(self._received) > RECEIVED_BYTES_MAX:
            self._transport.pause_reading()
        self._next()

    def _next(self) -> None:
        """Begin the next request if all of it is there."""
        received = self._received
        if self.busy or self._gone or not self._can_write or not received:
            return
        end = received.find(END, 0, HEAD_BYTES_MAX)
        if end < 0 and len(received) < HEAD_BYTES_MAX and _may_be_ours(received):
            return
        head = read_head(received[: end + len(END)]) if end >= 0 else None
        if head is None:
            self._hand_over()
            return
        starts, ends = end + len(END), end + len(END) + head.length
        if len(received) >= ends:
            self._received = received[ends:]
            self.busy = True
            self._work = self._loop.create_task(self._answer(head, received[starts:ends]))

    async def _answer(self, head: Head, body: bytes) -> None:
        try:
            answer = await self._front.poster.post(body, head.asked, self._ip, head.wait_ms)
        except Exception as error:
            # The message may quote the request, so only its kind is logged.
            logger.error("a request failed: %s", type(error).__name__)
            self._transport.abort()
            return
        finally:
            self.busy = False
        self.since_s = self._loop.time()
        if not self._gone:
            self._transport.write(self._front.response(answer, head.asked.origin))
            self._transport.resume_reading()
            self._next()

    def _hand_over(self) -> None:
        """Let aiohttp have the connection and every byte that is not answered."""
        self._front.leave(self)
        handler, received = self._front.behind(), self._received
        self._gone, self._received = True, b""
        self._transport.set_protocol(handler)
        self._transport.resume_reading()
        handler.connection_made(self._transport)
        handler.data_received(received)

    def close(self) -> None:
        """Hang up after what was written."""
        self._transport.close()


def _may_be_ours(received: bytes) -> bool:
    return (
        received.startswith((LINE, ASKING))
        or LINE.startswith(received)
        or (ASKING.startswith(received))
    )


@lru_cache(1024)
def _head(status: int, retry_after_s: int, origin: str) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "Content-Type: application/json"]
    headers = answer_headers(origin, allowed=bool(origin), retry_after_s=retry_after_s)
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, ""]).encode("ascii")


@lru_cache(1)
def _date(_second: int) -> bytes:
    return f"Date: {formatdate(usegmt=True)}\r\n".encode("ascii")
