"""A login through the hop: handed over once, merged at its moment, never to a second person."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from msgspec.structs import replace

from connectors.routes import Origin, read_routed
from operators.local import LocalJob
from schemas.event import HANDOFF, Event
from schemas.handoff import ProfileMerge, load
from schemas.profile import load as load_profile
from tests.builders import BEGINNING, ONE_SECOND, USER, event, lamp
from tests.operators.test_decide import MERGES, job, letters

ANN, BEN = "demo:u:" + "a" * 32, "demo:u:" + "b" * 32
DUE_MS = 1_500
LOGIN_MS = 1_000


def login(to: str = ANN, at_ms: int = LOGIN_MS, **fields: Any) -> Event:
    """The gateway's record of a signed identify."""
    known = {"event_id": f"h-{at_ms}", "internal": HANDOFF, "identity_ref": to}
    return event("", at_ms, 0, **{**known, **fields})


def trail(running: LocalJob, *types: str) -> None:
    """What the visitor did before the login, a tenth of a second apart."""
    for index, type_ in enumerate(types):
        running.event(event(type_, index * 100, index, product=lamp()))


def merges(out: Any) -> list[ProfileMerge]:
    """The profiles that were handed over."""
    routes = [read_routed(payload) for _, payload in out]
    return [MERGES.decode(frame) for topic, _, frame in routes if topic == "profiles"]


def profile(running: LocalJob, key: str) -> Any:
    """What is known of a key."""
    return load_profile(running.states.get(key))


def counts(running: LocalJob, key: str, at_ms: int) -> tuple[int, int, int]:
    """(applied, duplicate, late) as a probe reports them."""
    asked = event("", at_ms, 0, event_id=f"p{at_ms}", internal="probe", user_key=key)
    (answer,) = running.event(asked)
    return answer.counts.applied, answer.counts.duplicate, answer.counts.late


@pytest.mark.promise("C22", "C29")
def test_the_trail_before_a_login_is_the_known_users_half_a_second_later():
    """Not a millisecond sooner; the anonymous profile is empty from the handoff on."""
    running = job()
    trail(running, "page_view", "add_to_cart")
    (made,) = merges(running.applied(login()))
    assert (made.user_key, made.from_key, made.handoff_at_ms) == (ANN, USER, BEGINNING + LOGIN_MS)
    assert not profile(running, USER).tally.cart
    running.advance(BEGINNING + DUE_MS - 1)
    assert profile(running, ANN) is None
    running.advance(BEGINNING + DUE_MS)
    assert [each.product_id for each in profile(running, ANN).tally.cart] == ["lamp"]
    assert profile(running, ANN).identified


@pytest.mark.parametrize("timer_first", [True, False])
def test_a_merge_comes_before_the_first_event_after_it(timer_first):
    """Whether the timer or the user's next event meets it, the same profile comes out."""
    running = job()
    trail(running, "page_view", "add_to_cart")
    running.applied(login())
    if timer_first:
        running.advance(BEGINNING + DUE_MS)
    running.event(event("page_view", DUE_MS, 2, user_key=ANN))
    made = profile(running, ANN)
    assert (made.session.events, made.applied, len(made.tally.cart)) == (3, 1, 1)


ORDERS = list(itertools.permutations(("under the old key", "under the new key", "again new")))


@pytest.mark.promise("C29", "M32")
@pytest.mark.parametrize("order", ORDERS, ids=[" > ".join(each) for each in ORDERS])
def test_a_retry_across_the_login_stays_one_event(order):
    """The same cart event is sent again under both keys after the login: one stays one."""
    running = job()
    trail(running, "page_view", "add_to_cart")
    running.applied(login())
    running.advance(BEGINNING + DUE_MS)
    for number, which in enumerate(order):
        key = USER if which == "under the old key" else ANN
        again = event("add_to_cart", 100, 1, product=lamp(), user_key=key)
        at_ms = BEGINNING + DUE_MS + 1 + number
        running.event(replace(again, received_at_ms=at_ms))
    old, new = counts(running, USER, 3_000), counts(running, ANN, 3_001)
    assert (old, new) == ((2, 1, 0), (0, 2, 0))
    assert profile(running, ANN).tally.cart[0].quantity == 1
    assert len(profile(running, ANN).tally.cart) == 1


