"""3 The order-dependent part of a profile: sessions, tabs, sequences, prices, sources.

A session ends after 30 minutes of engine time without an event. Durations come from differences
of the client's clock within one tab, clipped to [0, 30 min], so that a wrong clock cannot hurt.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from models.vocabulary import CODES, CUSTOM, INTERACTIONS
from schemas.event import Event
from schemas.ids import short_hash
from schemas.profile import INTERESTS_MAX, NAME_MAX, TABS_MAX, Profile, Session, Tab

SESSION_GAP_MS = 30 * 60 * 1000
DWELL_CLIP_MS = SESSION_GAP_MS
INTEREST_UNIT = 4096
_PAGES_KEPT = 6
_SEARCH_HOSTS = ("google.", "bing.", "duckduckgo.", "yahoo.", "ecosia.", "baidu.", "yandex.")
_SOCIAL_HOSTS = ("facebook.", "instagram.", "tiktok.", "pinterest.", "reddit.", "youtube.")
_VIEWS = frozenset(("page_view", "product_view", "cart_view", "checkout_start"))
_COUNTERS = {
    "hover": "hovers",
    "rage_click": "rage_clicks",
    "add_to_cart": "cart_adds",
    "remove_from_cart": "cart_removes",
    "checkout_start": "checkouts",
    "checkout_step": "checkouts",
    "exit_intent": "exits",
    "dismiss": "dismissed",
}
"""Event type -> the session counter it raises."""


def update(profile: Profile, event: Event, now_ms: int, percentile_ppm: int) -> Tab:
    """Fold one event into session and tab; returns the tab it happened in.

    `percentile_ppm` is the product's price percentile within its category (500,000 if unknown).
    """
    session = _session(profile, now_ms)
    tab = _tab(profile, event)
    _clock(session, tab, event)
    code = CODES.get(event.type, CUSTOM)
    session.previous_type, session.last_type = session.last_type, code
    session.events += 1
    session.interactions += code in INTERACTIONS
    counter = _COUNTERS.get(event.type)
    if counter is not None:
        setattr(session, counter, getattr(session, counter) + 1)
    if event.type in _VIEWS:
        _view(profile, session, tab, event, percentile_ppm)
    elif event.type == "search":
        _search(session, event)
    elif event.type == "purchase":
        session.bought = True
    _signals(session, tab, event)
    if event.source is not None and not session.source:
        _source(session, event)
    return tab


def _session(profile: Profile, now_ms: int) -> Session:
    session = profile.session
    if session.number == 0 or now_ms - session.last_ms > SESSION_GAP_MS:
        session = Session(number=session.number + 1, started_ms=now_ms)
        profile.session = session
        profile.tabs = []
    session.last_ms = now_ms
    return session


def _tab(profile: Profile, event: Event) -> Tab:
    """The event's tab, moved to the end of the list, which is kept in order of use."""
    session_id, tab_id = event.session_id[:NAME_MAX], event.tab_id[:NAME_MAX]
    tabs = profile.tabs
    if tabs and tabs[-1].tab_id == tab_id and tabs[-1].session_id == session_id:
        return tabs[-1]
    found = [tab for tab in tabs if tab.tab_id == tab_id and tab.session_id == session_id]
    tab = found[0] if found else Tab(session_id, tab_id)
    profile.tabs = [*(each for each in tabs if each is not tab), tab][-TABS_MAX:]
    return tab


def clipped(duration_ms: int) -> int:
    """A duration of the client's clock, made harmless."""
    return min(max(duration_ms, 0), DWELL_CLIP_MS)


def _clock(session: Session, tab: Tab, event: Event) -> None:
    session.gap_ms = clipped(event.ts_ms - tab.last_ts_ms) if tab.last_ts_ms else 0
    tab.last_ts_ms = event.ts_ms
    if event.active_duration_ms is not None:
        tab.active_ms = max(tab.active_ms, clipped(event.active_duration_ms))


