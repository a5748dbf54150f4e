"""Messages by arm: who counts, for how long, and what makes a trigger false."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.report_messages import rows
from evidence.message_arms import Messages, arms, happened, planned, visited
from schemas.event import Source
from schemas.outcome import CLICK, ORDER, Outcome
from schemas.trigger import CANCEL, MAIL, NO_SEND, UNMAILABLE, Trigger
from tests.builders import event

DAY = 86_400_000
ANN, BOB = "demo:u:" + "a" * 32, "demo:u:" + "b" * 32


def trigger(user: str, kind: str = MAIL, at_ms: int = 0, **fields: Any) -> Trigger:
    arm = {"arm": "A0" if kind == NO_SEND else "A3", "timing": "exit", **fields}
    return Trigger(kind=kind, user_key=user, detected_at_ms=at_ms, **arm)


def view(state: Messages, user: str, at_ms: int, medium: str = "") -> None:
    source = Source(utm_medium=medium) if medium else None
    visited(state, event("page_view", received_at_ms=at_ms, user_key=user, source=source))


def order(state: Messages, user: str, at_ms: int, name: str = "o", margin: int = 5_000_000) -> None:
    outcome = Outcome(kind=ORDER, event_id=name, at_ms=at_ms)
    happened(state, user, outcome, margin)


def told(state: Messages, horizon_ms: int = DAY) -> dict[str, dict[str, Any]]:
    return {each["arm"]: each for each in arms(state, horizon_ms)}


DEEDS = [
    # (what somebody did after the trigger at 1,000; clicked, returned, ordered, false, margin)
    ((), (0, 0, 0, 1, 0)),
    ((("view", 2_000, ""),), (0, 1, 0, 0, 0)),
    ((("view", 2_000, "email"),), (1, 1, 0, 0, 0)),
    ((("order", 2_000, "o"),), (0, 0, 1, 0, 5)),
    ((("order", 2_000, "o"), ("order", 3_000, "o")), (0, 0, 1, 0, 5)),
    ((("order", 2_000, "o"), ("order", 3_000, "p")), (0, 0, 1, 0, 10)),
    ((("order", 900, "o"), ("view", 1_000, "email")), (0, 0, 0, 1, 0)),
    ((("order", 1_001 + DAY, "o"), ("view", 1_001 + DAY, "")), (0, 0, 0, 1, 0)),
]


@pytest.mark.promise("E40", "E48", "E49")
@pytest.mark.parametrize(("deeds", "expected"), DEEDS)
def test_what_counts_for_a_visitor(deeds: Any, expected: tuple[int, ...]) -> None:
    state = Messages()
    planned(state, trigger(ANN, at_ms=1_000))
    for kind, at_ms, word in deeds:
        (view if kind == "view" else order)(state, ANN, at_ms, word)
    one = told(state)["A3"]
    names = ("clicked", "returned", "ordered", "false", "margin")
    assert tuple(one[name]["value"] for name in names) == expected
    assert one["ordered"]["ci"] is None, "one visitor has no interval"


def test_the_first_trigger_puts_a_visitor_into_an_arm_for_good() -> None:
    """A withdrawn message stays in its arm; a second trigger, or one outside, adds nobody."""
    state = Messages()
    planned(state, trigger(ANN, at_ms=1_000))
    planned(state, trigger(ANN, CANCEL, at_ms=1_500))
    planned(state, trigger(ANN, at_ms=9_000))
    planned(state, trigger(BOB, UNMAILABLE, arm=""))
    planned(state, trigger(BOB, NO_SEND, arm=""))
    order(state, ANN, 8_000)
    order(state, BOB, 8_000)
    (only,) = arms(state, DAY)
    assert (only["arm"], only["visitors"], only["ordered"]["value"]) == ("A3", 1, 1.0)


def test_leaving_and_falling_silent_are_tests_of_their_own() -> None:
    state = Messages()
    planned(state, trigger(ANN))
    planned(state, trigger(ANN, timing="gap", arm="A0"))
    assert [(each["timing"], each["arm"]) for each in arms(state, DAY)] == [
        ("exit", "A3"),
        ("gap", "A0"),
    ]


def test_an_outcome_that_is_no_order_earns_nothing() -> None:
    state = Messages()
    planned(state, trigger(ANN))
    happened(state, ANN, Outcome(kind=CLICK, event_id="c", at_ms=5), 7_000_000)
    assert told(state)["A3"]["margin"]["value"] == 0


def test_arms_are_told_with_intervals_beside_the_arm_that_got_nothing() -> None:
    """600 visitors an arm, of whom 10 and 30 % order: the interval holds the difference."""
    state, draw = Messages(), random.Random(3)
    for number in range(1_200):
        user, sent = f"demo:u:{number:032x}", number % 2
        planned(state, trigger(user, MAIL if sent else NO_SEND))
        if draw.random() < (0.3 if sent else 0.1):
            order(state, user, 1_000, f"o{number}")
    found = told(state)
    low, high = found["A3"]["against"]["ordered"]["ci"]
    assert low < 0.2 < high and high - low < 0.1
    assert found["A0"]["against"] is None
    nothing, at_once = rows(arms(state, DAY))
    assert (nothing[1], at_once[1]) == ("A0, sent nothing", "A3, at once")
    assert at_once[8].startswith("+") and "[" in at_once[8]


@given(st.permutations(range(6)))
def test_the_order_of_outcomes_does_not_matter(turns: list[int]) -> None:
    state = Messages()
    planned(state, trigger(ANN))
    for turn in turns:
        (order if turn % 2 else view)(state, ANN, 1_000 * turn + 1, f"x{turn}")
    assert told(state)["A3"]["margin"]["value"] == 15
