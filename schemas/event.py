"""1 Event: one thing a visitor did, one outcome of an action, or one internal signal."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

DECISION_POINTS = frozenset(
    "page_view product_view add_to_cart remove_from_cart cart_view checkout_start exit_intent "
    "purchase ask".split()
)
"""Client events that always ask for a decision; stages, thresholds and deadlines add theirs."""

INSTANT = frozenset("add_to_cart remove_from_cart exit_intent".split())
"""Decision points whose answer is due within 100 ms; stage transitions are instant too."""

OUTCOMES = frozenset("impression action_click dismiss convert".split())

CLIENT_TYPES = OUTCOMES | frozenset(
    "session_start page_view product_view scroll hover click tap search filter zoom video_play "
    "view_3d compare wishlist_add add_to_cart remove_from_cart cart_view checkout_start "
    "checkout_step purchase pause exit_intent hidden visible page_leave rage_click form_focus "
    "preference consent identify ask custom".split()
)
"""What a client may send by name; anything else travels as `custom`."""

TICK, PROBE, HANDOFF, ERASE = "tick", "probe", "handoff", "erase"
TIME_OUT = "time_out"
"""A gateway could not wait longer for this event's decision: what it answered instead, for
`kairos why`. It names event, slot and, where one was shown, the fallback's carrier. No rule reads
it.
"""

PURCHASE, ORDER_ID = "purchase", "order_id"
ORDER_ID_MAX = 64

INTERNAL_KINDS = frozenset((TICK, PROBE, HANDOFF, ERASE, TIME_OUT))


class Consent(Struct, frozen=True, gc=False):
    """What the visitor allows, by purpose."""

    analytics: bool = False
    personalization: bool = False
    marketing: bool = False


class Page(Struct, frozen=True, gc=False):
    """The page the visitor is on; empty strings where unknown."""

    url: str = ""
    path: str = ""
    type: str = ""
    title: str = ""


class Product(Struct, frozen=True, gc=False):
    """The product an event is about; price in micros of the site's currency."""

    id: str = ""
    name: str = ""
    category: str = ""
    price_micros: int = 0
    currency: str = ""
    quantity: int = 1


class Source(Struct, frozen=True, gc=False):
    """Where the visit came from."""

    referrer: str = ""
    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""


NO_CONSENT = Consent()


class Event(Struct, frozen=True, kw_only=True, gc=False):
    """One record of topic `events`; fields and units as in schemas/avro/event.avsc."""

    event_id: str = ""
    internal: str = ""
    type: str = ""
    site: str = ""
    user_key: str = ""
    session_id: str = ""
    tab_id: str = ""
    session_index: int = 0
    ts_ms: int = 0
    sent_at_ms: int = 0
    received_at_ms: int = 0
    accepted_at_ms: int = 0
    consent: Consent = NO_CONSENT
    user_mode: str = "anonymous"
    page: Page | None = None
    product: Product | None = None
    source: Source | None = None
    scroll_depth_ppm: int | None = None
    tap_velocity_ms: int | None = None
    active_duration_ms: int | None = None
    value_micros: int | None = None
    slot_id: str | None = None
    decision_id: str | None = None
    source_shown: str | None = None
    painted_at_ms: int | None = None
    properties: dict[str, str | float | bool] = {}
    identity_ref: str | None = None
    pii: bytes | None = None
    gateway_id: str = ""
    conn_id: str = ""
    bot: bool = False
    traceparent: str | None = None
    consent_unsaid: bool = False

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Event:
        """From a decoded Avro record, which this takes over and may change."""
        record["consent"] = Consent(**record["consent"])
        if record["page"] is not None:
            record["page"] = Page(**record["page"])
        if record["product"] is not None:
            record["product"] = Product(**record["product"])
        if record["source"] is not None:
            record["source"] = Source(**record["source"])
        return cls(**record)

    def to_record(self) -> dict[str, Any]:
        """The Avro record of this event."""
        record = asdict(self)
        for name in ("consent", "page", "product", "source"):
            if record[name] is not None:
                record[name] = asdict(record[name])
        return record


def order_of(event: Event) -> str:
    """The shop's own name of the order that a purchase tells of; empty where it says none.

    Page and back end may write it as 1001, "1001" or "#1001": all of these are one order.
    """
    named = event.properties.get(ORDER_ID) if event.type == PURCHASE else None
    if isinstance(named, float) and named.is_integer():
        named = int(named)
    if named is None or isinstance(named, bool):
        return ""
    return str(named).strip().removeprefix("#")[:ORDER_ID_MAX]
