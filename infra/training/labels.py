"""Labels of concepts and intents: rules over what happens after an event, never before.

A page event opens a page (page_view, cart_view, checkout_start, or a product_view without a page
view just before it). The horizon is the next 5 page events or 10 minutes of the visitor's clock,
whichever ends first; purchase_intent looks to the end of the visit. models/names.py says what
each concept means to a campaign; the rules are CONCEPTS and INTENTS below.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from schemas.event import Event
from schemas.model import HAZARD, RISK

PAGES_AHEAD = 5
HORIZON_MS = 600_000
_QUICK_BACK_MS = 10_000
_LONG_READ_MS = 10_000
_BOUNCE_MS = 30_000
_CART = frozenset(("cart", "cart_view", "checkout", "checkout_start"))


@dataclass(frozen=True, slots=True)
class Ahead:
    """What follows one event: within the horizon, and to the end of the visit.

    `buys_in_ms` is the time to the next purchase, None where there is none; `lost`: the whole visit
    has none. `here` is the newest page, `met` are the kinds of page met up to now.
    """

    now_ms: int
    events: Sequence[Event]
    pages: Sequence[Event]
    pages_left: int
    events_left: int
    buys_in_ms: int | None
    lost: bool
    ends_ms: int
    medians: dict[str, float]
    here: Event
    met: frozenset[str]

    @property
    def kinds(self) -> list[str]:
        """The kinds of the pages ahead, in order."""
        return [_kind(event) for event in self.pages]


def is_page(event: Event, before: Event | None) -> bool:
    """Whether the event opens a page."""
    if event.type in ("page_view", "cart_view", "checkout_start", "product_view"):
        paired = before is not None and before.type == "page_view" and before.page == event.page
        return not (paired and event.type != "page_view")
    return False


def _frustration(ahead: Ahead) -> bool:
    kinds = [event.type for event in ahead.events]
    return "rage_click" in kinds or _rewordings(ahead.events) >= 2 or _quick_backs(ahead) >= 2


def _rewordings(events: Sequence[Event]) -> int:
    queries = [event.properties.get("query") for event in events if event.type == "search"]
    return sum(a != b for a, b in itertools.pairwise(queries))


def _quick_backs(ahead: Ahead) -> int:
    """How often the visitor goes A-B-A within 10 seconds."""
    pages = ahead.pages
    return sum(
        _path(a) == _path(c) != _path(b) and c.ts_ms - a.ts_ms <= _QUICK_BACK_MS
        for a, b, c in zip(pages, pages[1:], pages[2:], strict=False)
    )


def _path(event: Event) -> str:
    return event.page.path if event.page else ""


def _kind(event: Event) -> str:
    """What sort of page it is: cart and checkout by their events, else the shop's own name."""
    if event.product is not None and event.product.category:
        return event.product.category
    if event.type in ("cart_view", "checkout_start"):
        return event.type
    return event.page.type if event.page else event.type


def _drop_off(ahead: Ahead) -> bool:
    return ahead.pages_left <= 2 and ahead.lost


def _checkout_readiness(ahead: Ahead) -> bool:
    return any(event.type in ("cart_view", "checkout_start") for event in ahead.pages)


def _hesitation(ahead: Ahead) -> bool:
    path = [_kind(ahead.here), *ahead.kinds]
    back = any(a in _CART and b not in _CART for a, b in itertools.pairwise(path))
    return back or any(event.type == "remove_from_cart" for event in ahead.events)


def _deliberation(ahead: Ahead) -> bool:
    """Stays on the page in view, and then goes on."""
    return bool(ahead.pages) and ahead.pages[0].ts_ms - ahead.now_ms > _LONG_READ_MS


def _exploration(ahead: Ahead) -> bool:
    return not ahead.met.issuperset(ahead.kinds)


def _category_focus(ahead: Ahead) -> bool:
    return 2 * ahead.kinds.count(_kind(ahead.here)) > len(ahead.pages)


def _is_view(event: Event) -> bool:
    return event.type == "product_view"


def _next_is_cheap(ahead: Ahead) -> bool:
    for event in ahead.events:
        if _is_view(event) and event.product is not None:
            return event.product.price_micros < ahead.medians[event.product.category]
    return False


def _price_focus(ahead: Ahead) -> bool:
    for event in ahead.events:
        if "sort" in event.properties or event.properties.get("field") == "coupon":
            return True
    views = [event.product for event in ahead.events if _is_view(event) and event.product]
    cheap = sum(product.price_micros < ahead.medians[product.category] for product in views)
    return len(views) >= 2 and cheap * 4 >= len(views) * 3


Rule = Callable[[Ahead], bool]

WINDOWS_MS = {
    "conversion_5m": 300_000,
    "conversion_30m": 1_800_000,
    "conversion_24h": 86_400_000,
}
"""Conversion windows, the shortest first."""


