"""WebSocket for a load generator: one socket to our own gateway, a tenth of a browser's work.

Our gateway sends whole text frames, pings and a goodbye; anything else is an error.
"""

from __future__ import annotations

import asyncio
import os
from asyncio import Future
from base64 import b64encode
from collections.abc import Callable
from urllib.parse import urlsplit

from connectors.http1 import NoAnswer

UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SWITCHED, END = b"HTTP/1.1 101 ", b"\r\n\r\n"
TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A
"""First bytes of whole frames."""
NO_MASK = bytes(4)
"""A mask of zeros: what it hides from proxies need not be hidden on one machine."""


class Socket(asyncio.Protocol):
    """One socket; `on_text(data)` hears each message."""

    def __init__(self, on_text: Callable[[bytes], None]) -> None:
        self._on_text = on_text
        self._received = b""
        self._open: Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None

    async def connect(self, url: str) -> None:
        """Be upgraded at an http:// address. Raises NoAnswer."""
        address = urlsplit(url)
        host, port = address.hostname or "", address.port or 80
        key = b64encode(os.urandom(16)).decode()
        asked = UPGRADE.format(path=address.path, host=f"{host}:{port}", key=key)
        try:
            made = await asyncio.get_running_loop().create_connection(lambda: self, host, port)
        except OSError as error:
            raise NoAnswer(f"no connection: {error}") from error
        self._transport = made[0]
        self._transport.write(asked.encode("ascii"))
        await self._open

    def send(self, text: bytes) -> None:
        """One text message of less than 64 KiB."""
        self._write(TEXT, text)

    def close(self) -> None:
        """Say that the page was left, and leave."""
        if self._transport is not None and not self._transport.is_closing():
            self._write(CLOSE, (1001).to_bytes(2))
            self._transport.close()

    def _write(self, first: int, data: bytes) -> None:
        assert self._transport is not None, "connected before"
        size = len(data)
        length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2)
        self._transport.write(bytes((first,)) + length + NO_MASK + data)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._open.done():
            self._read_head()
        while self._open.done() and (found := _frame(self._received)) is not None:
            first, text, self._received = found
            if first == TEXT:
                self._on_text(text)
            elif first == PING:
                self._write(PONG, text)
            elif first == CLOSE:
                self.close()

    def _read_head(self) -> None:
        head, end, rest = self._received.partition(END)
        if not end:
            return
        self._received = rest
        if head.startswith(SWITCHED):
            self._open.set_result(None)
        else:
            self._open.set_exception(NoAnswer(head.partition(b"\r\n")[0].decode("latin-1")))

    def connection_lost(self, _reason: Exception | None) -> None:
        if not self._open.done():
            self._open.set_exception(NoAnswer("the server hung up"))


def _frame(data: bytes) -> tuple[int, bytes, bytes] | None:
    """First byte, payload and what follows, once all of a frame is there."""
    if len(data) < 2:
        return None
    starts = 2 + {126: 2, 127: 8}.get(data[1], 0)
    if len(data) < starts:
        return None
    size = data[1] if starts == 2 else int.from_bytes(data[2:starts])
    if len(data) < starts + size:
        return None
    return data[0], data[starts : starts + size], data[starts + size :]
