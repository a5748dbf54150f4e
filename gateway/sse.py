"""Server-sent events /v1/sse, where a WebSocket cannot pass: the same messages, one way.

The position travels as the event's id, `seq/epoch`, which a browser sends back as Last-Event-ID.
The token comes in a header or a first-party cookie, never in the address.
"""

from __future__ import annotations

import asyncio
import random

import msgspec
from aiohttp import web

from gateway.codes import CODES, GONE, Closing
from gateway.exchange import answer_headers
from gateway.hello import read_hello
from gateway.line import Line
from gateway.outbox import Frame, frame_of
from gateway.stream import Streams
from gateway.wire import Hello, Refused

COOKIE, HEADER = "kairos_visitor", "Kairos-Visitor"
RETRY_MS, RETRY_SPREAD_MS = 500, 1_000
_encode = msgspec.json.Encoder().encode


class Events(Line):
    """One stream of events; `over` is set when it has ended."""

    __slots__ = ("_response", "over")

    def __init__(self, response: web.StreamResponse, request: web.Request) -> None:
        super().__init__(request.transport, request.headers.get("Origin", ""))
        self._response = response
        self.over = asyncio.Event()

    def text(self, frame: Frame) -> bytes:
        """One event: a browser's `onmessage` gets what a socket gets."""
        mark = f"id: {frame.mark}\n" if frame.mark else ""
        return f"{mark}data: {frame.text}\n\n".encode()

    def wire(self, frame: Frame) -> bytes:
        """One chunk of the answer's body."""
        data = self.text(frame)
        return b"%x\r\n%b\r\n" % (len(data), data)

    async def send(self, frame: Frame) -> None:
        """One event, when there is room."""
        await self._response.write(self.text(frame))

    async def bye(self, code: int, reason: str) -> None:
        """The last event says why; then the body ends."""
        try:
            await self.send(frame_of({"type": "close", "code": code, "reason": reason}))
            await self._response.write_eof()
        finally:
            self.over.set()


async def events(request: web.Request, streams: Streams) -> web.StreamResponse:
    """GET /v1/sse from its refusal, or its first event, to its end."""
    streams.admit()
    origin = request.headers.get("Origin", "")
    known = streams.sites.knows_origin(origin)
    headers = answer_headers(origin, allowed=known)
    try:
        greeted = streams.check(_hello(request), origin)
    except Closing as closing:
        status = CODES[closing.code].status
        body = _encode(Refused(closing.reason))
        return web.Response(
            status=status, body=body, content_type="application/json", headers=headers
        )
    if known:
        headers["Access-Control-Allow-Credentials"] = "true"
    response = web.StreamResponse(headers={**headers, "X-Accel-Buffering": "no"})
    response.content_type = "text/event-stream"
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(b"retry: %d\n\n" % (RETRY_MS + random.randrange(RETRY_SPREAD_MS)))
    line = Events(response, request)
    streams.enter(line)
    try:
        await streams.bind(line, greeted)
        await line.over.wait()
    finally:
        streams.leave(line, line.code or GONE)
    return response


def _hello(request: web.Request) -> Hello:
    """The hello that the request amounts to. Raises Closing."""
    seq, _, epoch = request.headers.get("Last-Event-ID", "").partition("/")
    query = request.query
    said = {
        "type": "hello",
        "site": query.get("site", ""),
        "visitor_token": request.headers.get(HEADER) or request.cookies.get(COOKIE, ""),
        "session_id": query.get("session_id", ""),
        "tab_id": query.get("tab_id", "0"),
        "last_seq": int(seq) if seq.isascii() and seq.isdecimal() and len(seq) < 16 else 0,
        "epoch": epoch or None,
    }
    return read_hello(_encode(said))
