"""Sessions and tabs: what ends a visit, what a wrong clock may do, what a page view closes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.client_time import CLIP_MS
from models.session import SESSION_GAP_MS, update
from schemas.event import Source
from schemas.profile import TABS_MAX, Profile
from schemas.trigger_bounds import TriggerBounds
from tests.builders import BEGINNING, ONE_MINUTE, ONE_SECOND, event, lamp, page

MIDDLE_PPM = 500_000


def visited(*events) -> Profile:
    """A profile after these events, each received when it was sent."""
    profile = Profile(BEGINNING)
    for each in events:
        update(profile, each, each.received_at_ms, MIDDLE_PPM, TriggerBounds())
    return profile


@pytest.mark.parametrize(
    ("after_ms", "number"),
    [
        (0, 1),
        (SESSION_GAP_MS, 1),
        (SESSION_GAP_MS + 1, 2),
        (10 * SESSION_GAP_MS, 2),
    ],
)
def test_a_session_ends_after_more_than_30_minutes_without_an_event(after_ms, number):
    """Its number counts up, and what belonged to the old one is gone."""
    profile = visited(event("page_view"), event("page_view", after_ms, 1))
    assert profile.session.number == number
    assert profile.session.events == (2 if number == 1 else 1)
    assert len(profile.tabs) == 1


def test_activity_keeps_a_session_alive_beyond_30_minutes():
    """The gap counts from the last event, not from the first."""
    steps = [event("scroll", minute * 29 * ONE_MINUTE, minute) for minute in range(4)]
    assert visited(*steps).session.number == 1


@pytest.mark.parametrize(
    ("client_ms", "dwell_ms"),
    [
        (7 * ONE_SECOND, 7 * ONE_SECOND),
        (0, 0),
        (-ONE_MINUTE, 0),
        (CLIP_MS, CLIP_MS),
        (48 * CLIP_MS, CLIP_MS),
    ],
)
@pytest.mark.promise("C34")
def test_a_dwell_is_the_client_s_own_difference_made_harmless(client_ms, dwell_ms):
    """A clock set back gives 0, one set ahead the longest dwell there is."""
    first = event("page_view", page=page("/a"))
    later = event("page_view", 9_000, 1, page=page("/b"), ts_ms=BEGINNING + client_ms)
    session = visited(first, later).session
    assert (session.dwells, session.dwell_last_ms, session.dwell_max_ms) == (1, dwell_ms, dwell_ms)


def test_a_product_view_belongs_to_the_page_view_before_it():
    """It closes no dwell and is no page of its own, so it cannot look like going back."""
    page_view = event("page_view", page=page("/lamp", "product"))
    view = event("product_view", 10, 1, page=page("/lamp", "product"), product=lamp())
    session = visited(page_view, view).session
    assert (session.page_views, session.product_views) == (1, 1)
    assert (session.dwells, len(session.pages), session.backtracks) == (0, 1, 0)


@pytest.mark.parametrize(
    ("paths", "backtracks"),
    [("ab", 0), ("aba", 1), ("abab", 2), ("abca", 0), ("aa", 0)],
)
def test_going_back_is_the_page_before_the_last(paths, backtracks):
    """A longer way round is no backtrack, neither is a reload."""
    steps = [event("page_view", n * 1000, n, page=page(f"/{p}")) for n, p in enumerate(paths)]
    assert visited(*steps).session.backtracks == backtracks


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (Source(), "direct"),
        (Source(referrer="https://www.google.com/search?q=lamp"), "search"),
        (Source(referrer="https://m.facebook.com/"), "social"),
        (Source(referrer="https://blog.example/post"), "referral"),
        (Source(referrer="https://www.google.com/", utm_campaign="spring"), "campaign"),
        (Source(utm_source="letter", utm_medium="email"), "email"),
        (Source(referrer="http://[broken"), "direct"),
    ],
)
@pytest.mark.promise("C19", "C20", "C36")
def test_the_source_of_a_visit_is_one_of_six_classes(source, kind):
    """What was paid for or mailed counts before the host; a bad address is no host."""
    assert visited(event("page_view", source=source)).session.source == kind


def test_the_first_source_of_a_visit_stays():
    """A second click on an advertisement does not rewrite how the visitor came."""
    first = event("page_view", source=Source(utm_source="letter", utm_medium="email"))
    again = event("page_view", 1000, 1, source=Source(referrer="https://bing.com/"))
    assert visited(first, again).session.source == "email"


@given(st.lists(st.integers(0, 40), max_size=60))
def test_tabs_are_bounded_and_the_newest_stays(numbers):
    """However many tabs a visitor opens and comes back to."""
    profile = Profile(BEGINNING)
    for index, number in enumerate(numbers):
        each = event("scroll", index, index, tab_id=f"t{number}")
        used = update(profile, each, each.received_at_ms, MIDDLE_PPM, TriggerBounds())
        assert profile.tabs[-1] is used and used.tab_id == f"t{number}"
        assert len(profile.tabs) <= TABS_MAX
        assert len({tab.tab_id for tab in profile.tabs}) == len(profile.tabs)
