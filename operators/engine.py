"""What an engine owns of the current user: state values and timers."""

from __future__ import annotations

from typing import Protocol


class State(Protocol):
    """One bytes value of the current user, owned by the engine."""

    def value(self) -> bytes | None:
        """The bytes, None for a new user."""

    def update(self, data: bytes) -> None:
        """Replace them."""

    def clear(self) -> None:
        """Forget the user."""


class Timers(Protocol):
    """Event-time timers of the current user, owned by the engine."""

    def register_event_time_timer(self, timestamp: int) -> None:
        """Wake this user when the watermark passes `timestamp`, epoch ms."""

    def current_watermark(self) -> int:
        """All records up to this engine time have been read."""