@pytest.mark.promise("C29")
def test_counts_of_records_are_conserved_by_every_login():
    """applied + duplicate + late over all keys is what was sent, whoever was logged in when."""
    running, sent = job(), 0
    for number in range(6):
        for key in (USER, ANN):
            for index in (number, number, number + 1):
                at_ms, named = number * ONE_SECOND + index, f"{key[5]}{index}"
                fields = {"user_key": key, "tab_id": key[5], "event_id": named}
                running.event(event("page_view", at_ms, index, **fields))
                sent += 1
        running.applied(login(at_ms=number * ONE_SECOND + 500))
        running.advance(BEGINNING + number * ONE_SECOND + 990)
    total = sum(sum(counts(running, key, 9_000)) for key in (USER, ANN))
    assert total == sent
    assert sum(counts(running, key, 9_001)[0] for key in (USER, ANN)) == 2 * 7


@pytest.mark.promise("C29")
def test_two_known_users_of_one_device_are_never_merged():
    """What Ben's login could hand over after Ann's is nobody's; neither sees the other's cart."""
    running = job()
    trail(running, "page_view", "add_to_cart")
    running.applied(login(ANN))
    running.event(event("search", 1_200, 2))
    assert merges(running.applied(login(BEN, 1_300))) == []
    running.advance(BEGINNING + 9_000)
    running.event(event("page_view", 9_100, 3, user_key=BEN))
    assert profile(running, BEN).tally.cart == [] and profile(running, BEN).session.searches == 0
    assert len(profile(running, ANN).tally.cart) == 1


def test_a_second_login_of_the_same_user_hands_over_what_came_since():
    """And one with nothing new hands over nothing."""
    running = job()
    trail(running, "page_view")
    running.applied(login())
    assert merges(running.applied(login(at_ms=1_100))) == []
    running.event(event("search", 1_200, 1))
    assert len(merges(running.applied(login(at_ms=1_300)))) == 1
    running.advance(BEGINNING + 3_000)
    assert profile(running, ANN).session.searches == 1
    assert profile(running, ANN).session.events == 2


def test_a_record_read_twice_merges_once():
    """The sink is at-least-once: a repeat changes nothing, before the merge and after it."""
    running = job()
    trail(running, "page_view")
    (made,) = merges(running.applied(login()))
    again = Origin(0, 9, BEGINNING, ANN.encode(), MERGES.encode(made))
    running.record(again)
    running.advance(BEGINNING + DUE_MS)
    running.record(again)
    running.advance(BEGINNING + 5_000)
    assert profile(running, ANN).session.events == 1
    assert running.meter.counts["merges_repeated"] == 2
    assert load(running.handoffs[ANN]).done == [made.merge_id]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"identity_ref": None}, "bad_handoff"),
        ({"identity_ref": "demo:v:" + "1" * 32}, "bad_handoff"),
        ({"identity_ref": "other:u:" + "a" * 32}, "bad_handoff"),
        ({"identity_ref": "demo:u:Ann"}, "bad_handoff"),
        ({"user_key": BEN}, "bad_handoff"),
        ({"user_key": "demo:p:" + "1" * 32}, "bad_handoff"),
    ],
)
def test_only_a_lasting_anonymous_key_is_handed_to_a_known_one_of_its_site(fields, reason):
    """Anything else is a dead letter that names the field, and hands over nothing."""
    running = job()
    trail(running, "page_view")
    out = running.applied(login(**fields))
    assert [each.reason for each in letters(out)] == [reason] and merges(out) == []
    assert profile(running, USER).session.events == 1


@pytest.mark.promise("C29")
def test_a_handoff_that_is_sent_again_hands_over_what_came_in_between():
    """The same record twice, with an event between: nothing of either part is lost or doubled."""
    running = job()
    trail(running, "page_view")
    (first,) = merges(running.applied(login()))
    running.event(event("search", 1_100, 1))
    (second,) = merges(running.applied(login()))
    assert merges(running.applied(login())) == []
    running.advance(BEGINNING + 9_000)
    made = profile(running, ANN).session
    assert (made.events, made.page_views, made.searches) == (2, 1, 1)
    assert first.merge_id != second.merge_id and running.meter.counts["merges_repeated"] == 0


def test_a_forgotten_user_leaves_no_handoffs():
    """The second state value goes with the first."""
    running = job()
    trail(running, "page_view")
    running.applied(login())
    running.advance(BEGINNING + 90 * 24 * 3_600_000)
    assert (running.states, running.handoffs) == ({}, {})
