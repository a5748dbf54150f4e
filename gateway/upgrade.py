"""From an HTTP request to a WebSocket: the handshake of RFC 6455, and the connection itself.

aiohttp reads the request, as it reads all that the front door does not. What it would hold for each
socket (a parser, a request, two tasks, a queue) is more than all else that a visitor has here, so
once it has read the head it is told that the connection is over, and the socket goes on alone.
"""

from __future__ import annotations

import re
from asyncio import Transport
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha1

from aiohttp import web

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455, section 1.3."""

SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: %b\r\n\r\n"
)
_KEY = re.compile(r"[A-Za-z0-9+/]{22}==")


def switch_of(headers: Mapping[str, str]) -> bytes | None:
    """The answer to an upgrade, None where it is none; extensions are declined by silence."""
    wanted = [each.strip() for each in headers.get("Connection", "").lower().split(",")]
    if headers.get("Upgrade", "").lower() != "websocket" or "upgrade" not in wanted:
        return None
    key = headers.get("Sec-WebSocket-Key", "")
    if headers.get("Sec-WebSocket-Version") != "13" or _KEY.fullmatch(key) is None:
        return None
    accept = b64encode(sha1(key.encode() + GUID, usedforsecurity=False).digest())
    return SWITCH % accept


class _Rest:
    """What came behind the head, in the form of the parser that aiohttp hands it to."""

    def __init__(self) -> None:
        self.data = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Keep it."""
        self.data += data
        return False, b""

    def feed_eof(self) -> None:
        """There is no more."""


def taken_from(request: web.Request) -> tuple[Transport, bytes]:
    """A request's connection, and what came behind its head; aiohttp's own task is cancelled.

    Raises ConnectionResetError where the client is gone already.
    """
    protocol, rest = request.protocol, _Rest()
    transport = request.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError
    protocol.set_parser(rest)  # type: ignore[arg-type]
    # What it has no transport of it does not close.
    protocol.transport = None
    protocol.connection_lost(None)
    return transport, rest.data
