"""Exposures: what uses up caps and stages, until when, and what takes it back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import exposures
from schemas.exposure import (
    EXPOSURES_MAX,
    HELD,
    LAPSE_MS,
    RELEASED,
    RESERVED,
    SHOWN,
    WITHHELD,
    Exposure,
    counts_now,
)
from schemas.ids import short_hash
from schemas.profile import Profile
from tests.builders import BEGINNING, ONE_MINUTE, event

EXPIRES = BEGINNING + 30_000
TAB = short_hash("s1", "t1")


def given_away(slot: str = "a", state: int = RESERVED, **fields) -> Exposure:
    """An action decided at the beginning that expires after 30 s."""
    known = {
        "slot_id": slot,
        "decision": short_hash(f"d-{slot}"),
        "campaign_id": "hello",
        "placement": "page",
        "session": 1,
        "stage_entry": 0,
        "tab": TAB,
        "decided_ms": BEGINNING,
        "expires_ms": EXPIRES,
        "state": state,
    }
    return Exposure(**{**known, **fields})


def profile_with(*made: Exposure) -> Profile:
    """A visitor who was given these."""
    profile = Profile(BEGINNING)
    for each in made:
        exposures.add(profile, each)
    return profile


@pytest.mark.parametrize(
    ("state", "until_ms"),
    [
        (RESERVED, EXPIRES + LAPSE_MS),
        (HELD, EXPIRES),
        (SHOWN, None),
        (WITHHELD, None),
        (RELEASED, BEGINNING - 1),
    ],
)
def test_how_long_an_exposure_counts(state, until_ms):
    """Shown and withheld count for ever, a reservation lapses, a released one never counts."""
    made = given_away(state=state)
    last = until_ms if until_ms is not None else BEGINNING + 1_000 * ONE_MINUTE
    assert counts_now(made, last) is (state != RELEASED)
    assert counts_now(made, last + 1) is (until_ms is None)


@pytest.mark.parametrize(
    ("type", "state", "known", "after"),
    [
        ("impression", RESERVED, True, SHOWN),
        ("impression", RELEASED, True, SHOWN),
        ("impression", SHOWN, True, SHOWN),
        ("impression", WITHHELD, False, WITHHELD),
        ("action_click", SHOWN, True, SHOWN),
        ("dismiss", SHOWN, True, SHOWN),
    ],
)
def test_outcomes_are_booked_on_their_slot(type, state, known, after):
    """A late impression still books; what was withheld cannot have been seen."""
    profile = profile_with(given_away(state=state))
    told = event(type, 1000, slot_id="a", source_shown="model")
    assert exposures.outcome(profile, told) is known
    (made,) = profile.exposures
    assert made.state == after
    assert (made.clicked, made.dismissed) == (type == "action_click", type == "dismiss")


def test_an_impression_told_twice_counts_once():
    """A re-sent outcome with another event id."""
    profile = profile_with(given_away())
    for number in range(2):
        exposures.outcome(profile, event("impression", number, slot_id="a", source_shown="model"))
    assert profile.session.shown == 1


def test_an_outcome_of_an_unknown_slot_is_told():
    """Nothing is booked for it."""
    profile = profile_with(given_away())
    assert not exposures.outcome(profile, event("impression", slot_id="b", source_shown="model"))
    assert [each.state for each in profile.exposures] == [RESERVED]


def test_a_fallback_shown_takes_over_the_slot_of_the_late_answer():
    """Found by the decision that carried it; the answer's reservation is released."""
    profile = profile_with(given_away("", HELD, decision=short_hash("d-1")), given_away("late"))
    shown = event(
        "impression", 1000, slot_id="late", decision_id="d-1", source_shown=exposures.FALLBACK
    )
    assert exposures.outcome(profile, shown)
    fallback, late = profile.exposures
    assert (fallback.slot_id, fallback.state, late.state) == ("late", SHOWN, RELEASED)


@pytest.mark.parametrize(
    ("tab_id", "states"), [("t1", [RESERVED, RELEASED]), ("t2", [RESERVED, HELD])]
)
def test_a_tab_s_next_decision_releases_only_its_own_fallback(tab_id, states):
    """Reservations stay, and so does what another tab holds."""
    profile = profile_with(given_away(), given_away("", HELD))
    exposures.release_held(profile, "s1", tab_id, BEGINNING)
    assert [each.state for each in profile.exposures] == states


@pytest.mark.parametrize(("after_ms", "left"), [(LAPSE_MS, 1), (LAPSE_MS + 1, 0)])
def test_a_released_fallback_waits_for_its_impression_and_is_then_forgotten(after_ms, left):
    """It may have been shown while the answer was on its way."""
    profile = profile_with(given_away("", HELD))
    exposures.release_held(profile, "s1", "t1", BEGINNING)
    exposures.release_held(profile, "s1", "t1", BEGINNING + after_ms)
    assert len(profile.exposures) == left


@pytest.mark.parametrize(
    ("state", "dismissed", "at_ms", "slots", "after"),
    [
        (RESERVED, False, EXPIRES, ("a",), RELEASED),
        (RESERVED, False, EXPIRES + 1, (), RELEASED),
        (SHOWN, False, EXPIRES, ("a",), SHOWN),
        (SHOWN, True, EXPIRES, (), SHOWN),
        (HELD, False, EXPIRES, (), RELEASED),
        (WITHHELD, False, EXPIRES, (), WITHHELD),
    ],
)
def test_a_purchase_withdraws_what_is_on_screen_or_on_its_way(
    state, dismissed, at_ms, slots, after
):
    """What the visitor closed is not withdrawn again; what was shown stays counted."""
    profile = profile_with(given_away(state=state, dismissed=dismissed))
    assert exposures.cancel(profile, at_ms) == slots
    assert profile.exposures[0].state == after


@given(st.lists(st.sampled_from([RESERVED, SHOWN, WITHHELD, HELD, RELEASED]), max_size=80))
def test_the_list_is_bounded_and_caps_still_count_every_action(states):
    """What leaves the list is folded into counts; the oracle counts all that was given."""
    profile = Profile(BEGINNING)
    for number, state in enumerate(states):
        exposures.add(profile, given_away(str(number), state))
        assert len(profile.exposures) <= EXPOSURES_MAX
    counting = sum(state != RELEASED for state in states)
    found = exposures.used(profile, BEGINNING)
    assert (found.of("hello")[2] if found else 0) == counting
