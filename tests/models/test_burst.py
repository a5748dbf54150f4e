"""Bursts: the three numbers, the two ways to end, and that early or late reading agree."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import session
from models.burst import closes_at_ms
from models.signals import burst_intent, left_intent
from models.vocabulary import CODES
from schemas.event import Event
from schemas.profile import Profile
from schemas.trigger_bounds import TriggerBounds
from tests.builders import BEGINNING, context, event, journey, lamp, page

BOUNDS = TriggerBounds()
VIEW = context().at("demo", BEGINNING)


def told(*events: Event, bounds: TriggerBounds = BOUNDS) -> Profile:
    profile = Profile(epoch_ms=BEGINNING)
    for each in events:
        session.update(profile, each, each.received_at_ms, 500_000, bounds)
    return profile


def click(at_ms: int, target: str | None = None, kind: str = "click") -> tuple:
    return (kind, at_ms, {"properties": {"target": target} if target else {}})


def scroll(at_ms: int, share: float) -> tuple:
    return ("scroll", at_ms, {"scroll_depth_ppm": round(share * 1_000_000)})


PAGE = ("page_view", 0, {"page": page()})
INTERACTIONS = [
    # steps, interactions of the burst
    ((PAGE,), 0),
    ((PAGE, click(1, "a")), 1),
    ((PAGE, click(1, "a"), click(2, "a")), 1),
    ((PAGE, click(1, "a"), click(2, "b")), 2),
    ((PAGE, click(1, "a"), click(2, "a", "tap")), 2),
    ((PAGE, click(1, "a"), PAGE, click(2, "a")), 2),
    ((PAGE, click(1), click(2)), 1),
    ((PAGE, ("hover", 1, {"product": lamp()}), ("hover", 2, {"product": lamp()})), 1),
    ((PAGE, scroll(1, 0.70)), 0),
    ((PAGE, scroll(1, 0.71)), 1),
    ((PAGE, scroll(1, 0.71), scroll(2, 0.90)), 1),
    ((PAGE, scroll(1, 0.71), scroll(2, 0.91)), 2),
    ((PAGE, scroll(1, 1.0), scroll(2, 0.95)), 1),
    ((PAGE, scroll(1, 1.0), PAGE, scroll(2, 1.0)), 2),
    ((PAGE, ("rage_click", 1, {}), ("pause", 2, {}), ("hidden", 3, {})), 0),
]


@pytest.mark.promise("E28", "E29", "E30")
@pytest.mark.parametrize(("steps", "expected"), INTERACTIONS)
def test_an_interaction_counts_once_for_each_element_and_kind_of_a_page(steps, expected):
    """As does a scroll band; a new page starts anew."""
    assert told(*journey(*steps)).burst.interactions == expected


def test_sixteen_elements_of_a_page_count_at_most():
    """A bound, as everything has."""
    clicks = [click(n, f"element-{n}") for n in range(40)]
    assert told(*journey(PAGE, *clicks)).burst.interactions == 16


def active(at_ms: int, seconds: int, kind: str = "scroll") -> tuple:
    return (kind, at_ms, {"active_duration_ms": seconds * 1000})


ACTIVE = [
    ((PAGE, active(10_000, 8)), 8_000),
    ((PAGE, active(10_000, 8), active(20_000, 15)), 15_000),
    ((PAGE, active(10_000, 8), active(20_000, 3)), 8_000),
    ((PAGE, active(10_000, 8), PAGE, active(20_000, 5)), 13_000),
    ((PAGE, active(10_000, -5)), 0),
]


@pytest.mark.promise("E2", "M36")
@pytest.mark.parametrize(("steps", "active_ms"), ACTIVE)
def test_active_time_adds_up_over_pages(steps, active_ms):
    """The client counts up on each page; a smaller figure later adds nothing."""
    assert told(*journey(*steps)).burst.active_ms == active_ms


@pytest.mark.promise("E3", "E45")
def test_only_scrolling_on_products_deepens_a_burst():
    """A long blog post is no product."""
    view = ("product_view", 5, {"product": lamp()})
    assert told(*journey(PAGE, scroll(1, 0.9))).burst.scroll_ppm == 0
    assert told(*journey(PAGE, view, scroll(6, 0.9), scroll(7, 0.4))).burst.scroll_ppm == 900_000


GAPS = [
    # events after a first page view, burst number, ended by, ms from the beginning to the end
    ((("click", 90_000),), 1, "", 0),
    ((("click", 90_001),), 2, "custom", 90_000),
    ((("page_leave", 1_000), ("page_view", 6_000)), 1, "", 0),
    ((("page_leave", 1_000), ("page_view", 6_001)), 2, "page_leave", 6_000),
    ((("hidden", 1_000), ("visible", 7_000)), 2, "hidden", 6_000),
    ((("hidden", 1_000), ("visible", 2_000), ("click", 80_000)), 1, "", 0),
    ((("exit_intent", 1_000), ("click", 60_000)), 1, "", 0),
    ((("click", 2_000_000),), 2, "custom", 90_000),
]


@pytest.mark.promise("E31", "E26", "E7")
@pytest.mark.parametrize(("steps", "number", "by", "ended_ms"), GAPS)
def test_a_burst_ends_by_silence_or_by_leaving_without_a_return(steps, number, by, ended_ms):
    """The end is known in advance, so a late reader finds the same moment."""
    burst = told(*journey(("page_view", 0), *steps)).burst
    assert burst.number == number
    assert burst.ended_ms == (BEGINNING + ended_ms if ended_ms else 0)
    assert burst.ended_by == (CODES[by] if by else 0)


@pytest.mark.promise("E23")
def test_bounds_of_the_catalogue_hold_from_the_next_burst_on():
    """A version is fixed within a burst."""
    profile = told(event("page_view"), bounds=BOUNDS)
    shorter = TriggerBounds(burst_gap_ms=30_000)
    session.update(profile, event("click", 60_000), BEGINNING + 60_000, 0, shorter)
    assert profile.burst.number == 1
    session.update(profile, event("click", 200_000), BEGINNING + 200_000, 0, shorter)
    assert profile.burst.number == 2 and closes_at_ms(profile) == BEGINNING + 230_000


VIEWED = ("product_view", 1, {"product": lamp()})
ENGAGED = (
    PAGE, VIEWED, scroll(5_000, 0.85), *(click(6_000 + n, f"c{n}") for n in range(5)),
    active(70_000, 65),
)  # fmt: skip
LEFT = [
    # steps, intent of the present burst, intent of the one left behind
    (ENGAGED, "high", ""),
    ((*ENGAGED, ("click", 500_000)), "low", "high"),
    ((*ENGAGED, ("purchase", 71_000), ("click", 500_000)), "low", ""),
    ((PAGE, VIEWED, active(40_000, 35), *(click(40_000 + n, f"c{n}") for n in range(3))),
     "medium", ""),
]  # fmt: skip


@pytest.mark.promise("E7", "E20", "E21", "E22", "E50")
@pytest.mark.parametrize(("steps", "present", "left"), LEFT)
def test_the_profile_knows_who_left_engaged_without_buying(steps, present, left):
    """By the trigger rules in force."""
    profile = told(*journey(*steps))
    tab = profile.tabs[-1]
    assert burst_intent(profile, tab, VIEW, profile.session.last_ms) == present
    assert left_intent(profile, tab, VIEW, profile.session.last_ms) == left


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("page_view click scroll hidden visible page_leave purchase".split()),
            st.integers(0, 200_000),
        ),
        max_size=30,
    )
)
def test_number_and_ends_agree_with_splitting_the_stream(picks):
    """The naive oracle cuts the times afterwards; bursts end in order and never overlap."""
    events, at_ms = [], 0
    for number, (kind, gap_ms) in enumerate(picks):
        at_ms += gap_ms
        events.append(event(kind, at_ms, number))
    ends: list[int] = []
    left_ms = last_ms = 0
    for each in events:
        now_ms = each.received_at_ms
        end_ms = last_ms + 90_000
        if left_ms:
            end_ms = min(end_ms, left_ms + 5_000)
        if last_ms and now_ms > end_ms:
            ends.append(end_ms)
        last_ms = now_ms
        left_ms = now_ms if each.type in ("hidden", "page_leave") else 0
    burst = told(*events).burst
    assert burst.number == (len(ends) + 1 if events else 0)
    assert burst.ended_ms == (ends[-1] if ends else 0)
    assert not ends or burst.started_ms > burst.ended_ms
