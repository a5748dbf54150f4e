"""Profiles handed over that cannot be taken in, and users who are gone: nothing else is lost."""

from __future__ import annotations

import pytest
from msgspec import msgpack
from msgspec.structs import replace

from connectors.routes import Origin
from schemas.event import ERASE
from schemas.handoff import WAITING_MAX, Handoffs, Waiting, dump, load
from schemas.profile import STATE_BYTES_MAX, Profile, Session, UnknownLayout
from tests.builders import BEGINNING, USER, event, lamp
from tests.operators.test_decide import DWELL_MS, MERGES, job, letters
from tests.operators.test_handovers import (
    ANN,
    BEN,
    DUE_MS,
    counts,
    login,
    merges,
    profile,
    trail,
)

FORGOTTEN_MS = 30 * 24 * 3_600_000
UNREADABLE = [
    b"",
    b"K",
    b"KP",
    b"KP\x01\xc0",
    b"KP\x02\x90",
    b"KP\x03",
    b"KP\x03\xa1\xff",
    b"KP\x03\x91\xa1\xff",
    b"KP\x09\x90",
    b"XY\x03\x90",
]
"""Not one is the bytes of a profile."""


def test_only_so_many_profiles_wait_for_one_user():
    """One more is a dead letter with its bytes; the ones before it are merged."""
    running = job()
    trail(running, "page_view")
    (made,) = merges(running.applied(login()))
    out = []
    for number in range(WAITING_MAX):
        more = replace(made, merge_id=f"m_{number}")
        out += running.record(Origin(0, number, BEGINNING, ANN.encode(), MERGES.encode(more)))
    (told,) = letters(out)
    assert (told.reason, told.origin_topic) == ("merge_overflow", "profiles")
    running.advance(BEGINNING + DUE_MS)
    assert profile(running, ANN).session.events == WAITING_MAX


@pytest.mark.parametrize("key", [USER, BEN], ids=["an anonymous key", "somebody else"])
def test_a_profile_addressed_to_another_key_is_poison(key):
    """The record key decides who receives; a mismatch is a dead letter."""
    running = job()
    trail(running, "page_view")
    (made,) = merges(running.applied(login()))
    out = running.record(Origin(0, 3, BEGINNING, key.encode(), MERGES.encode(made)))
    (told,) = letters(out)
    assert (told.reason, told.origin_topic) == ("key_mismatch", "profiles")
    asked = event("", 5_000, event_id="p", internal="probe", user_key=key)
    assert running.event(asked)[0].counts.dead_lettered == 0


@pytest.mark.promise("C29")
@pytest.mark.parametrize("state", UNREADABLE, ids=repr)
def test_a_profile_that_cannot_be_read_is_poison(state):
    """Too short, cut or of another making: a dead letter with its bytes, and the job goes on."""
    running = job()
    trail(running, "page_view")
    (made,) = merges(running.applied(login()))
    value = MERGES.encode(replace(made, merge_id="m_other", state=state))
    (told,) = letters(running.record(Origin(0, 3, BEGINNING, ANN.encode(), value)))
    assert (told.reason, told.value) == ("bad_profile", value)
    running.advance(BEGINNING + DUE_MS)
    assert profile(running, ANN).session.events == 1


@pytest.mark.parametrize("state", UNREADABLE, ids=repr)
def test_own_state_that_cannot_be_read_does_raise(state):
    """It means a deploy gone wrong, and a profile must not be lost to it."""
    running = job()
    running.states[USER] = state
    with pytest.raises(UnknownLayout):
        running.event(event("page_view"))


@pytest.mark.promise("C29")
@pytest.mark.parametrize("timer_first", [True, False])
def test_a_merge_that_meets_a_bug_is_given_up_alone_and_the_user_goes_on(timer_first):
    """Its bytes are a dead letter of its topic; the merge after it and later events are applied."""
    running = job()
    trail(running, "page_view")
    (made,) = merges(running.applied(login()))
    bad = Profile(epoch_ms=1)
    bad.session = Session(1, 1, 1, 1, utm_source="x" * STATE_BYTES_MAX)
    state = b"KP\x03" + msgpack.encode(bad)  # It can be read, but no profile may be as large.
    first = replace(made, merge_id="m_0", state=state, handoff_at_ms=made.handoff_at_ms - 1)
    running.record(Origin(0, 3, BEGINNING, ANN.encode(), MERGES.encode(first)))
    out = running.advance(BEGINNING + DUE_MS) if timer_first else []
    out += running.applied(event("search", DUE_MS, 2, user_key=ANN))
    (told,) = letters(out)
    assert (told.reason, told.origin_topic) == ("internal_error", "profiles")
    assert (told.key, told.value) == (ANN.encode(), state)
    assert counts(running, ANN, 3_000) == (1, 0, 0)
    assert profile(running, ANN).session.page_views == 1
    assert profile(running, ANN).session.searches == 1
    assert running.meter.counts["internal_errors"] == 1


