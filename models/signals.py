"""5 Signals: what a profile says beyond the plain facts, each as one named function.

A condition or a model that names a signal has it computed; nobody else pays for it. Types and
meanings are in models/names.py, in the groups "Burst" to "Trends".
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING

from models import arrival, interests, seen
from models.decay import HALF_LIVES_MS
from models.names import SCORES, WINDOWS
from models.tally import decayed_milli, pace_milli
from models.trends import trend_ppm
from models.trigger_rules import rule_of
from models.vocabulary import CODES, EVENT_TYPES
from schemas.burst import Burst
from schemas.profile import NAME_MAX, Profile, Tab
from schemas.sections import Touch
from schemas.trigger_bounds import TriggerBounds

if TYPE_CHECKING:
    from models.context import View

Signal = Callable[[Profile, Tab, "View", int], int | str]
"""(profile, tab where it happens, what is in force, engine ms) -> value in the name's unit."""

HALF_LIVES = ("1m", "10m", "1d", "14d")
COUNTED = {
    "taps": "tap",
    "zooms": "zoom",
    "videos": "video_play",
    "views_3d": "view_3d",
    "compares": "compare",
    "wishlist_adds": "wishlist_add",
    "filters": "filter",
    "form_focuses": "form_focus",
    "pauses": "pause",
    "exit_intents": "exit_intent",
    "hides": "hidden",
    "leaves": "page_leave",
}
"""Signal -> the event type whose number in this session it is, up to 255."""

_SESSION = {
    "interactions": "interactions",
    "rewordings": "rewordings",
    "backtracks": "backtracks",
    "cart_backs": "cart_backs",
    "tap_rhythm": "tap_mean_ms",
    "pause_longest": "pause_max_ms",
    "paused_on": "paused_on",
    "paused_exits": "paused_exits",
    "price_falls": "price_falls",
    "price_filters": "price_filters",
    "price_lowest": "price_min_micros",
    "price_highest": "price_max_micros",
    "stage_moves": "stage_entry",
    "sessions": "number",
}
_BURST = {
    "burst_active": "active_ms",
    "burst_interactions": "interactions",
    "burst_scroll": "scroll_ppm",
    "bursts": "number",
}
_TOUCHES = {
    "first_source": ("first", "source"),
    "first_utm_campaign": ("first", "utm_campaign"),
    "last_source": ("last", "source"),
    "last_utm_campaign": ("last", "utm_campaign"),
}
TRENDED = tuple(name for name, _ in SCORES)
_AGE_MAX_MS = 30 * 24 * 3600 * 1000
_DEFAULT_BOUNDS = TriggerBounds()

SIGNALS: dict[str, Signal] = {}
"""Name -> its function."""


def _signal(name: str) -> Callable[[Signal], Signal]:
    def add(function: Signal) -> Signal:
        SIGNALS[name] = function
        return function

    return add


def _counted(code: int) -> Signal:
    def count(profile: Profile, tab: Tab, view: View, now_ms: int) -> int:
        counts = profile.session.counts
        return counts[code] if counts else 0

    return count


def _field(path: str) -> Signal:
    get = attrgetter(path)
    return lambda profile, tab, view, now_ms: get(profile)


def _touched(which: str, field: str) -> Signal:
    def touched(profile: Profile, tab: Tab, view: View, now_ms: int) -> str:
        touch: Touch = getattr(arrival.origin(profile), which)
        return str(getattr(touch, field))

    return touched


def _activity(which: int) -> Signal:
    return lambda profile, tab, view, now_ms: decayed_milli(profile.tally, which, now_ms) // 1000


def _pace(pace: str, which: int) -> Signal:
    def left(profile: Profile, tab: Tab, view: View, now_ms: int) -> int:
        section: bytes = getattr(profile.tally, pace)
        return (pace_milli(section, which, now_ms) + 500) // 1000

    return left


def _trend(score: str, sign: int) -> Signal:
    def moved(profile: Profile, tab: Tab, view: View, now_ms: int) -> int:
        for at, head in enumerate(view.model.heads if view.model else ()):
            if head.name == score:
                return min(max(sign * trend_ppm(profile, at), 0), 1_000_000)
        return 0

    return moved


SIGNALS |= {name: _counted(CODES[type_]) for name, type_ in COUNTED.items()}
SIGNALS |= {name: _field(f"session.{field}") for name, field in _SESSION.items()}
SIGNALS |= {name: _field(f"burst.{field}") for name, field in _BURST.items()}
SIGNALS |= {name: _touched(*path) for name, path in _TOUCHES.items()}
for _which, _span in enumerate(HALF_LIVES[: len(HALF_LIVES_MS)]):
    SIGNALS[f"events_{_span}"] = _activity(_which)
    SIGNALS[f"looks_{_span}"] = _pace("looks", _which)
    SIGNALS[f"buys_{_span}"] = _pace("buys", _which)
for _score in TRENDED:
    SIGNALS[f"{_score}_rise"] = _trend(_score, 1)
    SIGNALS[f"{_score}_fall"] = _trend(_score, -1)


