"""WebSocket /v1/stream: hello, welcome, then decisions and cancels as they come."""

from __future__ import annotations

import asyncio
import os
import random
import time
from asyncio import Queue, QueueFull, Task
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import WSMessage, WSMsgType, web

from gateway import tokens
from gateway.health import Metrics
from gateway.push import Hub
from gateway.settings import Settings
from gateway.sites import Sites
from gateway.wire import Hello
from schemas.origins import allowed

BAD_FRAME, BAD_TOKEN, BAD_ORIGIN, NO_SITE, SLOW, TOO_MANY = 4000, 4001, 4003, 4004, 4008, 4029
DRAIN = 1012
QUEUE_MAX, FRAME_BYTES_MAX, FRAMES_PER_S_MAX = 64, 16 * 1024, 20
HELLO_TIMEOUT_S, CLOSE_TIMEOUT_S, HEARTBEAT_S, PING_S = 10.0, 2.0, 20, 25.0
RECONNECT_SPREAD_MS = 2_000
PING_FRAME = '{"type":"ping"}'
_HELLO = msgspec.json.Decoder(Hello)
_KIND = msgspec.json.Decoder(dict[str, Any])


class Closing(Exception):
    """The connection has to end with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Socket:
    """One push connection: a bounded queue and the task that writes it out."""

    def __init__(self, ws: web.WebSocketResponse, origin: str) -> None:
        self.user_key = self.session_id = self.tab_id = ""
        self.conn_id = os.urandom(6).hex()
        self.origin = origin
        self._ws = ws
        self._queue: Queue[str] = Queue(QUEUE_MAX)
        self._writer: Task[None] = asyncio.create_task(self._write())
        self._ending: Task[None] | None = None

    def offer(self, text: str) -> None:
        """Queue one frame; whoever does not read is closed as slow and may come back."""
        try:
            self._queue.put_nowait(text)
        except QueueFull:
            self.end(SLOW, "too slow")

    def end(self, code: int, reason: str) -> None:
        """Close once, without waiting for it."""
        if self._ending is None:
            self._ending = asyncio.create_task(self.close(code, reason))

    async def close(self, code: int, reason: str) -> None:
        """Stop writing and close with a code the client understands."""
        self._writer.cancel()
        await self._ws.close(code=code, message=reason.encode())

    async def drain(self) -> None:
        """Ask the client to come back elsewhere, spread over time, then close."""
        hint = {"type": "reconnect", "after_ms": random.randrange(RECONNECT_SPREAD_MS)}
        self.offer(msgspec.json.encode(hint).decode())
        for _ in range(self._queue.qsize()):
            await asyncio.sleep(0)
        await self.close(DRAIN, "the gateway is going away")

    async def _write(self) -> None:
        while True:
            text = await self._queue.get()
            try:
                await self._ws.send_str(text)
            except (ConnectionError, RuntimeError):
                return

    def stop(self) -> None:
        """The handler ends; nothing is written any more."""
        self._writer.cancel()


class Streams:
    """All push connections of the process."""

    def __init__(
        self,
        settings: Settings,
        sites: Sites,
        hub: Hub,
        metrics: Metrics,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._sites, self._hub = settings, sites, hub
        self._metrics, self._clock = metrics, clock
        self._open: set[Socket] = set()
        self.draining = False

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One connection from upgrade to close."""
        if self.draining or len(self._open) >= self._settings.sockets_max:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "1"})
        ws = web.WebSocketResponse(
            compress=False,
            heartbeat=PING_S,
            timeout=CLOSE_TIMEOUT_S,
            max_msg_size=FRAME_BYTES_MAX,
        )
        await ws.prepare(request)
        socket = Socket(ws, request.headers.get("Origin", ""))
        self._open.add(socket)
        self._metrics.sockets.set(len(self._open))
        try:
            await self._converse(ws, socket)
        except Closing as closing:
            await socket.close(closing.code, closing.reason)
        finally:
            socket.stop()
            self._hub.detach(socket)
            self._open.discard(socket)
            self._metrics.sockets.set(len(self._open))
            self._metrics.closed.labels(str(ws.close_code)).inc()
        return ws

    async def _converse(self, ws: web.WebSocketResponse, socket: Socket) -> None:
        if socket.origin and not self._sites.knows_origin(socket.origin):
            raise Closing(BAD_ORIGIN, "this origin is not allowed")
        try:
            first = await ws.receive(HELLO_TIMEOUT_S)
        except TimeoutError:
            raise Closing(BAD_TOKEN, "no hello came") from None
        if first.type is not WSMsgType.TEXT:
            if first.type is WSMsgType.BINARY:
                raise Closing(BAD_FRAME, "want a text frame")
            return
        self._hello(socket, first.data)
        second, frames = 0, 0
        async for message in ws:
            now_s = int(time.monotonic())
            frames = frames + 1 if now_s == second else 1
            second = now_s
            if frames > FRAMES_PER_S_MAX:
                raise Closing(TOO_MANY, "too many frames")
            self._hear(socket, message)

    def _hear(self, socket: Socket, message: WSMessage) -> None:
        """A later frame: another hello, or anything else that is JSON and says nothing here."""
        if message.type is not WSMsgType.TEXT:
            raise Closing(BAD_FRAME, "want a text frame")
        try:
            kind = _KIND.decode(message.data).get("type")
        except (msgspec.DecodeError, RecursionError):
            raise Closing(BAD_FRAME, "want a JSON object") from None
        if kind == "hello":
            self._hub.detach(socket)
            self._hello(socket, message.data)

    def _hello(self, socket: Socket, data: str) -> None:
        """Bind the connection to the visitor its token names. Raises Closing."""
        try:
            hello = _HELLO.decode(data)
        except (msgspec.DecodeError, RecursionError):
            text = "hello needs site, visitor_token, session_id and tab_id"
            raise Closing(BAD_FRAME, text) from None
        now_ms = int(self._clock() * 1000)
        site = self._sites.at(hello.site, now_ms)
        if site is None:
            raise Closing(NO_SITE, "no such site")
        if socket.origin and not allowed(site.origins, socket.origin):
            raise Closing(BAD_ORIGIN, "this origin is not one of the site's")
        try:
            visitor = tokens.verify(
                site.site,
                site.mint_secret,
                hello.visitor_token,
                now_ms=now_ms,
                origin=socket.origin,
            )
        except tokens.BadToken:
            raise Closing(BAD_TOKEN, "the visitor token does not hold") from None
        key = visitor.user_key(site.site)
        if self._hub.connections_of(key) >= self._settings.sockets_per_visitor_max:
            raise Closing(TOO_MANY, "too many connections of one visitor")
        socket.user_key = key
        socket.session_id, socket.tab_id = hello.session_id, hello.tab_id
        self._welcome(socket, hello)

    def _welcome(self, socket: Socket, hello: Hello) -> None:
        welcome = self._hub.attach(socket, hello.last_seq or 0, hello.epoch)
        answer = {
            "type": "welcome",
            "epoch": welcome.epoch,
            "resumed": welcome.resumed,
            "heartbeat_s": HEARTBEAT_S,
        }
        socket.offer(msgspec.json.encode(answer).decode())
        for frame in welcome.frames:
            socket.offer(frame)

    async def beat(self) -> None:
        """A frame to everybody now and then, since a browser does not see protocol pings."""
        while True:
            await asyncio.sleep(HEARTBEAT_S * random.uniform(0.8, 1.0))
            for socket in tuple(self._open):
                if socket.user_key:
                    socket.offer(PING_FRAME)

    async def drain(self) -> None:
        """Close every connection with a hint when to come back."""
        self.draining = True
        await asyncio.gather(*(each.drain() for each in self._open), return_exceptions=True)
