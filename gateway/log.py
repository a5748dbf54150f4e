"""The port to the event log: what ingest needs of Kafka, and the clock that stamps its records."""

from __future__ import annotations

import time
from asyncio import Future
from collections.abc import Callable
from typing import Protocol

from schemas.event import Event


class LogUnavailable(Exception):
    """The event could not be made durable now; sending it again later is safe."""

    retry_after_s = 1


class LogFull(LogUnavailable):
    """There is no room for it; that takes longer to pass."""

    retry_after_s = 5


class Log(Protocol):
    """An append-only log of events, partitioned by user key."""

    def send(self, event: Event) -> Future[None]:
        """Stamp and append; the future ends when the event is durable, or with LogUnavailable.

        Raises LogUnavailable at once when there is no room.
        """

    def tick(self) -> None:
        """Append one tick to every partition, so that time passes when nobody clicks."""

    @property
    def healthy(self) -> bool:
        """Whether events can become durable."""

    @property
    def blocked(self) -> str:
        """What a person has to clear before anything is delivered, empty when nothing."""


class Stamp:
    """Engine time: wall clock milliseconds that never decrease within the process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.last_ms = 0

    def now_ms(self) -> int:
        """The stamp of a record produced at once."""
        self.last_ms = max(self.last_ms, int(self._clock() * 1000))
        return self.last_ms
