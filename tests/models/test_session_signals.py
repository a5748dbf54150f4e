"""Sessions, tabs and views: what each event does to them, one row a case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import arrival, seen, session
from models.client_time import CLIP_MS, clipped_ms
from models.kinds import KINDS, kind_of
from models.vocabulary import CODES, EVENT_TYPES
from schemas.event import Event, Product, Source
from schemas.profile import TABS_MAX, TRAIL_MAX, Profile
from schemas.sections import SEEN_MAX
from schemas.trigger_bounds import TriggerBounds
from tests.builders import BEGINNING, ONE_MINUTE, event, journey, lamp, page

HALF_AN_HOUR = 30 * ONE_MINUTE
PAGE = ("page_view", 0, {"page": page()})


def told(*events: Event, percentile: int = 500_000) -> Profile:
    profile = Profile(epoch_ms=BEGINNING)
    for each in events:
        session.update(profile, each, each.received_at_ms, percentile, TriggerBounds())
    return profile


def query(at_ms: int, text: str) -> tuple:
    return ("search", at_ms, {"properties": {"query": text}})


def at(at_ms: int, path: str, kind: str = "page_view") -> tuple:
    return (kind, at_ms, {"page": page(path)})


def opened(*page_types: str) -> bytes:
    """Bytes that count these pages by kind."""
    kinds = [kind_of(each) for each in page_types]
    return bytes(kinds.count(kind) for kind in range(KINDS))


ADDED = [
    # steps, field of the session, value
    ((PAGE, ("hover", 1), ("hover", 2)), "hovers", 2),
    ((PAGE, ("rage_click", 1)), "rage_clicks", 1),
    ((("add_to_cart", 0), ("remove_from_cart", 1)), "cart_adds", 1),
    ((("add_to_cart", 0), ("remove_from_cart", 1)), "cart_removes", 1),
    ((("checkout_start", 0), ("checkout_step", 1)), "checkouts", 2),
    ((("checkout_start", 0), ("checkout_step", 1)), "page_views", 1),
    ((PAGE, ("exit_intent", 1), ("hidden", 2)), "exits", 1),
    ((PAGE, ("dismiss", 1)), "dismissed", 1),
    ((PAGE, ("purchase", 1)), "bought", True),
    ((query(0, "tent"), query(1, "tent"), query(2, "light tent")), "searches", 3),
    ((query(0, "tent"), query(1, "tent"), query(2, "light tent")), "rewordings", 1),
    ((at(0, "/a"), at(1, "/b"), at(2, "/a")), "backtracks", 1),
    ((at(0, "/a"), at(1, "/b"), at(2, "/c")), "backtracks", 0),
    ((at(0, "/cart", "cart_view"), at(1, "/a")), "cart_backs", 1),
    ((PAGE, ("filter", 1, {"properties": {"sort": "price_asc"}})), "price_filters", 1),
    ((PAGE, ("filter", 1, {"properties": {"filter": "Price < 50"}})), "price_filters", 1),
    ((PAGE, ("filter", 1, {"properties": {"sort": "new"}})), "price_filters", 0),
    ((PAGE, ("pause", 1), ("scroll", 75_001)), "pause_max_ms", 75_000),
    ((PAGE, ("pause", 1, {"properties": {"target": "sale"}})), "paused_on", "sale"),
    ((PAGE, ("pause", 1)), "paused_on", "home"),
    ((PAGE, ("pause", 1), ("scroll", 2), ("exit_intent", 3)), "paused_exits", 1),
    ((PAGE, ("view_3d", 1), ("pause", 2), ("page_leave", 3)), "paused_exits", 1),
    ((("pause", 0), *[("scroll", n) for n in range(1, 5)], ("hidden", 9)), "paused_exits", 0),
    ((PAGE, ("tap", 1, {"tap_velocity_ms": 120})), "tap_mean_ms", 120),
    ((("tap", 1, {"tap_velocity_ms": 120}), ("tap", 2, {"tap_velocity_ms": 200})),
     "tap_mean_ms", 140),
    ((("tap", 1, {"tap_velocity_ms": -5}),), "tap_velocity_ms", 0),
    ((PAGE, ("scroll", 1, {"scroll_depth_ppm": 7}), ("scroll", 2, {"scroll_depth_ppm": 5})),
     "scroll_ppm", 7),
    ((at(0, "/a"), at(9_000, "/b"), at(12_000, "/c")), "dwell_sum_ms", 12_000),
    ((at(0, "/a"), at(9_000, "/b"), at(12_000, "/c")), "dwell_max_ms", 9_000),
    ((PAGE, ("scroll", 1), PAGE), "kind", kind_of("home")),
    ((PAGE, ("product_view", 1, {"product": lamp()})), "kinds", opened("home")),
    ((("product_view", 1, {"product": lamp(), "page": page("/l", "lamp")}), PAGE), "kinds",
     opened("lamp", "home")),
    (((("cart_view", 1), PAGE)), "kinds", opened("cart", "home")),
    ((PAGE,) * 300, "kinds", opened(*["home"] * 255)),
]  # fmt: skip


@pytest.mark.promise("C15", "C16", "C17", "C21", "C33", "C34", "E13", "E14", "E15", "M35")
@pytest.mark.parametrize(("steps", "field", "value"), ADDED)
def test_what_a_session_learns_from_its_events(steps, field, value):
    """One row a signal."""
    assert getattr(told(*journey(*steps)).session, field) == value


@pytest.mark.promise("E9", "E10", "E11", "E12", "E5", "C33", "E15")
@given(st.lists(st.sampled_from(EVENT_TYPES), max_size=60))
def test_counts_and_trail_are_those_of_the_types_in_order(types):
    """Every type by its code; the trail is the newest events, the sequence as such."""
    found = told(*(event(each, n, n) for n, each in enumerate(types))).session
    assert list(found.trail) == [CODES[each] for each in types][-TRAIL_MAX:]
    for name, code in CODES.items():
        assert (found.counts[code] if found.counts else 0) == types.count(name)


def test_a_count_stops_at_255():
    """A bound of one byte."""
    profile = told(*(event("scroll", n, n) for n in range(300)))
    assert profile.session.counts[CODES["scroll"]] == 255
    assert profile.session.events == 300


PRICES = [
    # (price, percentile) of the products looked at; lowest, highest, falls
    ([(10, 0)], (10, 10, 0)),
    ([(10, 500_000), (20, 900_000), (5, 100_000)], (5, 20, 1)),
    ([(30, 900_000), (20, 600_000), (99, 300_000)], (20, 99, 2)),
]


@pytest.mark.promise("C35", "C39")
@pytest.mark.parametrize(("looks", "expected"), PRICES)
def test_prices_lie_somewhere_and_go_somewhere(looks, expected):
    """A fall is a cheaper standing within the category, not a smaller number."""
    profile = Profile(epoch_ms=BEGINNING)
    for number, (price, percentile) in enumerate(looks):
        shown = Product("p", "P", "", price)
        each = event("product_view", number, number, product=shown)
        session.update(profile, each, each.received_at_ms, percentile, TriggerBounds())
    s = profile.session
    assert (s.price_min_micros, s.price_max_micros, s.price_falls) == expected
    assert s.percentile_last_ppm == looks[-1][1]


@pytest.mark.promise("C28")
def test_tabs_of_one_visitor_share_the_session():
    """And each keeps its own page; the ninth takes the place of the one not used longest."""
    events = [event("page_view", n, n, tab_id=f"t{n}", page=page(f"/{n}")) for n in range(9)]
    profile = told(*events[:3], event("click", 3, 9, tab_id="t0"))
    assert (profile.session.number, profile.session.page_views) == (1, 3)
    assert [tab.tab_id for tab in profile.tabs] == ["t1", "t2", "t0"]
    assert [tab.page_path for tab in profile.tabs] == ["/1", "/2", "/0"]
    many = told(*events)
    assert [tab.tab_id for tab in many.tabs] == [f"t{n}" for n in range(1, TABS_MAX + 1)]


GAPS = [(HALF_AN_HOUR, 1), (HALF_AN_HOUR + 1, 2)]


@pytest.mark.promise("C31")
@pytest.mark.parametrize(("gap_ms", "number"), GAPS)
def test_a_session_ends_after_half_an_hour(gap_ms, number):
    """The burst within it has ended before, in order."""
    profile = told(event("click"), event("click", gap_ms, 1))
    assert (profile.session.number, profile.burst.number) == (number, 2)
    assert profile.burst.ended_ms == BEGINNING + 90_000


DWELL = [
    # steps, dwell of the product `lamp` in ms, views
    ((("product_view", 0), at(5_000, "/b")), 5_000, 1),
    ((("product_view", 0), ("hidden", 5_000), ("visible", 60_000), at(61_000, "/b")), 6_000, 1),
    ((("product_view", 0), ("page_leave", 4_000), at(9_000, "/b")), 4_000, 1),
    ((("product_view", 0), at(5_000, "/b"), ("product_view", 6_000), at(7_000, "/c")), 6_000, 2),
    ((("product_view", 0), ("click", 45_000)), 45_000, 1),
    ((("product_view", 9_000), at(5_000, "/b")), 0, 1),
    ((("product_view", 0), ("page_view", 9, {"ts_ms": 10 * BEGINNING})), HALF_AN_HOUR, 1),
]


@pytest.mark.promise("E1", "C34")
@pytest.mark.parametrize(("steps", "dwell_ms", "views"), DWELL)
def test_a_product_is_dwelt_on_while_it_is_in_view(steps, dwell_ms, views):
    """Hidden and left pages do not count; a wrong clock cannot hurt."""
    events = [
        event(kind, at_ms, n, **({"product": lamp()} if kind == "product_view" else {}), **rest)
        for n, (kind, at_ms, *more) in enumerate(steps)
        for rest in (more[0] if more else {},)
    ]
    profile = told(*events)
    (found,) = seen.products(profile)
    tab = profile.tabs[-1]
    pending = seen.dwell_ms(profile, tab) - found.dwell_ms if tab.product_id else 0
    assert (found.dwell_ms + pending, found.views) == (dwell_ms, views)


def test_the_newest_eight_products_are_remembered():
    """The one looked at again is the newest."""
    names = [*"abcdefghij", "d"]
    looks = [
        event("product_view", n, n, product=Product(name, name, "", n))
        for n, name in enumerate(names)
    ]
    found = seen.products(told(*looks))
    assert [each.product_id for each in found] == [*"cefghijd"] and len(found) == SEEN_MAX
    assert (found[-1].views, found[-1].price_micros) == (2, 10)


SOURCES = [
    (Source(), "direct"),
    (Source(referrer="https://www.google.com/search"), "search"),
    (Source(referrer="https://m.facebook.com/"), "social"),
    (Source(referrer="https://blog.example/"), "referral"),
    (Source(referrer="https://www.google.com/", utm_source="g", utm_medium="cpc"), "campaign"),
    (Source(utm_medium="newsletter", utm_campaign="spring"), "email"),
    (Source(referrer="http://[broken"), "direct"),
]


@pytest.mark.promise("C19", "C20", "C36")
@pytest.mark.parametrize(("source", "expected"), SOURCES)
def test_a_visit_comes_from_one_class_of_source(source, expected):
    """The first event that tells wins for the session."""
    profile = told(event("page_view", source=source), event("page_view", 1, 1, source=Source()))
    assert profile.session.source == expected
    assert arrival.origin(profile).first.source == expected


TOUCHES = [
    # sources of three sessions, first and last touch
    (("search", "direct", "direct"), ("search", "search")),
    (("direct", "direct", "direct"), ("direct", "")),
    (("direct", "email", "direct"), ("direct", "email")),
    (("search", "email", "social"), ("search", "social")),
]
BY_CLASS = {name: source for source, name in SOURCES[:4]} | {"email": SOURCES[5][0]}


@pytest.mark.promise("C36")
@pytest.mark.parametrize(("classes", "expected"), TOUCHES)
def test_first_touch_stays_and_last_touch_is_not_direct(classes, expected):
    """Over sessions an hour apart."""
    profile = told(
        *(
            event("page_view", n * 2 * HALF_AN_HOUR, n, source=BY_CLASS[name])
            for n, name in enumerate(classes)
        )
    )
    found = arrival.origin(profile)
    assert (found.first.source, found.last.source) == expected
    assert found.first.at_ms == BEGINNING


@given(st.integers(-(10**15), 10**15))
def test_a_client_duration_is_harmless(duration_ms):
    """Neither negative nor longer than a session's gap."""
    assert clipped_ms(duration_ms) == sorted((0, duration_ms, CLIP_MS))[1]
