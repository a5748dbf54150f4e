"""9 Outcome: what attribution is told of one event: an outcome of an action, or an order."""

from __future__ import annotations

from msgspec import Struct, msgpack

from schemas.event import OUTCOMES, PURCHASE, Event, order_of

IMPRESSION, CLICK, DISMISS, CONVERT, ORDER = (
    *("impression", "action_click", "dismiss", "convert"),
    PURCHASE,
)
FALLBACK = "fallback"
_MICROS = 1_000_000


class Outcome(Struct, array_like=True, frozen=True, gc=False):
    """One event as attribution reads it.

    `kind` is the event's type; `event_id` that of an order's own name where it has one, so that an
    order told twice is one; `at_ms` engine time; `fallback` says that the gateway's stand-in was
    shown, which `decision_id` carried. `margin_micros` is what the shop says the order earned,
    None where it says nothing; `discount_micros` what it gave away.
    """

    kind: str
    event_id: str
    at_ms: int
    slot_id: str = ""
    decision_id: str = ""
    fallback: bool = False
    value_micros: int = 0
    margin_micros: int | None = None
    discount_micros: int = 0

    def dump(self) -> bytes:
        """As bytes between operators."""
        return msgpack.encode(self)

    @classmethod
    def load(cls, data: bytes) -> Outcome:
        """From `dump`. Raises msgspec.DecodeError."""
        return msgpack.decode(data, type=cls)


def outcome_of(event: Event) -> Outcome | None:
    """What this event tells attribution, None for nothing."""
    if event.internal or (event.type != ORDER and event.type not in OUTCOMES):
        return None
    order = order_of(event)
    return Outcome(
        event.type,
        f"order {order}" if order else event.event_id,
        event.received_at_ms,
        event.slot_id or "",
        event.decision_id or "",
        event.source_shown == FALLBACK,
        event.value_micros or 0,
        _micros(event.properties.get("margin")),
        _micros(event.properties.get("discount")) or 0,
    )


def _micros(amount: object) -> int | None:
    """An amount of the site's currency, as a property holds it; None for any other thing."""
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        return None
    bounded = min(max(amount, -1e9), 1e9)
    # NaN compares false, so it gets here: it is no amount.
    return None if bounded != bounded else round(bounded * _MICROS)
