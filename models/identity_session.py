"""3 Identity of sessions: one visit that began under one name and went on under another."""

from __future__ import annotations

from msgspec.structs import asdict

from models.session import SESSION_GAP_MS
from schemas.profile import TRAIL_MAX, Session

ADDED = (
    "events page_views product_views searches rewordings rage_clicks hovers backtracks cart_backs "
    "cart_views cart_adds cart_removes checkouts interactions dwells dwell_sum_ms "
    "price_sum_micros price_percentile_sum_ppm prices exits shown dismissed price_falls "
    "price_filters"
).split()
LARGER = ("scroll_ppm dwell_max_ms stage stage_entry bought price_max_micros pause_max_ms").split()
ARRIVAL = "source utm_source utm_medium utm_campaign referrer_host".split()
"""How the visit came about is known to the side where it began."""

BYTE_MAX = 255


def joined(own: Session, given: Session) -> bool:
    """Whether the two are one visit: both saw something, at most 30 minutes apart."""
    apart_ms = abs(own.last_ms - given.last_ms)
    return bool(own.events and given.events) and apart_ms <= SESSION_GAP_MS


def merged_session(own: Session, given: Session) -> Session:
    """The visit that both are a part of."""
    earlier, later = sorted((own, given), key=lambda each: (each.last_ms, each.started_ms))
    first = own if own.started_ms <= given.started_ms else given
    fields = asdict(later)
    for name in ADDED:
        fields[name] = getattr(own, name) + getattr(given, name)
    for name in LARGER:
        fields[name] = max(getattr(own, name), getattr(given, name))
    for name in ARRIVAL:
        fields[name] = getattr(first if first.source else later, name)
    lows = [each.price_min_micros for each in (own, given) if each.price_min_micros]
    fields["price_min_micros"] = min(lows, default=0)
    fields["started_ms"] = first.started_ms
    # An age of the session, which has begun earlier now.
    fields["stage_after_ms"] += later.started_ms - first.started_ms
    fields["counts"] = _counts(own.counts, given.counts)
    fields["kinds"] = _counts(own.kinds, given.kinds)
    fields["trail"] = (earlier.trail + later.trail)[-TRAIL_MAX:]
    fields["pages"] = [*(each for each in earlier.pages if each not in later.pages), *later.pages]
    fields["pages"] = fields["pages"][-max(len(own.pages), len(given.pages)) :]
    return Session(**fields)


def _counts(own: bytes, given: bytes) -> bytes:
    size = max(len(own), len(given))
    pairs = zip(own.ljust(size, b"\0"), given.ljust(size, b"\0"), strict=True)
    return bytes(min(a + b, BYTE_MAX) for a, b in pairs)