def bounds_of(view: View) -> TriggerBounds:
    """The bounds of bursts and trigger rules in force."""
    return view.catalogue.bounds if view.catalogue else _DEFAULT_BOUNDS


@_signal("burst_intent")
def burst_intent(profile: Profile, tab: Tab, view: View, now_ms: int) -> str:
    """What the present burst is worth by the trigger rules."""
    burst = profile.burst
    rule = rule_of(bounds_of(view), burst.active_ms, burst.interactions, burst.scroll_ppm)
    return rule.intent


@_signal("left_intent")
def left_intent(profile: Profile, tab: Tab, view: View, now_ms: int) -> str:
    """What the burst before was worth if it ended without a purchase; empty otherwise."""
    burst: Burst = profile.burst
    if not burst.ended_ms or burst.ended_bought:
        return ""
    numbers = burst.ended_active_ms, burst.ended_interactions, burst.ended_scroll_ppm
    return rule_of(bounds_of(view), *numbers).intent


@_signal("last_event")
def last_event(profile: Profile, tab: Tab, view: View, now_ms: int) -> str:
    """Type of the newest event."""
    return EVENT_TYPES[profile.session.last_type]


@_signal("previous_event")
def previous_event(profile: Profile, tab: Tab, view: View, now_ms: int) -> str:
    """Type of the event before; empty at the start of a session."""
    session = profile.session
    return EVENT_TYPES[session.previous_type] if session.events > 1 else ""


@_signal("product_dwell")
def product_dwell(profile: Profile, tab: Tab, view: View, now_ms: int) -> int:
    """How long the product in view was looked at in all."""
    return min(seen.dwell_ms(profile, tab), _AGE_MAX_MS) if tab.product_id else 0


@_signal("product_looks")
def product_looks(profile: Profile, tab: Tab, view: View, now_ms: int) -> int:
    """How often the product in view was looked at."""
    found = (each.views for each in seen.products(profile) if each.product_id == tab.product_id)
    return next(found, 0) if tab.product_id else 0


@_signal("category_interest")
def category_interest(profile: Profile, tab: Tab, view: View, now_ms: int) -> int:
    """The interest vector at the category of the product in view."""
    return interests.vector(profile).get(tab.category, 0) if tab.category else 0


@_signal("top_category")
def top_category(profile: Profile, tab: Tab, view: View, now_ms: int) -> str:
    """Where the interest vector is largest; ties by name."""
    vector = interests.vector(profile)
    return min(vector, key=lambda name: (-vector[name], name), default="")


@_signal("top_interest")
def top_interest(profile: Profile, tab: Tab, view: View, now_ms: int) -> int:
    """The largest share of the interest vector."""
    return max(interests.vector(profile).values(), default=0)


@_signal("price_standing")
def price_standing(profile: Profile, tab: Tab, view: View, now_ms: int) -> int:
    """Mean percentile, within their categories, of the prices looked at in this session."""
    session = profile.session
    return session.price_percentile_sum_ppm // session.prices if session.prices else 500_000


@_signal("stage_age")
def stage_age(profile: Profile, tab: Tab, view: View, now_ms: int) -> int:
    """Time since the stage of the session last moved, or since its start."""
    session = profile.session
    return min(max(now_ms - session.started_ms - session.stage_after_ms, 0), _AGE_MAX_MS)


@_signal("conversion_window")
def conversion_window(profile: Profile, tab: Tab, view: View, now_ms: int) -> str:
    """The shortest window with a chance of at least one half; empty while no model says one."""
    found = dict(zip(view.score_names, profile.scores, strict=False))
    told = [(span, found.get(f"conversion_{span}")) for span in WINDOWS]
    known = [(span, chance) for span, chance in told if chance is not None]
    likely = [span for span, chance in known if chance >= 500_000]
    return likely[0] if likely else "later" if known else ""


@_signal("since_order")
def since_order(profile: Profile, tab: Tab, view: View, now_ms: int) -> int:
    """Time since the last order, 30 days where it is longer or there was none."""
    bought_ms = profile.tally.bought_ts_ms
    return min(max(now_ms - bought_ms, 0), _AGE_MAX_MS) if bought_ms else _AGE_MAX_MS


@_signal("preferences")
def preferences(profile: Profile, tab: Tab, view: View, now_ms: int) -> int:
    """How many preferences the visitor has stated."""
    return len(profile.tally.preferences)


@_signal("stated_last")
def stated_last(profile: Profile, tab: Tab, view: View, now_ms: int) -> str:
    """The preference stated last, as `name=value`."""
    stated = profile.tally.preferences
    if not stated:
        return ""
    name = max(stated, key=lambda each: (stated[each], each))
    return f"{name}={stated[name][1]}"[:NAME_MAX]


@_signal("consent_analytics")
def consent_analytics(profile: Profile, tab: Tab, view: View, now_ms: int) -> int:
    """Whether analytics is allowed."""
    return profile.consent & 1


@_signal("consent_personalization")
def consent_personalization(profile: Profile, tab: Tab, view: View, now_ms: int) -> int:
    """Whether personalization is allowed."""
    return profile.consent >> 1 & 1
