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
UNITS_MAX = 1_000_000


class Outcome(Struct, array_like=True, frozen=True, gc=False):
    """One event as attribution reads it.

    `kind` is the event's type; `event_id` that of an order's own name where it has one, so that an
    order told twice is one; `at_ms` engine time; `fallback` says that the gateway's stand-in was
    shown, which `decision_id` carried. `margin_micros` is what the shop says the order earned,
    None where it says nothing; `discount_micros` what it gave away. `lines` are (product, units) of
    an order until models/order_margin.py has priced them: `lines_micros` is what those of a known
    margin earn, `listed_micros` their list value.
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
    lines: tuple[tuple[str, int], ...] = ()
    lines_micros: int = 0
    listed_micros: int = 0

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
        lines_of(event) if event.type == ORDER else (),
    )


def lines_of(event: Event) -> tuple[tuple[str, int], ...]:
    """(product, units) of a purchase: its `items`, as `lamp*2 bulb`, else its one product."""
    told = event.properties.get("items")
    if isinstance(told, str) and told:
        return tuple(_line(each) for each in told.split())
    product = event.product
    return ((product.id, max(product.quantity, 0)),) if product and product.id else ()


def _line(text: str) -> tuple[str, int]:
    """Without a number behind a star it is one unit, and the star is part of the name."""
    name, star, units = text.rpartition("*")
    if star and name and units.isascii() and units.isdigit():
        return name, min(int(units), UNITS_MAX)
    return text, 1


def _micros(amount: object) -> int | None:
    """An amount of the site's currency, as a property holds it; None for any other thing."""
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        return None
    bounded = min(max(amount, -1e9), 1e9)
    # NaN compares false, so it gets here: it is no amount.
    return None if bounded != bounded else round(bounded * _MICROS)
