"""2 Outreach: what state remembers of messages outside the page."""

from __future__ import annotations

from msgspec import Struct

MAILS_MAX = 3


class Mail(Struct, array_like=True, frozen=True):
    """One planned message that may still be withdrawn; `due_ms` is engine time."""

    trigger_id: str
    campaign_id: str
    slot_id: str
    cause: str
    due_ms: int
    burst: int


class Outreach(Struct, array_like=True):
    """Messages and the cart that was left.

    `burst` is the number of the last burst that fired, `crossed_ms` the last signal of the kind
    that reached a rule (0: none waits), `crossed_by` its code, `at_ms` the next deadline, 0 for
    none. `at_cart` says that cart or checkout is open; `left_in` is the session that left it.
    """

    mails: list[Mail] = []
    burst: int = 0
    crossed_ms: int = 0
    crossed_by: int = 0
    at_ms: int = 0
    at_cart: bool = False
    left_in: int = 0
    seen_in: int = 0
