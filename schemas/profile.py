"""2-7 Profile: all we know of a user, as one bytes value of at most 4 KiB.

The envelope is self-describing: magic `KP`, one layout byte, then the payload. `load` reads every
layout ever landed and upgrades it (schemas/layouts.py); an unknown one is refused by name. Flink
itself protects nothing here (it restores a LONG as a DOUBLE without a word), so this does.

What every event reads lies open. What only some events need (interest graph, products seen,
touches, paces, actions given) is packed bytes within (schemas/sections.py): each open value costs
every event.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from schemas.burst import Burst
from schemas.exposure import EXPOSURES_MAX, Exposure, retired
from schemas.layouts import upgraded
from schemas.outreach import Outreach

MAGIC = b"KP"
LAYOUT = 3
STATE_BYTES_MAX = 4096
WINDOWS_MAX = 8
TOMBSTONES_MAX = 64
TABS_MAX = 8
CART_MAX = 16
PREFERENCES_MAX = 8
TOUCHED_MAX = 16
TRAIL_MAX = 24
EARLIER_MAX = 31
EARLIER_BYTES_MAX = 640
NAME_MAX = 48
"""Longest client-made name (tab, session, product, category) that state keeps whole."""


class UnknownLayout(Exception):
    """State bytes of a layout that this build cannot read."""


class ProfileUnreadable(UnknownLayout):
    """State bytes that name a layout and do not hold its values: cut short or not from here."""


class Window(Struct, array_like=True):
    """Dedup window of one (session, tab): the newest 1,024 indexes and hashes of the last 64."""

    key: int
    newest: int = -1
    mask: bytes = b""
    hashes: bytes = b"\0" * 128
    conflicts: list[int] = []
    last_ms: int = 0


class CartChange(Struct, array_like=True, frozen=True, order=True):
    """One change of the cart in the client's order; quantity is negative for a removal."""

    ts_ms: int
    index: int
    product_id: str
    quantity: int
    price_micros: int


class Tally(Struct, array_like=True):
    """The order-free section: equal under any permutation of a session's events.

    `activity` holds, per half-life, [newest bucket, count, count one bucket older, ...]; the two
    paces hold the same by weight, packed. `preferences` maps a name to (client ts, value), the
    newest wins.
    """

    by_type: list[int] = []
    activity: list[list[int]] = []
    cart: list[CartChange] = []
    bought_ts_ms: int = 0
    orders: int = 0
    order_micros: int = 0
    preferences: dict[str, tuple[int, str]] = {}
    looks: bytes = b""
    buys: bytes = b""


class Tab(Struct, array_like=True):
    """What is open in one tab; ts are the client's, dwell_at_ms is engine time, 0 = none.

    `touched` are marks of the (element, kind) pairs that counted on this page, `bands` the scroll
    bands reached; `product_ts_ms` is since when the product is in view, 0 while it is not.
    """

    session_id: str
    tab_id: str
    page_type: str = ""
    page_path: str = ""
    product_id: str = ""
    category: str = ""
    price_micros: int = 0
    entered_ts_ms: int = 0
    last_ts_ms: int = 0
    active_ms: int = 0
    scroll_ppm: int = 0
    dwell_at_ms: int = 0
    touched: list[int] = []
    bands: int = 0
    product_ts_ms: int = 0


class Session(Struct, array_like=True):
    """One visit, ended by 30 minutes of engine time without an event.

    `counts` has one byte per event type, up to 255; `trail` the codes of the newest events;
    `stage_after_ms` is the age of the session when its stage last moved. `kind` is the kind of the
    newest page, `kinds` how many of each kind were opened, a byte each (models/kinds.py).
    """

    number: int = 0
    started_ms: int = 0
    last_ms: int = 0
    events: int = 0
    page_views: int = 0
    product_views: int = 0
    searches: int = 0
    rewordings: int = 0
    rage_clicks: int = 0
    hovers: int = 0
    backtracks: int = 0
    cart_backs: int = 0
    cart_views: int = 0
    cart_adds: int = 0
    cart_removes: int = 0
    checkouts: int = 0
    interactions: int = 0
    scroll_ppm: int = 0
    last_type: int = 0
    previous_type: int = 0
    last_ts_ms: int = 0
    gap_ms: int = 0
    dwells: int = 0
    dwell_sum_ms: int = 0
    dwell_last_ms: int = 0
    dwell_max_ms: int = 0
    price_last_micros: int = 0
    price_sum_micros: int = 0
    price_percentile_sum_ppm: int = 0
    prices: int = 0
    pages: list[int] = []
    last_query: int = 0
    source: str = ""
    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""
    referrer_host: str = ""
    stage: int = 0
    stage_entry: int = 0
    bought: bool = False
    exits: int = 0
    shown: int = 0
    dismissed: int = 0
    tap_velocity_ms: int = 0
    tap_mean_ms: int = 0
    counts: bytes = b""
    trail: bytes = b""
    price_min_micros: int = 0
    price_max_micros: int = 0
    price_falls: int = 0
    price_filters: int = 0
    percentile_last_ppm: int = 0
    pause_max_ms: int = 0
    paused_on: str = ""
    paused_exits: int = 0
    stage_after_ms: int = 0
    kind: int = 0
    kinds: bytes = b""


