"""WebSocket /v1/stream: hello, welcome, then decisions and cancels as they come.

A connection is a protocol and nothing else: no task, no timer and no queue of its own once it is
welcomed. Ten thousand of them are mostly idle, so what one holds is what they cost.
"""

from __future__ import annotations

import asyncio
import logging
import time
from asyncio import Future, Task
from typing import Any

import msgspec
from aiohttp import web

from gateway.codes import (
    BAD_FRAME,
    BAD_ORIGIN,
    BAD_TOKEN,
    GONE,
    PROTOCOL,
    TOO_LONG,
    TOO_MANY,
    Closing,
)
from gateway.connections import Connection
from gateway.exchange import NO_STORE
from gateway.guests import Guests
from gateway.hello import Greeted, read_hello
from gateway.line import PING, UNSENT_BYTES_MAX, Line
from gateway.outbox import Frame
from gateway.stream import Streams
from gateway.upgrade import switch_of, taken_from
from gateway.wire import Hello, Refused
from gateway.ws_frames import (
    CLOSE,
    MESSAGE_BYTES_MAX,
    TEXT,
    Message,
    Messages,
    close_frame,
    frame,
)
from gateway.ws_frames import PING as PING_KIND
from gateway.ws_frames import PONG as PONG_KIND

logger = logging.getLogger(__name__)
FRAMES_PER_S_MAX = 20
HELLO_TIMEOUT_S = 10.0
UNHEARD_BEATS_MAX = 3
"""Whoever answers so many pings in a row with nothing is gone."""

LEFT_CODES = frozenset((1000, 1001))
"""What a browser says when a page is done or left; other codes are a client's own invention."""

_encode = msgspec.json.Encoder().encode
_KIND = msgspec.json.Decoder(dict[str, Any])


