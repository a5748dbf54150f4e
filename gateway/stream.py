"""Push connections: WebSocket /v1/stream and server-sent events /v1/sse, one JSON envelope."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

from aiohttp import web
from msgspec.structs import replace

from gateway.codes import TOO_MANY, Closing
from gateway.connections import Connection
from gateway.health import Metrics
from gateway.hello import Greeted, greet
from gateway.leaving import Leaving
from gateway.line import Line
from gateway.outbox import frame_of
from gateway.push import Hub
from gateway.recall import NoRecall, Recall
from gateway.settings import Settings
from gateway.sites import Sites
from gateway.tail import Record
from gateway.wire import Hello

HEARTBEAT_S = 20
ROUND_S, LINES_AT_ONCE = HEARTBEAT_S / 2, 32
"""Each connection hears a beat once a round; one that comes behind its turn waits for the next."""

RECONNECT_SPREAD_MS = 2_000


class Streams:
    """All push connections of the process, of both kinds."""

    def __init__(
        self,
        settings: Settings,
        sites: Sites,
        hub: Hub,
        metrics: Metrics,
        recall: Recall | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self.sites, self._hub = settings, sites, hub
        self._recall = recall or NoRecall()
        self._metrics, self._clock = metrics, clock
        self._open: set[Line] = set()
        self.leaving = Leaving()
        self.draining = False

    @property
    def has_room(self) -> bool:
        """Whether one more may come."""
        return not self.draining and len(self._open) < self._settings.sockets_max

    def admit(self) -> None:
        """Raises HTTPServiceUnavailable where none may come."""
        if not self.has_room:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "1"})

    def enter(self, line: Line) -> None:
        """One more connection is open."""
        self._open.add(line)
        self._metrics.sockets.set(len(self._open))

    def leave(self, line: Line, code: int) -> None:
        """A connection is over, with this close code."""
        line.stop()
        self._hub.detach(line)
        self._hub.counts["replaced"] += line.replaced
        self._open.discard(line)
        self._metrics.sockets.set(len(self._open))
        self._metrics.closed.labels(str(code)).inc()

    def check(self, hello: Hello, origin: str) -> Greeted:
        """Whose connection this is. Raises Closing."""
        greeted = greet(hello, origin, self.sites, now_ms=int(self._clock() * 1000))
        most = self._settings.sockets_per_visitor_max
        if self._hub.connections_of(greeted.user_key) >= most:
            raise Closing(TOO_MANY, "too many connections of one visitor")
        return greeted

    async def bind(self, line: Connection, greeted: Greeted) -> None:
        """The connection is this tab's from now on: welcome it, and let it catch up."""
        recalled: tuple[Record, ...] = ()
        position = (greeted.last_seq, greeted.epoch)
        if position != (0, None) and not self._hub.is_whole(greeted.user_key, *position):
            recalled = await self._recall.of(greeted.user_key)
        self.unbind(line)
        line.user_key = greeted.user_key
        line.session_id, line.tab_id = greeted.session_id, greeted.tab_id
        welcome = self._hub.attach(line, *position, recalled)
        answer = {
            "type": "welcome",
            "epoch": welcome.epoch,
            "seq": welcome.seq,
            "resumed": welcome.resumed,
            "heartbeat_s": HEARTBEAT_S,
        }
        first = frame_of(answer)
        if any(frame.mark for frame in welcome.frames):
            # What follows brings the client there; a break before it must not.
            first = replace(first, mark="")
        line.offer(first)
        for frame in welcome.frames:
            line.offer(frame)

    def unbind(self, line: Connection) -> None:
        """The connection is nobody's any more."""
        if line.user_key:
            self._hub.detach(line)

    async def beat(self) -> None:
        """A beat to everybody once a round, a few at a time, so that no decision waits for all."""
        while True:
            lines = tuple(self._open)
            steps = max(1, -(-len(lines) // LINES_AT_ONCE))
            for step in range(steps):
                for line in lines[step * LINES_AT_ONCE : (step + 1) * LINES_AT_ONCE]:
                    line.beat()
                await asyncio.sleep(ROUND_S / steps)

    async def drain(self) -> None:
        """Close every connection with a hint when to come back."""
        self.draining = True
        ends = (each.drain(random.randrange(RECONNECT_SPREAD_MS)) for each in tuple(self._open))
        await asyncio.gather(*ends, return_exceptions=True)
