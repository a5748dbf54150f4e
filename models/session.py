"""3 The order-dependent part of a profile: sessions, tabs, what happens on a page.

A session ends after 30 minutes of engine time without an event, a burst within it sooner
(models/burst.py). All tabs of a visitor share them. Each event type has one function, so that an
event touches what it is about and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

from models import arrival, burst, seen, views
from models.client_time import clipped_ms
from models.vocabulary import CODES, CUSTOM, INTERACTIONS
from schemas.event import Event
from schemas.profile import NAME_MAX, TABS_MAX, TRAIL_MAX, Profile, Session, Tab
from schemas.trigger_bounds import TriggerBounds

SESSION_GAP_MS = 30 * 60 * 1000
_COUNT_MAX = 255
_NO_COUNTS = bytes(len(CODES))
_PAUSE = CODES["pause"]
_BEFORE_EXIT = 4
"""A pause among this many events before an exit counts as leading to it."""

_BYTES = tuple(bytes((number,)) for number in range(_COUNT_MAX + 1))


def update(
    profile: Profile, event: Event, now_ms: int, percentile_ppm: int, bounds: TriggerBounds
) -> Tab:
    """Fold one event into session, burst and tab; returns the tab it happened in.

    `percentile_ppm` is the product's price percentile within its category (500,000 if unknown);
    `bounds` holds from the next burst on.
    """
    session = _session(profile, now_ms, bounds)
    tab = _tab(profile, event)
    _clock(profile, session, tab, event)
    code = CODES.get(event.type, CUSTOM)
    session.previous_type, session.last_type = session.last_type, code
    session.events += 1
    session.interactions += code in INTERACTIONS
    _trace(session, code)
    burst.update(profile, tab, event, code)
    fold = _FOLDS.get(event.type)
    if fold is not None:
        fold(profile, tab, event, percentile_ppm)
    _signals(session, tab, event)
    if event.source is not None and not session.source:
        arrival.arrive(profile, event.source)
    return tab


def _session(profile: Profile, now_ms: int, bounds: TriggerBounds) -> Session:
    burst.roll(profile, now_ms, bounds)
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


def _clock(profile: Profile, session: Session, tab: Tab, event: Event) -> None:
    session.gap_ms = clipped_ms(event.ts_ms - tab.last_ts_ms) if tab.last_ts_ms else 0
    tab.last_ts_ms = event.ts_ms
    if session.last_type == _PAUSE and session.gap_ms > session.pause_max_ms:
        session.pause_max_ms = session.gap_ms
    if event.active_duration_ms is not None:
        grown_ms = clipped_ms(event.active_duration_ms) - tab.active_ms
        if grown_ms > 0:
            tab.active_ms += grown_ms
            profile.burst.active_ms += grown_ms


def _trace(session: Session, code: int) -> None:
    """Count the type and write it at the end of the trail."""
    counts = session.counts or _NO_COUNTS
    if counts[code] < _COUNT_MAX:
        session.counts = counts[:code] + _BYTES[counts[code] + 1] + counts[code + 1 :]
    session.trail = (session.trail + _BYTES[code])[-TRAIL_MAX:]


def _signals(session: Session, tab: Tab, event: Event) -> None:
    depth, velocity = event.scroll_depth_ppm, event.tap_velocity_ms
    if depth is not None:
        tab.scroll_ppm = max(tab.scroll_ppm, depth)
        session.scroll_ppm = max(session.scroll_ppm, depth)
    if velocity is not None:
        velocity = clipped_ms(velocity)
        session.tap_velocity_ms = velocity
        mean = session.tap_mean_ms
        session.tap_mean_ms = mean + (velocity - mean >> 2) if mean else velocity


# One function a type


def _hover(profile: Profile, tab: Tab, event: Event, percentile_ppm: int) -> None:
    profile.session.hovers += 1


def _rage(profile: Profile, tab: Tab, event: Event, percentile_ppm: int) -> None:
    profile.session.rage_clicks += 1


def _add(profile: Profile, tab: Tab, event: Event, percentile_ppm: int) -> None:
    profile.session.cart_adds += 1


def _remove(profile: Profile, tab: Tab, event: Event, percentile_ppm: int) -> None:
    profile.session.cart_removes += 1


def _checkout(profile: Profile, tab: Tab, event: Event, percentile_ppm: int) -> None:
    profile.session.checkouts += 1
    if event.type == "checkout_start":
        views.view(profile, tab, event, percentile_ppm)


def _dismiss(profile: Profile, tab: Tab, event: Event, percentile_ppm: int) -> None:
    profile.session.dismissed += 1


def _buy(profile: Profile, tab: Tab, event: Event, percentile_ppm: int) -> None:
    profile.session.bought = True


def _search(profile: Profile, tab: Tab, event: Event, percentile_ppm: int) -> None:
    session = profile.session
    session.searches += 1
    query = crc32(str(event.properties.get("query", "")).encode()) & 0xFFFFFF
    session.rewordings += session.last_query not in (0, query)
    session.last_query = query


def _filter(profile: Profile, tab: Tab, event: Event, percentile_ppm: int) -> None:
    """A filter or sorting by price shows that the price steers."""
    asked = event.properties
    profile.session.price_filters += any(
        "price" in str(asked.get(name, "")).lower() for name in ("sort", "filter")
    )


def _pause(profile: Profile, tab: Tab, event: Event, percentile_ppm: int) -> None:
    """What the visitor stopped at: the element named, else the page's type."""
    target = event.properties.get("target")
    profile.session.paused_on = (str(target) if target is not None else tab.page_type)[:NAME_MAX]


def _exit(profile: Profile, tab: Tab, event: Event, percentile_ppm: int) -> None:
    session = profile.session
    if event.type == "exit_intent":
        session.exits += 1
    else:
        if tab.product_ts_ms:
            seen.leave(profile, tab, event.ts_ms)
    session.paused_exits += _PAUSE in session.trail[-1 - _BEFORE_EXIT : -1]


def _visible(profile: Profile, tab: Tab, event: Event, percentile_ppm: int) -> None:
    if tab.product_id:
        tab.product_ts_ms = event.ts_ms


_FOLDS: dict[str, Callable[[Profile, Tab, Event, int], None]] = {
    "page_view": views.view,
    "product_view": views.view,
    "cart_view": views.view,
    "checkout_start": _checkout,
    "checkout_step": _checkout,
    "hover": _hover,
    "rage_click": _rage,
    "add_to_cart": _add,
    "remove_from_cart": _remove,
    "purchase": _buy,
    "search": _search,
    "filter": _filter,
    "pause": _pause,
    "exit_intent": _exit,
    "hidden": _exit,
    "page_leave": _exit,
    "visible": _visible,
    "dismiss": _dismiss,
}
