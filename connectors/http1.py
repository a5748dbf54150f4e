"""HTTP/1.1 for a load generator: POSTs over keep-alive connections, a tenth of a browser's work.

It speaks to our own gateway only, whose answers carry a Content-Length; anything else is an error.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from typing import cast
from urllib.parse import urlsplit

_END, _LENGTH = b"\r\n\r\n", b"\r\ncontent-length:"
HEAD_BYTES_MAX = 16 * 1024


class NoAnswer(Exception):
    """The server could not be reached, hung up, or answered with no HTTP we understand."""


Answer = tuple[int, bytes]
"""(status, body)."""


class _Connection(asyncio.Protocol):
    """One connection with at most one request on its way."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._answer: Future[Answer] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports share no base class with asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def ask(self, request: bytes) -> Future[Answer]:
        """Write a whole request; its answer comes with the future."""
        assert self._answer is None and self._transport is not None
        self._answer = self._pool.loop.create_future()
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._received += data
        try:
            answer = _parsed(self._received)
        except ValueError as error:
            self.close()
            self._fail(f"no HTTP answer: {error}")
            return
        if answer is not None:
            self._received = b""
            waiting, self._answer = self._answer, None
            if waiting is not None and not waiting.done():
                waiting.set_result(answer)
            self._pool.release(self)

    def connection_lost(self, _reason: Exception | None) -> None:
        self._pool.forget(self)
        self._fail("the server hung up")

    def _fail(self, reason: str) -> None:
        waiting, self._answer = self._answer, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(NoAnswer(reason))

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


class Pool:
    """Connections to one server, as many as there are requests at once."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        assert address.scheme == "http" and address.hostname, f"want http://HOST:PORT, not {url}"
        self.loop = asyncio.get_running_loop()
        self._host, self._port = address.hostname, address.port or 80
        self._idle: list[_Connection] = []
        self._all: set[_Connection] = set()

    async def post(self, path: str, body: bytes, timeout_s: float) -> Answer:
        """Status and body. Raises NoAnswer, also after `timeout_s`."""
        connection = self._idle.pop() if self._idle else await self._connected()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        answer = connection.ask(head.encode("ascii") + body)
        # A timer that hangs up costs a fifth of asyncio.timeout.
        timer = self.loop.call_later(timeout_s, connection.close)
        try:
            return await answer
        finally:
            timer.cancel()

    async def _connected(self) -> _Connection:
        try:
            _, connection = await self.loop.create_connection(
                lambda: _Connection(self), self._host, self._port
            )
        except OSError as error:
            raise NoAnswer(f"no connection: {error}") from error
        self._all.add(connection)
        return connection

    def release(self, connection: _Connection) -> None:
        """The connection may carry the next request."""
        if connection in self._all:
            self._idle.append(connection)

    def forget(self, connection: _Connection) -> None:
        """The connection is gone."""
        self._all.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def close(self) -> None:
        """Hang up everywhere."""
        for connection in tuple(self._all):
            connection.close()


def _parsed(data: bytes) -> Answer | None:
    """The answer once all of it is there. Raises ValueError for what is no answer of ours."""
    end = data.find(_END)
    if end < 0:
        if len(data) > HEAD_BYTES_MAX:
            raise ValueError("an endless head")
        return None
    head = data[:end].lower()
    if not head.startswith(b"http/1.1 "):
        raise ValueError("want HTTP/1.1")
    status, at = int(head[9:12]), head.find(_LENGTH)
    if at < 0:
        raise ValueError("no Content-Length")
    length = int(head[at + len(_LENGTH) :].partition(b"\r\n")[0])
    body = data[end + len(_END) :]
    if len(body) > length:
        raise ValueError("more bytes than announced")
    return (status, body) if len(body) == length else None