async def websocket(request: web.Request, streams: Streams) -> web.StreamResponse:
    """An upgrade, whose connection is no longer aiohttp's afterwards, or its refusal."""
    streams.admit()
    switch = switch_of(request.headers)
    if switch is None:
        body = _encode(Refused("want an upgrade to WebSocket version 13", "Upgrade"))
        headers = {**NO_STORE, "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        return web.Response(status=426, body=body, content_type="application/json", headers=headers)
    transport, rest = taken_from(request)
    transport.write(switch)
    socket = Socket(transport, request.headers.get("Origin", ""), streams)
    transport.set_protocol(socket)
    socket.data_received(rest)
    # There is nothing to answer: this task is cancelled.
    await asyncio.sleep(0)
    raise asyncio.CancelledError


class Socket(Line, asyncio.Protocol):
    """One WebSocket, from its upgrade on."""

    __slots__ = ("_binding", "_can_write", "_guests", "_messages", "_over", "_room", "_second",
                 "_spoken", "_streams", "_unheard", "_waiting")  # fmt: skip

    def __init__(self, transport: asyncio.Transport, origin: str, streams: Streams) -> None:
        super().__init__(transport, origin)
        self._streams = streams
        self._messages: Messages | None = Messages()
        self._guests: Guests | None = None
        self._binding: Task[None] | None = None
        self._waiting: asyncio.TimerHandle | None = None
        self._room: Future[None] | None = None
        self._over: Future[None] | None = None
        self._can_write = True
        self._second = self._spoken = self._unheard = 0
        streams.enter(self)
        if self.origin and not streams.sites.knows_origin(self.origin):
            self.end(BAD_ORIGIN, "this origin is not allowed")
            return
        loop = asyncio.get_running_loop()
        self._waiting = loop.call_later(HELLO_TIMEOUT_S, self.end, BAD_TOKEN, "no hello came")

    # From the client

    def data_received(self, data: bytes) -> None:
        self._unheard = 0
        if self._messages is None:
            return
        if self._messages.feed(data) > MESSAGE_BYTES_MAX and self._binding is not None:
            self._transport.pause_reading()
        self._read()

    def _read(self) -> None:
        """Take every message that is there; after a goodbye only the client's own one counts."""
        messages = self._messages
        try:
            while messages and self._binding is None and (message := messages.take()) is not None:
                if not self.code:
                    self._hear(message)
                elif message.kind == CLOSE:
                    self._transport.close()
        except Closing as closing:
            if closing.code in (PROTOCOL, TOO_LONG):
                # Where its next frame begins is not known, or not worth waiting for.
                self._messages = None
            self.end(closing.code, closing.reason)

    def _hear(self, message: Message) -> None:
        if message.kind == PONG_KIND:
            return
        self._count()
        if message.kind == PING_KIND:
            self._transport.write(frame(PONG_KIND, message.data))
        elif message.kind == CLOSE:
            self._leave(message.data)
        elif message.kind != TEXT:
            raise Closing(BAD_FRAME, "want a text frame")
        else:
            self._read_text(message.data)

    def _count(self) -> None:
        now_s = int(time.monotonic())
        self._spoken = self._spoken + 1 if now_s == self._second else 1
        self._second = now_s
        if self._spoken > FRAMES_PER_S_MAX:
            raise Closing(TOO_MANY, "too many frames")

    def _read_text(self, data: bytes) -> None:
        """A hello first; then another, a leave, or any other JSON, which says nothing here."""
        try:
            said = _KIND.decode(data)
        except (msgspec.DecodeError, RecursionError):
            raise Closing(BAD_FRAME, "want a JSON object") from None
        kind = said.get("type")
        if kind == "hello" or not (self.user_key or self._guests):
            self._greet(read_hello(data))
        elif kind == "leave" and self._guests is not None:
            self._guests.dismiss(str(said.get("tab_id")))

    def _greet(self, hello: Hello) -> None:
        line: Connection = self
        if hello.beside:
            self._guests = self._guests or Guests(self, self.origin, self._streams)
            seated = self._guests.seat(hello)
            if seated is None:
                return
            line, greeted = seated
        else:
            greeted = self._streams.check(hello, self.origin)
        self._wait_no_more()
        self._binding = asyncio.create_task(self._bind(line, greeted))

    async def _bind(self, line: Connection, greeted: Greeted) -> None:
        try:
            await self._streams.bind(line, greeted)
        except Exception as error:
            # The message may quote the hello, so only its kind is logged.
            logger.error("a hello failed: %s", type(error).__name__)
            self._transport.abort()
            return
        self._binding = None
        if not self._transport.is_closing():
            self._transport.resume_reading()
            self._read()

    def _leave(self, data: bytes) -> None:
        """The client says goodbye: it hears the same."""
        code = int.from_bytes(data[:2])
        self._part(code if code in LEFT_CODES else GONE, frame(CLOSE, data[:2]))
        self._transport.close()

    def connection_lost(self, _reason: Exception | None) -> None:
        self._wait_no_more()
        if not self.code:
            self.code = GONE
            self._depart()
        for future in (self._room, self._over):
            if future is not None and not future.done():
                future.set_result(None)

    def _depart(self) -> None:
        """It is over for this tab and for all that share its socket."""
        if self._guests is not None:
            self._guests.clear()
        self._streams.leave(self, self.code)

    def _wait_no_more(self) -> None:
        """For a hello, or for what a hello asks for."""
        for waits in (self._waiting, self._binding):
            if waits is not None:
                waits.cancel()
        self._waiting = self._binding = None

    # To the client

    def wire(self, frame_: Frame) -> bytes:
        """One text frame."""
        return frame(TEXT, frame_.text.encode())

    async def send(self, frame_: Frame) -> None:
        """One text frame, when there is room."""
        if not self._can_write:
            self._room = asyncio.get_running_loop().create_future()
            await self._room
        self._transport.write(self.wire(frame_))

    def pause_writing(self) -> None:
        self._can_write = False

    def resume_writing(self) -> None:
        self._can_write = True
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def beat(self) -> None:
        """A ping that the client's program sees, and one that its browser has to answer."""
        self._unheard += 1
        if self._unheard > UNHEARD_BEATS_MAX:
            self._transport.abort()
        elif self._outbox is None and self._transport.get_write_buffer_size() <= UNSENT_BYTES_MAX:
            told = self.wire(PING) if self.user_key or self._guests else b""
            self._transport.write(told + frame(PING_KIND, b""))

    def end(self, code: int, reason: str) -> None:
        """Say goodbye, once; the connection ends with the client's answer or soon after."""
        self._part(code, close_frame(code, reason))

    def _part(self, code: int, goodbye: bytes) -> None:
        if self.code or self._transport.is_closing():
            return
        self.code = code
        self._wait_no_more()
        self._transport.write(goodbye)
        self._depart()
        self._streams.leaving.add(self._transport)

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye and wait until the connection is over."""
        self.end(code, reason)
        if not self._transport.is_closing():
            self._over = asyncio.get_running_loop().create_future()
            await self._over
