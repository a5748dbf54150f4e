"""2-5 Plain events: most of what a visitor does moves counts and scores and asks for nothing.

Such an event is one of TYPES_FOLDED of a visitor who is in the middle of a session: the same tab,
the next index, no deadline due, no score that crosses a threshold, nothing sold or said anew. The
step of models/user.py on it leaves other state bytes and no effect, and C can make these from the
bytes before (connectors/plain.py). Python says what is meant, and folds all that C leaves to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from models.context import Context
    from schemas.event import Event

TYPES_FOLDED = ("session_start", "scroll", "hover", "click", "tap", "rage_click", "form_focus")
"""Types that neither decide, nor cancel, nor belong to a section of their own."""


class Plain(Protocol):
    """Folds plain events."""

    def folded(self, state: bytes, event: Event, user_key: str, context: Context) -> bytes | None:
        """State bytes after the event, exactly those of `step`; None if it is for Python."""
        ...
