"""Two profiles of one person: what a merge must keep, held against a fold of everything."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.dedup import check
from models.identity import merged, merged_tally, merged_window
from models.user import step
from schemas.event import Event, Product
from schemas.exposure import SHOWN, Exposure
from schemas.ids import short_hash
from schemas.profile import STATE_BYTES_MAX, Profile, Tally, dump, load
from schemas.sections import graph_of, seen_of
from tests.builders import BEGINNING, ONE_MINUTE, campaign, context, event, lamp, page

KNOWN = "demo:u:" + "a" * 32
HALF_A_SECOND = 500
TYPES = "page_view product_view add_to_cart remove_from_cart purchase search preference".split()


def visit(key: str, steps: list[tuple[str, int, int]]) -> list[Event]:
    """Events of one key: (type, ms after the beginning, product number)."""
    made = []
    for index, (type_, at_ms, number) in enumerate(steps):
        about = Product(f"p{number}", "", f"c{number % 3}", number * 1_000_000, "EUR", 1)
        stated = {f"k{number % 9}": str(number)} if type_ == "preference" else {}
        fields = {"user_key": key, "session_id": key[-4:], "product": about, "properties": stated}
        made.append(event(type_, at_ms, index, event_id=f"{key[-4:]}-{index}", **fields))
    return made


def folded(events: list[Event]) -> Profile:
    """The profile after these events."""
    ctx, profile = context(campaign()), None
    for each in sorted(events, key=lambda each: each.received_at_ms):
        profile, _, _ = step(profile, each, each.user_key, ctx)
    assert profile is not None
    return profile


def same_user(events: list[Event]) -> list[Event]:
    """The same events as if they had been one user's all along."""
    return [Event(**{**_fields(each), "user_key": KNOWN}) for each in events]


def _fields(each: Event) -> dict[str, object]:
    return {name: getattr(each, name) for name in each.__struct_fields__}


STEPS = st.lists(
    st.tuples(st.sampled_from(TYPES), st.integers(0, 20 * ONE_MINUTE), st.integers(0, 20)),
    min_size=1,
    max_size=25,
)


@pytest.mark.promise("C29", "C30")
@settings(max_examples=60, deadline=None)
@given(before=STEPS, after=STEPS)
def test_the_merged_tally_is_that_of_one_profile_that_saw_everything(before, after):
    """Oracle: fold both trails into one user. Merging gives the same tally from either side."""
    anonymous, known = visit("demo:v:" + "0" * 32, before), visit(KNOWN, after)
    whole = folded(same_user(anonymous) + known).tally
    assert merged_tally(folded(known).tally, folded(anonymous).tally) == whole
    assert merged_tally(folded(anonymous).tally, folded(known).tally) == whole


@settings(max_examples=100, deadline=None)
@given(
    own=st.lists(st.integers(0, 1_400), min_size=1, max_size=60),
    other=st.lists(st.integers(0, 1_400), min_size=1, max_size=60),
)
def test_a_merged_window_has_seen_what_either_window_saw(own, other):
    """An index that either window calls a duplicate or late is never fresh in the merged one."""
    sides = []
    for indexes in (own, other):
        profile = Profile(epoch_ms=0)
        for index in indexes:
            check(profile, "s", "t", index, f"e{index}", 1)
        sides.append(profile.windows[0])
    newest = max(*own, *other)
    both = Profile(epoch_ms=0, windows=[merged_window(*sides)])
    assert both.windows == [merged_window(*reversed(sides))]
    for index in {*own, *other}:
        verdict = check(both, "s", "t", index, f"e{index}", 1)
        assert verdict == ("late" if newest - index >= 1_024 else "duplicate")
    unseen = next(index for index in range(newest + 1, -1, -1) if index not in {*own, *other})
    assert check(both, "s", "t", unseen, "new", 1) == "fresh"


def test_counts_stay_where_they_were_counted():
    """What was applied under one key is not counted again under the other."""
    anonymous = folded(visit("demo:v:" + "0" * 32, [("page_view", 0, 1), ("search", 10, 1)]))
    known = folded(visit(KNOWN, [("page_view", 20, 1)]))
    made = merged(known, anonymous, BEGINNING + HALF_A_SECOND)
    assert (made.applied, made.duplicate, anonymous.applied) == (1, 0, 2)