class Profile(Struct, array_like=True):
    """The whole state of one user key; times are engine milliseconds unless named ts.

    `trends` are the fast averages of the scores, then the slow ones. `interest_top` and
    `interest_sum` are of the graph's categories. `hidden` is the state of the model with
    `hidden_mark`; `inputs` its newest vector, `earlier` what differed in those before.
    """

    epoch_ms: int
    now_ms: int = 0
    seq: int = 0
    applied: int = 0
    duplicate: int = 0
    late: int = 0
    dead_lettered: int = 0
    conflict: int = 0
    windows: list[Window] = []
    tombstones: list[tuple[int, int]] = []
    tally: Tally = msgspec.field(default_factory=Tally)
    session: Session = msgspec.field(default_factory=Session)
    tabs: list[Tab] = []
    exposures: list[Exposure] = []
    graph: bytes = b""
    consent: int = 0
    identified: bool = False
    model_version: int = 0
    model_at_ms: int = 0
    hidden: bytes = b""
    concepts: list[int] = []
    scores: list[int] = []
    trends: list[int] = []
    forget_at_ms: int = 0
    timer_at_ms: int = 0
    forget_timer_ms: int = 0
    burst: Burst = msgspec.field(default_factory=Burst)
    interest_top: int = 0
    interest_sum: int = 0
    trend_ms: int = 0
    consent_at_ms: int = 0
    seen: bytes = b""
    origin: bytes = b""
    given: bytes = b""
    outreach: Outreach = msgspec.field(default_factory=Outreach)
    hidden_mark: int = 0
    inputs: bytes = b""
    earlier: list[bytes] = []


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Profile).decode
HEAD = MAGIC + bytes((LAYOUT,))


def dump(profile: Profile) -> bytes:
    """State bytes of a profile, at most STATE_BYTES_MAX.

    One that would be larger is trimmed first, which changes the profile: what matters least goes,
    in a fixed order, so that every engine trims alike.
    """
    while len(data := HEAD + _encode(profile)) > STATE_BYTES_MAX:
        _trim(profile)
    return data


def _trim(profile: Profile) -> None:
    """Drop one thing: earlier inputs, tombstones, products seen, the oldest tab, exposure, window,
    the graph, the oldest cart change, preference; exposures and touches; at last their tallies.
    """
    tally = profile.tally
    if profile.earlier:
        profile.earlier = profile.earlier[: len(profile.earlier) // 2]
    elif profile.tombstones:
        profile.tombstones = profile.tombstones[len(profile.tombstones) // 2 + 1 :]
    elif profile.seen:
        profile.seen = b""
    elif len(profile.tabs) > 1:
        profile.tabs = profile.tabs[1:]
    elif len(profile.exposures) > EXPOSURES_MAX // 2:
        _retire(profile, len(profile.exposures) - 1)
    elif len(profile.windows) > 1:
        oldest = min(profile.windows, key=lambda window: (window.last_ms, window.key))
        profile.windows = [window for window in profile.windows if window is not oldest]
    elif profile.graph:
        profile.graph = b""
    elif tally.cart:
        tally.cart = tally.cart[1:]
    elif tally.preferences:
        tally.preferences = dict(list(tally.preferences.items())[1:])
    elif profile.exposures or profile.origin:
        profile.origin = b""
        _retire(profile, 0)
    else:
        assert profile.given, "nothing is left to trim"
        profile.given = b""


def _retire(profile: Profile, room: int) -> None:
    profile.exposures, profile.given = retired(
        profile.exposures, profile.given, room, profile.now_ms
    )


def load(data: bytes | None) -> Profile | None:
    """The profile in these state bytes, None for none. Raises UnknownLayout, no other error."""
    if data is None:
        return None
    try:
        if data[:3] == HEAD:
            return _decode(data[3:])
        return _older(data)
    except UnknownLayout:
        raise
    except Exception as failure:
        raise ProfileUnreadable(f"{len(data)} state bytes: {failure}") from failure


def _older(data: bytes) -> Profile:
    if data[:2] != MAGIC:
        raise UnknownLayout(f"state bytes start with {data[:2]!r} instead of {MAGIC!r}")
    layout = data[2]
    if not 0 < layout < LAYOUT:
        raise UnknownLayout(f"profile layout {layout}; this build reads layouts 1 to {LAYOUT}")
    return msgspec.convert(upgraded(msgspec.msgpack.decode(data[3:]), layout), Profile)
