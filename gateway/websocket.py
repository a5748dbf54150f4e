"""WebSocket /v1/stream: hello, welcome, then decisions and cancels as they come."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from aiohttp import WSMessage, WSMsgType, web

from gateway.codes import BAD_FRAME, BAD_ORIGIN, BAD_TOKEN, GONE, TOO_MANY, Closing
from gateway.hello import read_hello
from gateway.line import CLOSE_TIMEOUT_S, Line
from gateway.outbox import Frame
from gateway.stream import Streams

FRAME_BYTES_MAX, FRAMES_PER_S_MAX = 16 * 1024, 20
HELLO_TIMEOUT_S, PING_S = 10.0, 25.0
TEXT_FRAME, SHORT, LONG, TWO_BYTES = b"\x81", 126, 127, 1 << 16
_KIND = msgspec.json.Decoder(dict[str, Any])


class Socket(Line):
    """One WebSocket."""

    __slots__ = ("_ws",)

    def __init__(self, ws: web.WebSocketResponse, request: web.Request) -> None:
        super().__init__(request.transport, request.headers.get("Origin", ""))
        self._ws = ws

    def wire(self, frame: Frame) -> bytes:
        """One unmasked text frame."""
        data = frame.text.encode()
        size = len(data)
        if size < SHORT:
            return TEXT_FRAME + bytes((size,)) + data
        if size < TWO_BYTES:
            return TEXT_FRAME + bytes((SHORT,)) + size.to_bytes(2, "big") + data
        return TEXT_FRAME + bytes((LONG,)) + size.to_bytes(8, "big") + data

    async def send(self, frame: Frame) -> None:
        """One text frame, when there is room."""
        await self._ws.send_str(frame.text)

    async def bye(self, code: int, reason: str) -> None:
        """The close handshake."""
        await self._ws.close(code=code, message=reason.encode(), drain=False)


async def websocket(request: web.Request, streams: Streams) -> web.WebSocketResponse:
    """One connection from upgrade to close."""
    streams.admit()
    ws = web.WebSocketResponse(
        compress=False,
        heartbeat=PING_S,
        timeout=CLOSE_TIMEOUT_S,
        max_msg_size=FRAME_BYTES_MAX,
    )
    await ws.prepare(request)
    socket = Socket(ws, request)
    streams.enter(socket)
    try:
        await _converse(ws, socket, streams)
    except Closing as closing:
        await socket.close(closing.code, closing.reason)
    finally:
        streams.leave(socket, socket.code or ws.close_code or GONE)
    return ws


async def _converse(ws: web.WebSocketResponse, socket: Socket, streams: Streams) -> None:
    if socket.origin and not streams.sites.knows_origin(socket.origin):
        raise Closing(BAD_ORIGIN, "this origin is not allowed")
    try:
        first = await ws.receive(HELLO_TIMEOUT_S)
    except TimeoutError:
        raise Closing(BAD_TOKEN, "no hello came") from None
    if first.type is not WSMsgType.TEXT:
        if first.type is WSMsgType.BINARY:
            raise Closing(BAD_FRAME, "want a text frame")
        return
    await _greet(socket, first.data, streams)
    second, frames = 0, 0
    async for message in ws:
        now_s = int(time.monotonic())
        frames = frames + 1 if now_s == second else 1
        second = now_s
        if frames > FRAMES_PER_S_MAX:
            raise Closing(TOO_MANY, "too many frames")
        await _hear(socket, message, streams)


async def _hear(socket: Socket, message: WSMessage, streams: Streams) -> None:
    """A later frame: another hello, or anything else that is JSON and says nothing here."""
    if message.type is not WSMsgType.TEXT:
        raise Closing(BAD_FRAME, "want a text frame")
    try:
        kind = _KIND.decode(message.data).get("type")
    except (msgspec.DecodeError, RecursionError):
        raise Closing(BAD_FRAME, "want a JSON object") from None
    if kind == "hello":
        await _greet(socket, message.data, streams)


async def _greet(socket: Socket, data: str, streams: Streams) -> None:
    await streams.bind(socket, streams.check(read_hello(data), socket.origin))