def test_a_user_never_seen_before_gets_the_whole_trail():
    """Session, tab, cart and product history of the visit go on under the known key."""
    steps = [("page_view", 0, 1), ("product_view", 10, 4), ("add_to_cart", 20, 4)]
    given_ = folded(visit("demo:v:" + "0" * 32, steps))
    want_session, want_tabs = given_.session, given_.tabs
    made = merged(None, given_, BEGINNING + HALF_A_SECOND)
    assert (made.identified, made.applied, made.epoch_ms) == (True, 0, BEGINNING + HALF_A_SECOND)
    assert (made.session, made.tabs) == (want_session, want_tabs)
    assert [each.product_id for each in made.tally.cart] == ["p4"]


@pytest.mark.parametrize(
    ("gap_ms", "events", "views"),
    [(10 * ONE_MINUTE, 4, 3), (31 * ONE_MINUTE, 1, 1)],
    ids=["one visit", "two visits"],
)
def test_sessions_are_added_within_half_an_hour_else_the_later_stays(gap_ms, events, views):
    """A login in mid-visit does not begin a second visit."""
    steps = [("page_view", 0, 1), ("page_view", 10, 1), ("search", 20, 1)]
    anonymous = folded(visit("demo:v:" + "0" * 32, steps))
    known = folded(visit(KNOWN, [("page_view", gap_ms, 1)]))
    session = merged(known, anonymous, BEGINNING + gap_ms + HALF_A_SECOND).session
    assert (session.events, session.page_views) == (events, views)


def exposure(slot: str, session: int, decided_ms: int) -> Exposure:
    """An action that was shown."""
    return Exposure(slot, 1, "WINTER", "page", session, 0, 1, decided_ms, decided_ms + 1, SHOWN)


def test_caps_of_the_running_session_count_both_sides():
    """The session had number 2 on one side and 5 on the other; now both exposures are in it."""
    own, other = Profile(epoch_ms=1), Profile(epoch_ms=1)
    own.session.number, other.session.number = 2, 5
    own.exposures, other.exposures = [exposure("a", 2, 10)], [exposure("b", 5, 20)]
    made = merged(own, other, 30)
    assert [(each.slot_id, each.session) for each in made.exposures] == [("a", 5), ("b", 5)]
    assert made.session.number == 5


def test_the_merged_profile_keeps_every_bound():
    """Two full profiles merge into one of at most 4 KiB, with its lists within their bounds."""
    many = [(TYPES[n % 7], n * 1_000, n) for n in range(120)]
    ours = [each for n in range(8) for each in visit(KNOWN, many[n * 15 : n * 15 + 15])]
    made = merged(folded(ours), folded(visit("demo:v:" + "0" * 32, many)), BEGINNING + ONE_MINUTE)
    data = dump(made)
    again = load(data)
    assert again is not None and len(data) <= STATE_BYTES_MAX
    assert len(made.windows) <= 8 and len(made.tabs) <= 8 and len(made.tally.cart) <= 16
    assert len(seen_of(made.seen)) <= 8 if made.seen else True
    graph = graph_of(made.graph)
    assert len(graph.names) + len(graph.links) // 3 <= 32
    assert made.interest_sum == sum(
        weight for name, weight in zip(graph.names, graph.weights, strict=True) if name[0] == "c"
    )


def test_an_empty_tally_adds_nothing():
    """A key that was cleared has no counts to add."""
    full = folded(visit(KNOWN, [("page_view", 0, 1)])).tally
    assert merged_tally(full, Tally()) == full == merged_tally(Tally(), full)


def test_a_window_evicted_by_the_merge_stays_late():
    """Eight windows fit; of sixteen the older ones become tombstones, so nothing counts twice."""
    sides = []
    for side in range(2):
        profile = Profile(epoch_ms=0)
        for number in range(8):
            check(profile, f"s{side}{number}", "t", 0, "e", number * 2 + side)
        sides.append(profile)
    made = merged(sides[0], sides[1], 100)
    assert len(made.windows) == 8
    verdicts = [check(made, f"s{n % 2}{n // 2}", "t", 0, "e", 101) for n in range(16)]
    assert verdicts == ["late"] * 8 + ["duplicate"] * 8
    assert short_hash("s00", "t") in [key for key, _ in made.tombstones]


def test_a_page_goes_on_where_it_was():
    """The product in view stays in view: its dwell deadline travels with the tab."""
    anonymous = folded(
        [event("product_view", 0, 0, product=lamp(), page=page("/p/lamp", "product"))]
    )
    made = merged(None, anonymous, BEGINNING + HALF_A_SECOND)
    assert made.tabs[0].dwell_at_ms == BEGINNING + 20_000
    assert made.timer_at_ms == 0