def _view(profile: Profile, session: Session, tab: Tab, event: Event, percentile_ppm: int) -> None:
    if tab.entered_ts_ms and event.type != "product_view":
        dwell_ms = clipped(event.ts_ms - tab.entered_ts_ms)
        session.dwells += 1
        session.dwell_sum_ms += dwell_ms
        session.dwell_last_ms = dwell_ms
        session.dwell_max_ms = max(session.dwell_max_ms, dwell_ms)
    page_type = event.page.type[:NAME_MAX] if event.page else ""
    page_path = event.page.path[:NAME_MAX] if event.page else ""
    if event.type == "product_view":
        session.product_views += 1
        _product(profile, session, tab, event, percentile_ppm)
    else:
        session.page_views += 1
        session.cart_backs += tab.page_type == "cart" and event.type == "page_view"
        session.cart_views += event.type == "cart_view"
        tab.product_id = tab.category = ""
        tab.price_micros = 0
    tab.entered_ts_ms, tab.active_ms, tab.scroll_ppm, tab.dwell_at_ms = event.ts_ms, 0, 0, 0
    tab.page_type = "cart" if event.type == "cart_view" else page_type or tab.page_type
    tab.page_path = page_path
    page = short_hash(page_path or tab.product_id or page_type) & 0xFFFFFF
    if session.pages[-1:] == [page]:
        return  # A product view belongs to the page view just before it.
    if len(session.pages) >= 2 and session.pages[-2] == page:
        session.backtracks += 1
    session.pages = [*session.pages, page][-_PAGES_KEPT:]


def _product(
    profile: Profile, session: Session, tab: Tab, event: Event, percentile_ppm: int
) -> None:
    product = event.product
    if product is None:
        return
    tab.product_id = product.id[:NAME_MAX]
    tab.category = product.category[:NAME_MAX]
    tab.price_micros = product.price_micros
    session.prices += 1
    session.price_last_micros = product.price_micros
    session.price_sum_micros += product.price_micros
    session.price_percentile_sum_ppm += percentile_ppm
    if tab.category:
        profile.interests = _interest(profile.interests, tab.category)


def _interest(interests: dict[str, int], category: str) -> dict[str, int]:
    """Edges of the interest graph: all fade by 1/16, the touched one gains a unit."""
    faded = {name: weight - (weight >> 4) for name, weight in interests.items()}
    faded[category] = faded.get(category, 0) + INTEREST_UNIT
    ranked = sorted(faded.items(), key=lambda item: (-item[1], item[0]))
    return dict(ranked[:INTERESTS_MAX])


def _search(session: Session, event: Event) -> None:
    session.searches += 1
    query = short_hash(str(event.properties.get("query", ""))) & 0xFFFFFF
    session.rewordings += session.last_query not in (0, query)
    session.last_query = query


def _signals(session: Session, tab: Tab, event: Event) -> None:
    if event.scroll_depth_ppm is not None:
        tab.scroll_ppm = max(tab.scroll_ppm, event.scroll_depth_ppm)
        session.scroll_ppm = max(session.scroll_ppm, event.scroll_depth_ppm)
    if event.tap_velocity_ms is not None:
        session.tap_velocity_ms = clipped(event.tap_velocity_ms)


def _source(session: Session, event: Event) -> None:
    source = event.source
    assert source is not None
    try:
        host = (urlsplit(source.referrer).hostname or "")[:NAME_MAX]
    except ValueError:
        host = ""
    session.referrer_host = host
    session.utm_source = source.utm_source[:NAME_MAX]
    session.utm_medium = source.utm_medium[:NAME_MAX]
    session.utm_campaign = source.utm_campaign[:NAME_MAX]
    session.source = _source_class(session, host)


def _source_class(session: Session, host: str) -> str:
    if session.utm_medium in ("email", "e-mail", "newsletter"):
        return "email"
    if session.utm_source or session.utm_campaign:
        return "campaign"
    if not host:
        return "direct"
    if any(part in host for part in _SEARCH_HOSTS):
        return "search"
    if any(part in host for part in _SOCIAL_HOSTS):
        return "social"
    return "referral"
