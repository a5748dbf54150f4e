"""A push connection of either kind: who it belongs to, what waits for it, and how it ends.

A frame goes straight to the transport while that takes it. What does not fit waits in an outbox,
which a task sends as the client reads; nothing is kept for a client that reads.
"""

from __future__ import annotations

import asyncio
import os
from asyncio import Task, Transport
from typing import cast

from gateway.codes import DRAIN, SLOW
from gateway.leaving import CLOSE_TIMEOUT_S
from gateway.outbox import Frame, Outbox, frame_of

PING = Frame('{"type":"ping"}', "ping")
UNSENT_BYTES_MAX = 32 * 1024
"""More than this in the transport's buffer: the client reads more slowly than we write."""


class Line:
    """One connection; a subclass says how a frame looks on the wire and how to close."""

    __slots__ = ("_ending", "_outbox", "_sending", "_transport", "code", "conn_id", "origin",
                 "replaced", "session_id", "tab_id", "user_key")  # fmt: skip

    def __init__(self, transport: asyncio.Transport | None, origin: str) -> None:
        self.user_key = self.session_id = self.tab_id = ""
        self.conn_id = os.urandom(6).hex()
        self.origin = origin
        self._transport = cast(Transport, transport)
        self._outbox: Outbox | None = None
        self._sending: Task[None] | None = None
        self._ending: Task[None] | None = None
        self.replaced = 0
        self.code = 0

    def offer(self, frame: Frame) -> None:
        """Send one frame, or queue it; whoever does not read is closed and may come back."""
        if self.code or self._transport.is_closing():
            return
        if self._outbox is None:
            if self._transport.get_write_buffer_size() <= UNSENT_BYTES_MAX:
                self._transport.write(self.wire(frame))
                return
            self._outbox = Outbox()
            self._sending = asyncio.create_task(self._drain_outbox(self._outbox))
        if not self._outbox.put(frame):
            self.end(SLOW, "too slow")

    def wire(self, frame: Frame) -> bytes:
        """The frame's bytes."""
        raise NotImplementedError

    async def send(self, frame: Frame) -> None:
        """Send one frame and wait while the transport is full. Raises ConnectionError."""
        raise NotImplementedError

    async def bye(self, code: int, reason: str) -> None:
        """Tell the client why this ends; it may not read that any more."""
        raise NotImplementedError

    async def _drain_outbox(self, outbox: Outbox) -> None:
        try:
            while (frame := outbox.pop()) is not None:
                await self.send(frame)
        except (ConnectionError, RuntimeError):
            # The peer is gone; whoever reads from it notices too.
            return
        self.replaced += outbox.replaced
        self._outbox = None

    def beat(self) -> None:
        """A frame now and then, since a client does not see that its connection is dead."""
        if self.user_key:
            self.offer(PING)

    def end(self, code: int, reason: str) -> None:
        """Close once, without waiting for it."""
        if not self.code:
            self.code = code
            self._ending = asyncio.create_task(self.close(code, reason))

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye in bounded time, then hang up, whether or not the client reads."""
        self.stop()
        self.code = code
        try:
            await asyncio.wait_for(self.bye(code, reason), CLOSE_TIMEOUT_S)
        except (TimeoutError, ConnectionError, RuntimeError):
            self._transport.abort()
        else:
            # What is written may still go out; a client that takes nothing is not waited for.
            self._transport.close()
            asyncio.get_running_loop().call_later(CLOSE_TIMEOUT_S, self._transport.abort)

    async def drain(self, after_ms: int) -> None:
        """Ask the client to come back elsewhere after so long, then close."""
        self.offer(frame_of({"type": "reconnect", "after_ms": after_ms}))
        await self.close(DRAIN, "the gateway is going away")

    def stop(self) -> None:
        """Nothing is written any more."""
        if self._sending is not None:
            self._sending.cancel()
