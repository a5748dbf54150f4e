"""Decision points: which event asks, as what, and how soon the answer is due."""

from __future__ import annotations

import pytest

from models.points import ask_of, stage_moved
from models.session import update
from models.vocabulary import BROWSE, CART, HIGH_INTENT
from schemas.event import CLIENT_TYPES, DECISION_POINTS
from schemas.model import Head
from schemas.profile import Profile, Tab
from schemas.trigger_bounds import TriggerBounds
from tests.builders import BEGINNING, context, event

INTENT = Head(name="purchase_intent")
LINE = 300_000
MODEL = {"concepts": {"urgency": 0}, "heads": (INTENT,)}
TAB = Tab("s1", "t1")


def view_of(**site):
    """What is in force for a site that asks when intent or urgency rises to the line."""
    thresholds = {"purchase_intent": LINE, "urgency": LINE}
    settings = {"thresholds": thresholds, "high_intent_ppm": 2 * LINE, **site}
    return context(site=settings, **MODEL).at("demo", BEGINNING)


def profile_of(intent: int = 0, urgency: int = 0) -> Profile:
    """A visitor whose model said so."""
    return Profile(BEGINNING, scores=[intent], concepts=[urgency])


@pytest.mark.parametrize("name", sorted(CLIENT_TYPES))
def test_a_type_asks_by_itself_exactly_when_it_is_a_decision_point(name):
    """Scores at rest, stage at rest: only the type decides, and it asks under its own name."""
    ask = ask_of(profile_of(), event(name), TAB, view_of(), [0, 0], False)
    assert (ask.kind if ask else None) == (name if name in DECISION_POINTS else None)


@pytest.mark.parametrize(
    ("name", "moved", "kind", "due"),
    [
        ("page_view", False, "page_view", "standard"),
        ("add_to_cart", False, "add_to_cart", "instant"),
        ("exit_intent", False, "exit_intent", "instant"),
        ("page_view", True, "page_view", "instant"),
        ("hover", True, "stage", "instant"),
    ],
)
def test_cart_exit_and_stage_are_instant(name, moved, kind, due):
    """A transition makes any event ask, and at once."""
    ask = ask_of(profile_of(), event(name), TAB, view_of(), [0, 0], moved)
    assert (ask.kind, ask.latency_class) == (kind, due)


@pytest.mark.parametrize(
    ("before", "after", "asks"),
    [
        (LINE - 1, LINE, True),
        (0, LINE + 1, True),
        (LINE, LINE + 1, False),
        (LINE - 2, LINE - 1, False),
        (LINE, LINE - 1, False),
    ],
)
@pytest.mark.parametrize("which", ["score", "concept"])
def test_a_threshold_asks_when_it_is_reached_from_below_and_only_then(which, before, after, asks):
    """Scores and concepts alike; staying above it does not ask again."""

    def ours(value: int) -> list[int]:
        return [value, 0] if which == "score" else [0, value]

    ask = ask_of(profile_of(*ours(after)), event("hover"), TAB, view_of(), ours(before), False)
    assert (ask.kind if ask else None) == ("threshold" if asks else None)


def test_a_name_without_a_threshold_never_asks():
    """Thresholds are the merchant's to set."""
    view = view_of(thresholds={"urgency": LINE})
    assert ask_of(profile_of(intent=LINE), event("hover"), TAB, view, [0, 0], False) is None


@pytest.mark.parametrize(
    ("steps", "intent", "stage"),
    [
        (["page_view"], 0, BROWSE),
        (["cart_view"], 0, CART),
        (["checkout_start"], 0, HIGH_INTENT),
        (["page_view"], 2 * LINE - 1, BROWSE),
        (["page_view"], 2 * LINE, HIGH_INTENT),
        (["checkout_start", "purchase"], 2 * LINE, BROWSE),
    ],
)
def test_the_stage_of_a_visit(steps, intent, stage):
    """A checkout or a high score is high intent; a purchase starts over."""
    profile, view = profile_of(intent), view_of()
    for number, name in enumerate(steps):
        each = event(name, number * 1000, number)
        update(profile, each, each.received_at_ms, 0, TriggerBounds())
        before = profile.session.stage
        moved = stage_moved(profile, each, view)
        assert moved is (profile.session.stage != before)
    assert profile.session.stage == stage


def test_a_stage_is_only_left_upwards_and_each_transition_is_an_entry_of_its_own():
    """One action a stage counts by entries: a score that comes and goes gives no second chance."""
    profile, view = profile_of(), view_of()
    steps = [(0, False), (2 * LINE, True), (0, False), (2 * LINE, False)]
    for intent, moves in steps:
        profile.scores = [intent]
        assert stage_moved(profile, event("page_view"), view) is moves
    assert (profile.session.stage, profile.session.stage_entry) == (HIGH_INTENT, 1)
    profile.session.bought = True
    assert stage_moved(profile, event("purchase"), view)
    assert (profile.session.stage, profile.session.stage_entry) == (BROWSE, 2)


def test_nothing_rises_while_a_model_is_stale():
    """Nobody computes scores then: an event that asks for nothing else is applied all the same."""
    silent = Profile(BEGINNING)
    assert ask_of(silent, event("hover"), TAB, view_of(), [], False) is None
    assert not stage_moved(silent, event("hover"), view_of())
