"""The log in memory, for tests: durable at once, held back, or failing, as the test says."""

from __future__ import annotations

from asyncio import Future, get_running_loop

from msgspec.structs import replace

from gateway.log import LogUnavailable, Stamp
from schemas.event import TICK, Event
from schemas.ids import TICK_KEY


class MemoryLog:
    """Keeps events in order. `hold` delays durability until `release`; `down` refuses."""

    def __init__(self, stamp: Stamp | None = None, partitions: int = 1) -> None:
        self.events: list[Event] = []
        self.ticks: list[Event] = []
        self.hold, self.down = False, False
        self.healthy, self.blocked = True, ""
        self._stamp, self._partitions = stamp or Stamp(), partitions
        self._held: list[Future[None]] = []

    def send(self, event: Event) -> Future[None]:
        """Append with the stamps of a produce call."""
        if self.down:
            raise LogUnavailable("the log is down")
        now_ms = self._stamp.now_ms()
        self.events.append(replace(event, received_at_ms=now_ms, accepted_at_ms=now_ms))
        future: Future[None] = get_running_loop().create_future()
        if self.hold:
            self._held.append(future)
        else:
            future.set_result(None)
        return future

    def release(self, failure: Exception | None = None) -> None:
        """End what is held: durable, or failed."""
        for future in self._held:
            if failure is None:
                future.set_result(None)
            else:
                future.set_exception(failure)
        self._held.clear()

    def tick(self) -> None:
        """One tick for each partition."""
        now_ms = self._stamp.now_ms()
        tick = Event(internal=TICK, user_key=TICK_KEY, received_at_ms=now_ms)
        self.ticks.extend([tick] * self._partitions)