def _bought_within(window_ms: int) -> Rule:
    return lambda ahead: ahead.buys_in_ms is not None and ahead.buys_in_ms <= window_ms


CONCEPTS: dict[str, Rule] = {
    "frustration": _frustration,
    "drop_off": _drop_off,
    "stickiness": lambda ahead: ahead.pages_left >= 5,
    "checkout_readiness": _checkout_readiness,
    "hesitation": _hesitation,
    "deliberation": _deliberation,
    "exploration": _exploration,
    "price_focus": _price_focus,
    "category_focus": _category_focus,
}
"""Concept -> rule; the order is the order of the network's outputs."""

INTENTS: dict[str, Rule] = {
    "engagement_intent": lambda ahead: ahead.events_left >= 5,
    "purchase_intent": lambda ahead: ahead.buys_in_ms is not None,
    "churn_risk": lambda ahead: ahead.pages_left <= 5 and ahead.lost,
    "bounce_risk": lambda ahead: ahead.ends_ms <= _BOUNCE_MS and ahead.lost,
    "price_sensitivity": _next_is_cheap,
    **{name: _bought_within(ms) for name, ms in WINDOWS_MS.items()},
}
"""Intent -> rule: at least 5 further events; a purchase in this visit; the end without one within
5 pages; the end without one within 30 seconds; a next product below its median price; a purchase
within each window."""

KIND_OF = {
    "purchase_intent": RISK,
    "churn_risk": RISK,
    **dict.fromkeys(WINDOWS_MS, HAZARD),
}
"""Intent -> kind of its head; all others stand alone."""

SIGNS: dict[str, dict[str, int]] = {
    "engagement_intent": {"stickiness": 1, "drop_off": -1},
    "purchase_intent": {"checkout_readiness": 1, "drop_off": -1, "frustration": -1},
    "churn_risk": {"drop_off": 1, "stickiness": -1, "checkout_readiness": -1},
    "bounce_risk": {"drop_off": 1, "stickiness": -1},
    "price_sensitivity": {"price_focus": 1},
    **{key: {"checkout_readiness": 1, "drop_off": -1, "frustration": -1} for key in WINDOWS_MS},
}
"""Signs that are known beforehand; a head's other weights are free."""


def medians(prices: Sequence[tuple[str, int]]) -> dict[str, float]:
    """Category -> median price in micros."""
    by_category: dict[str, list[int]] = {}
    for category, price in prices:
        by_category.setdefault(category, []).append(price)
    return {category: median(each) for category, each in by_category.items()}


def labels(
    events: Sequence[Event], of_category: dict[str, float], *, bought: bool | None = None
) -> list[tuple[bool, ...]]:
    """Per event: every concept, then every intent.

    `bought` says whether the visit buys where its events do not show the purchase itself.
    """
    rules = (*CONCEPTS.values(), *INTENTS.values())
    pairs = enumerate(zip(events, (None, *events), strict=False))
    pages = [at for at, (event, before) in pairs if is_page(event, before)]
    bought_at = [at for at, event in enumerate(events) if event.type == "purchase"]
    if bought is not None:
        bought_at = [len(events)] if bought else []
    out, met, here = [], set[str](), events[0]
    for at, event in enumerate(events):
        if at in pages:
            met.add(_kind(event))
            here = event
        ahead = _ahead(events, at, pages, bought_at, of_category, here, frozenset(met))
        out.append(tuple(rule(ahead) for rule in rules))
    return out


def _ahead(
    events: Sequence[Event],
    at: int,
    pages: Sequence[int],
    bought_at: Sequence[int],
    of_category: dict[str, float],
    here: Event,
    met: frozenset[str],
) -> Ahead:
    now_ms = events[at].ts_ms
    pages_left = [page for page in pages if page > at]
    end = len(events)
    if len(pages_left) > PAGES_AHEAD:
        end = pages_left[PAGES_AHEAD]
    while end > at + 1 and events[end - 1].ts_ms - now_ms > HORIZON_MS:
        end -= 1
    return Ahead(
        now_ms=now_ms,
        events=events[at + 1 : end],
        pages=[events[page] for page in pages_left if page < end],
        pages_left=len(pages_left),
        events_left=len(events) - at - 1,
        buys_in_ms=_buys_in_ms(events, at, bought_at),
        lost=not bought_at,
        ends_ms=events[-1].ts_ms - now_ms,
        medians=of_category,
        here=here,
        met=met,
    )


def _buys_in_ms(events: Sequence[Event], at: int, bought_at: Sequence[int]) -> int | None:
    """Time to the next purchase; one that is not seen itself happens at the visit's end."""
    following = [min(each, len(events) - 1) for each in bought_at if each > at]
    return events[following[0]].ts_ms - events[at].ts_ms if following else None
