"""Two profiles of one person: what a merge must keep, held against a fold of everything."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.dedup import check
from models.identity import merged, merged_tally
from models.identity_windows import merged_window
from models.user import step
from schemas.event import Event, Product
from schemas.exposure import GIVEN_MAX, REST, SHOWN, Exposure, Given, given_of
from schemas.ids import short_hash
from schemas.profile import STATE_BYTES_MAX, Profile, Session, Tab, Tally, dump, load
from schemas.sections import Graph, graph_of, packed, seen_of
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
    own.session, other.session = Session(2, events=1), Session(5, events=1)
    own.exposures, other.exposures = [exposure("a", 2, 10)], [exposure("b", 5, 20)]
    made = merged(own, other, 30)
    assert [(each.slot_id, each.session) for each in made.exposures] == [("a", 5), ("b", 5)]
    assert made.session.number == 5


def side(name: str, number: int, last_ms: int, events: int) -> Profile:
    """A profile in its session `number`, every part of which bears its name."""
    made = Profile(
        epoch_ms=1, now_ms=last_ms, hidden=name.encode(), scores=[events], trend_ms=events
    )
    made.session = Session(number, last_ms - ONE_MINUTE, last_ms, events)
    made.tabs = [Tab(name, "t", last_ts_ms=last_ms)]
    made.burst.number, made.burst.active_ms = number + 1, events
    made.outreach.at_ms = last_ms + 1
    made.graph = packed(Graph(["c" + name], [1], [], 0, number))
    made.given = packed([Given("WINTER", number, events, last_ms, events, events)])
    made.exposures = [
        exposure(f"{name} {n}", n, last_ms + n) for n in range(number - 3, number + 1)
    ]
    return made


@pytest.mark.promise("C29")
@pytest.mark.parametrize(
    ("gap_minutes", "number", "leads", "visits", "in_session", "burst"),
    [
        (-300, 4, "own", {"own 4"}, 3, 8),
        (-31, 4, "own", {"own 4"}, 3, 8),
        (-30, 7, "given", {"own 4", "given 7"}, 12, 8),
        (0, 7, "given", {"own 4", "given 7"}, 12, 8),
        (30, 7, "given", {"own 4", "given 7"}, 12, 8),
        (31, 5, "given", {"given 7"}, 9, 8),
        (300, 5, "given", {"given 7"}, 9, 8),
    ],
)
def test_a_login_goes_on_with_the_later_visit_or_with_one_made_of_both(
    gap_minutes, number, leads, visits, in_session, burst
):
    """The receiver is in session 4, the giver in its 7th, `gap_minutes` later, with more events.

    Session 5 of the giver is not the one that the receiver's next is called: caps count neither.
    """
    own_ms = 1_000 * ONE_MINUTE
    given_ms = own_ms + gap_minutes * ONE_MINUTE
    own, other = side("own", 4, own_ms, 3), side("given", 7, given_ms, 9)
    made = merged(own, other, max(own_ms, given_ms) + HALF_A_SECOND)
    joined = len(visits) == 2
    assert (made.session.number, made.burst.number) == (number, burst)
    assert made.session.events == (12 if joined else 3 if leads == "own" else 9)
    assert made.hidden == leads.encode()
    assert made.scores == [made.trend_ms] == [made.burst.active_ms]
    assert made.outreach.at_ms == (own_ms if leads == "own" else given_ms) + 1
    assert {each.session_id for each in made.tabs} == ({"own", "given"} if joined else {leads})
    assert {each.slot_id for each in made.exposures if each.session == number} == visits
    ours = {each.slot_id: each.session for each in made.exposures if each.slot_id[0] == "o"}
    assert [ours[f"own {n}"] for n in (1, 2, 3)] == [1, 2, 3]
    (tally,) = given_of(made.given)
    assert (tally.session, tally.in_session, tally.in_all) == (number, in_session, 12)
    graph = graph_of(made.graph)
    assert (graph.session, graph.names[graph.last]) == (number, "c" + leads)


def test_of_two_visits_that_ended_together_the_receivers_stays():
    """Neither is the later one, and they are no one visit: one of them saw no event."""
    own, other = side("own", 4, ONE_MINUTE, 3), side("given", 7, ONE_MINUTE, 0)
    made = merged(own, other, 2 * ONE_MINUTE)
    assert (made.session.number, made.hidden) == (4, b"own")


@pytest.mark.parametrize("own_is_later", [True, False])
def test_the_stage_moved_when_it_moved(own_is_later):
    """One visit has begun at 0, the other at 10 minutes; its stage moved 2 minutes later."""
    first = Session(1, 0, 9 * ONE_MINUTE, 4)
    later = Session(1, 10 * ONE_MINUTE, 13 * ONE_MINUTE, 2, stage_after_ms=2 * ONE_MINUTE)
    own, other = (later, first) if own_is_later else (first, later)
    made = merged(Profile(1, session=own), Profile(1, session=other), 14 * ONE_MINUTE).session
    assert (made.started_ms, made.stage_after_ms) == (0, 12 * ONE_MINUTE)


@pytest.mark.promise("C29")
def test_tallies_of_both_keep_their_bound_and_no_campaign_gets_room_again():
    """Of 30 campaigns the newest keep their names, the others are counted together."""
    own, other = Profile(epoch_ms=1), Profile(epoch_ms=1)
    own.given = packed([Given(f"a{n}", 0, 0, n + 1, 1, 1) for n in range(15)])
    theirs = [Given(f"b{n}", 0, 0, n + 20, 1, 1) for n in range(15)]
    other.given = packed([*theirs, Given(REST, 0, 0, 9, 2, 2), Given("#", 0, 0, 40, 17, 17)])
    tallies = {each.name: each for each in given_of(merged(own, other, 50).given)}
    named = [name for name in tallies if name not in (REST, "#")]
    assert sorted(named) == sorted([f"b{n}" for n in range(15)] + ["a14"])
    assert len(named) == GIVEN_MAX
    # What the giver could not name may have been this one.
    assert tallies["a14"].in_all == 3
    assert (tallies[REST].in_all, tallies["#"].in_all) == (14 + 2, 17)


def test_tallies_are_the_last_thing_that_a_profile_too_large_gives_up():
    """Nothing else is left of it then, and it fits."""
    many = [Given("n" * 40 + str(n), 1, 1, 1, 1, 1) for n in range(100)]
    made = Profile(epoch_ms=1, given=packed(many), graph=packed(Graph(["c"], [1])))
    assert len(dump(made)) <= STATE_BYTES_MAX
    assert made.given == made.graph == b""


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
