"""2-5 Plain events: most of what a visitor does moves counts and scores as the event before did.

Such an event is of a visitor who is in the middle of a session: the same tab, the next index, no
deadline due, nothing sold or said anew. Of TYPES_FOLDED the step of models/user.py leaves other
state bytes and no effect, unless a score crosses a threshold; of TYPES_ASKING it leaves other
state, and a decision is due. C can make these bytes from the bytes before (connectors/plain.py).
Python says what is meant, and folds all that C leaves to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from models.context import Context
    from models.effects import Effect
    from models.user import Stopwatch
    from schemas.event import Event

TYPES_FOLDED = ("session_start", "scroll", "hover", "click", "tap", "rage_click", "form_focus")
"""Types that neither decide, nor cancel, nor belong to a section of their own."""

TYPES_ASKING = ("page_view", "product_view", "add_to_cart")
"""Types that decide, and withdraw nothing before."""


class Plain(Protocol):
    """Folds plain events."""

    def folded(
        self, state: bytes, event: Event, user_key: str, context: Context, stopwatch: Stopwatch
    ) -> tuple[bytes, list[float] | None] | None:
        """State bytes after the event, or up to its decision; None if it is for Python.

        With an event that asks come the inputs of its scores; its stages are told `stopwatch`.
        """
        ...

    def decided(
        self,
        state: bytes,
        inputs: list[float],
        event: Event,
        user_key: str,
        context: Context,
        stopwatch: Stopwatch,
    ) -> tuple[bytes, list[Effect]] | None:
        """State bytes and effects of the decision that `folded` left; None if it is for Python."""
        ...

    def swapped(self, state: bytes, given: bytes) -> tuple[bytes, bytes]:
        """State bytes with these gifts in the place of its own, and its own.

        Gifts are packed: exposures, those folded away, and the number of the last push.
        """
        ...
