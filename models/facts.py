"""5 Fusion: the one flat table of named integers and texts that conditions and bids read.

Names, types and meanings are documented in models/names.py; this fills them from a profile.
"""

from __future__ import annotations

from models import carts
from models.context import View
from models.signals import SIGNALS
from models.tally import cart_lines
from models.vocabulary import STAGES
from schemas.profile import Profile, Tab

HOUR_MS = 3_600_000
MONDAY_OFFSET = 3
"""1970-01-01 was a Thursday, weekday 3 when Monday is 0."""

Facts = dict[str, int | str]


def scores(profile: Profile, view: View) -> dict[str, int]:
    """Intent name -> ppm, in the model's order; empty while rules decide."""
    return dict(zip(view.score_names, profile.scores, strict=False))


def concepts(profile: Profile, view: View) -> dict[str, int]:
    """Concept name -> ppm, in the model's order; empty while rules decide."""
    return dict(zip(view.concept_names, profile.concepts, strict=False))


def facts(profile: Profile, tab: Tab, view: View, trigger: str, now_ms: int) -> Facts:
    """Every documented name for this visitor at this moment; signals where a rule reads them."""
    out: Facts = {"trigger": trigger, "stage": STAGES[profile.session.stage]}
    out.update(scores(profile, view))
    out.update(concepts(profile, view))
    _cart(out, profile, tab)
    _page(out, tab, view)
    _session(out, profile, now_ms)
    for name in view.catalogue.signals if view.catalogue else ():
        out[name] = SIGNALS[name](profile, tab, view, now_ms)
    out["hour"] = now_ms // HOUR_MS % 24
    out["weekday"] = (now_ms // (24 * HOUR_MS) + MONDAY_OFFSET) % 7
    return out


def _cart(out: Facts, profile: Profile, tab: Tab) -> None:
    lines = cart_lines(profile.tally) if profile.tally.cart else {}
    tally, session = profile.tally, profile.session
    cart_micros = sum(units * price for units, price in lines.values())
    out["cart_value"] = cart_micros
    out["cart_items"] = sum(units for units, _ in lines.values())
    out["orders"] = tally.orders
    out["order_value"] = tally.order_micros
    mean_micros = tally.order_micros // tally.orders if tally.orders else 0
    out["potential_value"] = max(cart_micros, mean_micros, tab.price_micros)
    standing = carts.standing(profile)
    out["cart_left"] = int(standing == carts.LEFT)
    out["cart_abandoned"] = int(standing == carts.ABANDONED)
    out["checkout_critical"] = int(bool(lines and session.checkouts and not session.bought))


def _page(out: Facts, tab: Tab, view: View) -> None:
    out["page_type"] = tab.page_type
    out["page_path"] = tab.page_path
    out["dwell"] = tab.active_ms
    out["product_id"] = tab.product_id
    out["product_category"] = tab.category
    out["product_price"] = tab.price_micros
    if tab.product_id:
        known = view.assortment.by_id.get(tab.product_id)
        out["product_stock"] = known.stock if known else -1
        out["product_price_percentile"] = view.assortment.percentile_ppm(
            tab.category, tab.price_micros
        )


def _session(out: Facts, profile: Profile, now_ms: int) -> None:
    session = profile.session
    out["session_age"] = now_ms - session.started_ms
    out["session_events"] = session.events
    out["page_views"] = session.page_views
    out["product_views"] = session.product_views
    out["searches"] = session.searches
    out["scroll_depth"] = session.scroll_ppm
    out["rage_clicks"] = session.rage_clicks
    out["hovers"] = session.hovers
    out["shown_session"] = session.shown
    out["dismissed_session"] = session.dismissed
    out["source"] = session.source or "direct"
    out["utm_source"] = session.utm_source
    out["utm_medium"] = session.utm_medium
    out["utm_campaign"] = session.utm_campaign
    out["referrer_host"] = session.referrer_host
    out["returning"] = int(session.number > 1)
    out["identified"] = int(profile.identified)
    out["consent_marketing"] = profile.consent >> 2 & 1
