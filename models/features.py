"""3 Features: the model's view of a profile, one pure function online and offline.

Floats appear here only as the model's input; nothing decides on them. Order and meaning are part
of a model (its record names them): append or make a new model, never reorder.
"""

from __future__ import annotations

from math import log1p

from models.kinds import COUNT_MAX, KINDS
from models.loops import IN_PYTHON, Loops
from models.tally import cart_value_micros
from models.vocabulary import CODES
from schemas.event import Event
from schemas.profile import Profile, Session, Tab

_FLAGS = (
    "page_view product_view cart_view add_to_cart remove_from_cart checkout_start purchase search "
    "scroll hover click rage_click exit_intent hidden"
).split()
FLAG_CODES = [CODES[name] for name in _FLAGS]
_ONE_HOT = [[1.0 if code == flag else 0.0 for flag in FLAG_CODES] for code in CODES.values()]
_CAPPED = [float(count) for count in range(11)]
"""Small counts as floats; the last stands for all that are larger."""

_KIND = [[1.0 if kind == each else 0.0 for each in range(KINDS)] for kind in range(KINDS)]
_LOG = [log1p(count) for count in range(COUNT_MAX + 1)]
_NO_PAGES = [0.0] * KINDS
_NO_ACTIVITY = [0, 0, 0]

FEATURES = (
    *(f"is_{name}" for name in _FLAGS),
    *(f"was_{name}" for name in _FLAGS),
    *(
        "gap_s_log session_age_s_log events_log page_views_log product_views_log searches "
        "rewordings rage_clicks hovers_log backtracks cart_backs cart_views cart_adds "
        "cart_removes checkouts interactions_log scroll session_scroll active_s_log "
        "dwell_last_s_log dwell_mean_s_log dwell_max_s_log price_percentile cart_value_log "
        "cart_open activity_1m activity_10m activity_1d orders returning exits shown dismissed "
        "focus from_search from_email from_campaign bought"
    ).split(),
    *(f"kind_{kind}" for kind in range(KINDS)),
    *(f"kind_{kind}_pages_log" for kind in range(KINDS)),
)
"""Names of the inputs, in order; scales are stated in the names, logs are log1p."""


def vector(
    profile: Profile, tab: Tab, event: Event, now_ms: int, loops: Loops = IN_PYTHON
) -> list[float]:
    """The model's input after `event` was folded in; same length and order as FEATURES."""
    session = profile.session
    shown = _ONE_HOT[session.last_type] + _ONE_HOT[session.previous_type]
    pace, standing = _pace(session, tab, now_ms), _standing(profile, session, now_ms, loops)
    return shown + pace + standing + _pages(session)


def _pace(s: Session, tab: Tab, now_ms: int) -> list[float]:
    return [
        log1p(s.gap_ms / 1000),
        log1p((now_ms - s.started_ms) / 1000),
        log1p(s.events),
        log1p(s.page_views),
        log1p(s.product_views),
        _CAPPED[s.searches if s.searches < 10 else 10],
        _CAPPED[s.rewordings if s.rewordings < 10 else 10],
        _CAPPED[s.rage_clicks if s.rage_clicks < 10 else 10],
        log1p(s.hovers),
        _CAPPED[s.backtracks if s.backtracks < 10 else 10],
        _CAPPED[s.cart_backs if s.cart_backs < 10 else 10],
        _CAPPED[s.cart_views if s.cart_views < 10 else 10],
        _CAPPED[s.cart_adds if s.cart_adds < 10 else 10],
        _CAPPED[s.cart_removes if s.cart_removes < 10 else 10],
        _CAPPED[s.checkouts if s.checkouts < 10 else 10],
        log1p(s.interactions),
        tab.scroll_ppm / 1e6,
        s.scroll_ppm / 1e6,
        log1p(tab.active_ms / 1000),
        log1p(s.dwell_last_ms / 1000),
        log1p(s.dwell_sum_ms / 1000 / (s.dwells or 1)),
        log1p(s.dwell_max_ms / 1000),
    ]


def _standing(profile: Profile, s: Session, now_ms: int, loops: Loops) -> list[float]:
    tally, source = profile.tally, s.source
    cart_micros = cart_value_micros(tally) if tally.cart else 0
    interest, activity = profile.interest_sum, tally.activity
    left_milli = loops.counted_milli(activity, now_ms) if activity else _NO_ACTIVITY
    return [
        s.price_percentile_sum_ppm / 1e6 / s.prices if s.prices else 0.5,
        log1p(cart_micros / 1e6),
        1.0 if tally.cart else 0.0,
        log1p(left_milli[0] / 1000),
        log1p(left_milli[1] / 1000),
        log1p(left_milli[2] / 1000),
        log1p(tally.orders),
        1.0 if s.number > 1 else 0.0,
        _CAPPED[s.exits if s.exits < 10 else 10],
        _CAPPED[s.shown if s.shown < 10 else 10],
        _CAPPED[s.dismissed if s.dismissed < 10 else 10],
        profile.interest_top / interest if interest else 0.0,
        1.0 if source == "search" else 0.0,
        1.0 if source == "email" else 0.0,
        1.0 if source == "campaign" else 0.0,
        1.0 if s.bought else 0.0,
    ]


def _pages(s: Session) -> list[float]:
    """The kind of the page in view, and how many of each were opened."""
    if not s.kinds:
        return _NO_PAGES + _NO_PAGES
    return _KIND[s.kind] + [_LOG[count] for count in s.kinds]