@pytest.mark.promise("C29")
@pytest.mark.parametrize("erased", [False, True])
def test_a_clean_up_loses_nothing_that_is_on_its_way_and_an_erasure_everything(erased):
    """The known user is forgotten between the login and its moment."""
    running = job()
    running.event(event("search", 0, 0, user_key=ANN))
    late_ms = FORGOTTEN_MS - 200
    running.event(event("page_view", late_ms - 1, 0))
    running.applied(login(at_ms=late_ms))
    if erased:
        running.applied(event("", late_ms + 100, event_id="e", internal=ERASE, user_key=ANN))
    running.advance(BEGINNING + FORGOTTEN_MS)
    assert profile(running, ANN) is None
    running.advance(BEGINNING + FORGOTTEN_MS + 1_000)
    assert (profile(running, ANN) is None) == erased
    assert erased or profile(running, ANN).session.page_views == 1


@pytest.mark.promise("C29")
def test_no_dead_letter_of_topic_profiles_counts_as_an_event():
    """Events sent = applied + dead letters of `events`; the others name their own topic."""
    running, out = job(), []
    trail(running, "page_view")
    (made,) = merges(running.applied(login()))
    for number in range(WAITING_MAX + 2):
        more = MERGES.encode(replace(made, merge_id=f"m_{number}"))
        out += running.record(Origin(0, number, BEGINNING, ANN.encode(), more))
    running.event(event("page_view", 1_400, 0, user_key=ANN))
    out += running.record(Origin(0, 99, BEGINNING + 1_450, ANN.encode(), b"junk"))
    asked = event("", 3_000, event_id="p", internal="probe", user_key=ANN)
    (answer,) = running.event(asked)
    topics = [each.origin_topic for each in letters(out)]
    assert topics == ["profiles"] * 3 + ["events"]
    assert (answer.counts.applied, answer.counts.dead_lettered) == (1, 1)
    found = running.meter.counts
    assert (found["dead_lettered"], found["merges_refused"], found["merges_received"]) == (1, 3, 4)


@pytest.mark.promise("C29")
def test_a_junk_record_finds_the_merges_and_deadlines_before_it_done():
    """Whether the timers come before it or after it, the user is the same then."""
    found = []
    for junk_first in (True, False):
        running = job()
        at_ms = DUE_MS + DWELL_MS
        running.event(event("product_view", 600, 0, user_key=ANN, product=lamp(), tab_id="a"))
        trail(running, "page_view", "add_to_cart", "product_view")
        running.applied(login())
        out = [] if junk_first else running.advance(BEGINNING + at_ms)
        out += running.record(Origin(0, 9, BEGINNING + at_ms, ANN.encode(), b"junk"))
        running.advance(BEGINNING + at_ms)
        made = profile(running, ANN)
        made.timer_at_ms = made.forget_timer_ms = 0
        slots = [each.slot_id for each in running.chosen(out)]
        found.append((made, load(running.handoffs[ANN]), slots))
    assert found[0] == found[1]
    assert found[0][0].session.events == 4 and found[0][2]


WAITING = Handoffs("demo:u:a", [Waiting(7, "m_1", b"state")], ["m_0"])


def test_what_both_ends_remember_is_versioned():
    """Bytes of the first builds, which had no envelope, are read as ever."""
    assert dump(WAITING)[:3] == b"KH\x01"
    assert load(dump(WAITING)) == load(msgpack.encode(WAITING)) == WAITING
    assert load(None) == Handoffs()


@pytest.mark.parametrize(
    "data", [b"", b"K", b"KH", b"KH\x02\x93", b"KP\x01\x93", b"\x90"], ids=repr
)
def test_handoffs_of_an_unknown_layout_are_refused_by_name(data):
    """That is a deploy gone wrong and no bad record: the job stops before it writes over it."""
    with pytest.raises(UnknownLayout, match="handoffs begin with"):
        load(data)
