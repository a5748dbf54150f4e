"""A validated wire event -> the Event of the log: units changed, rules across fields checked."""

from __future__ import annotations

from msgspec.structs import replace

from gateway.money import BadMoney, to_micros
from gateway.wire import PROPERTIES_MAX, WireEvent, WirePage, WireProduct, WireSource, WireVectors
from schemas.event import (
    CLIENT_TYPES,
    INTERNAL_KINDS,
    OUTCOMES,
    Event,
    Page,
    Product,
    Source,
)
from schemas.ids import identity_ref
from schemas.site import Site

CUSTOM, TYPE = "custom", "type"
PERCENT_PPM = 10_000


class NotAnEvent(Exception):
    """The event breaks a rule that types alone cannot say."""

    def __init__(self, field: str, error: str) -> None:
        super().__init__(f"{field}: {error}")
        self.field, self.error = field, error


def to_event(wire: WireEvent, envelope: Event, site: Site) -> Event:
    """The event with the envelope's site, visitor, session and consent. Raises NotAnEvent."""
    kind, properties = _kind(wire)
    if kind in OUTCOMES:
        for name in ("slot_id", "decision_id"):
            if getattr(wire, name) is None:
                raise NotAnEvent(name, f"{kind} belongs to a decision; send back its {name}")
    vectors = wire.vectors or WireVectors()
    return replace(
        envelope,
        event_id=wire.event_id,
        type=kind,
        session_index=wire.session_index,
        ts_ms=wire.ts,
        user_mode=wire.user_mode or envelope.user_mode,
        page=wire.page and _page(wire.page),
        product=wire.product and _product(wire.product, site.currency),
        source=wire.source and _source(wire.source),
        scroll_depth_ppm=scroll_ppm(vectors),
        tap_velocity_ms=_whole(vectors.tap_velocity_ms),
        active_duration_ms=_whole(vectors.active_duration_s, 1000),
        value_micros=_micros("value", wire.value),
        slot_id=wire.slot_id,
        decision_id=wire.decision_id,
        source_shown=wire.source_shown,
        painted_at_ms=wire.painted_at_ms,
        properties=properties,
        identity_ref=wire.identity_ref and identity_ref(site.site, site.salt, wire.identity_ref),
    )


def _kind(wire: WireEvent) -> tuple[str, dict[str, str | float | bool]]:
    """Type and properties; an unknown type travels as custom and keeps its name beside it."""
    properties = wire.properties or {}
    if len(properties) > PROPERTIES_MAX:
        raise NotAnEvent("properties", f"at most {PROPERTIES_MAX}; leave some out")
    if wire.type in INTERNAL_KINDS:
        raise NotAnEvent(TYPE, f"{wire.type} is an internal kind; no client sends it")
    if wire.type in CLIENT_TYPES:
        return wire.type, properties
    named = {**properties, TYPE: wire.type}
    if len(named) > PROPERTIES_MAX:
        raise NotAnEvent("properties", f"at most {PROPERTIES_MAX - 1} beside a type of your own")
    return CUSTOM, named


def scroll_ppm(vectors: WireVectors) -> int | None:
    """Scroll depth in ppm, from a share or from a percentage that is clipped to 100."""
    if vectors.scroll_depth is not None:
        return int(vectors.scroll_depth * 1_000_000 + 0.5)
    if vectors.scroll_depth_hz is not None:
        return min(int(vectors.scroll_depth_hz * PERCENT_PPM + 0.5), 1_000_000)
    return None


def _page(page: WirePage) -> Page:
    # What follows # never leaves a browser by itself, so it is not kept here either.
    return Page(page.url.partition("#")[0], page.path, page.type, page.title)


def _product(product: WireProduct, currency: str) -> Product:
    if product.currency not in (None, currency):
        raise NotAnEvent("product.currency", f"this site's money is {currency}")
    return Product(
        id=product.id,
        name=product.name or "",
        category=product.category or "",
        price_micros=_micros("product.price", product.price) or 0,
        currency=currency,
        quantity=1 if product.quantity is None else product.quantity,
    )


def _source(source: WireSource) -> Source:
    return Source(
        source.referrer or "",
        source.utm_source or "",
        source.utm_medium or "",
        source.utm_campaign or "",
    )


def _micros(field: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return to_micros(text)
    except BadMoney as bad:
        raise NotAnEvent(field, str(bad)) from None


def _whole(value: float | None, factor: int = 1) -> int | None:
    return None if value is None else int(value * factor + 0.5)
