"""Trigger rules: every edge of the table, against a second reading of the same sentences."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from models.trigger_rules import INTENTS, TRIGGER_ORDER, rule_of, rules
from schemas.trigger_bounds import ASCENDING, LIMITS, TriggerBounds

SHIPPED = TriggerBounds()

# active ms, interactions, scroll ppm -> rule, intent, trigger
EDGES = [
    (0, 0, 0, 1, "low", "none"),
    (29_999, 2, 1_000_000, 1, "low", "none"),
    (60_001, 2, 1_000_000, 1, "low", "none"),
    (600_000, 1, 1_000_000, 1, "low", "none"),
    (29_999, 3, 1_000_000, 2, "low", "none"),
    (29_999, 99, 1_000_000, 2, "low", "none"),
    (30_000, 3, 0, 3, "medium", "none"),
    (60_000, 3, 1_000_000, 3, "medium", "none"),
    (60_000, 5, 1_000_000, 3, "medium", "none"),
    (60_001, 4, 800_001, 4, "high", "in_session"),
    (60_001, 5, 800_001, 4, "high", "in_session"),
    (60_001, 5, 800_000, 5, "high", "at_close"),
    (60_001, 5, 0, 5, "high", "at_close"),
    (60_001, 4, 800_000, 6, "medium", "at_close"),
    (60_001, 4, 500_000, 6, "medium", "at_close"),
    (60_001, 3, 500_000, 6, "medium", "at_close"),
    (60_001, 3, 800_001, 6, "medium", "at_close"),
    (60_001, 3, 499_999, 7, "medium", "none"),
    (60_001, 4, 499_999, 7, "medium", "none"),
]


@pytest.mark.promise("E16", "E20", "E21", "E22", "E32", "E43", "E45")
@pytest.mark.parametrize(("active", "count", "scroll", "number", "intent", "trigger"), EDGES)
def test_the_edges_of_the_shipped_table(
    active: int, count: int, scroll: int, number: int, intent: str, trigger: str
) -> None:
    row = rule_of(SHIPPED, active, count, scroll)
    assert (row.number, row.intent, row.trigger) == (number, intent, trigger)


@st.composite
def bounds(draw: st.DrawFn) -> TriggerBounds:
    """Any bounds that a catalogue may set."""
    made = {name: draw(st.integers(*limits)) for name, limits in LIMITS.items()}
    for names in ASCENDING:
        values = sorted({made[name] for name in names})
        assume(len(values) == len(names))
        made |= dict(zip(names, values, strict=True))
    return TriggerBounds(**made)


def near(*edges: int) -> list[int]:
    """Each edge with its neighbours, zero, and something far beyond."""
    return sorted({max(edge + step, 0) for edge in edges for step in (-1, 0, 1)} | {0, 10**9})


def grid(b: TriggerBounds) -> tuple[list[int], list[int], list[int]]:
    return (
        near(b.active_medium_ms, b.active_high_ms),
        near(b.interactions_medium, b.interactions_deep, b.interactions_high),
        near(b.scroll_medium_ppm, b.scroll_deep_ppm),
    )


def naive(b: TriggerBounds, active: int, count: int, scroll: int) -> tuple[str, str]:
    """The promises one by one, as sentences, without an order of rows."""
    if active < b.active_medium_ms or count < b.interactions_medium:
        return "low", "none"
    if active <= b.active_high_ms:
        return "medium", "none"
    deep = scroll > b.scroll_deep_ppm
    if deep and count >= b.interactions_deep:
        return "high", "in_session"
    if count >= b.interactions_high:
        return "high", "at_close"
    return "medium", "at_close" if scroll >= b.scroll_medium_ppm else "none"


@pytest.mark.promise("E16", "E20", "E21", "E22", "E23", "E45")
@settings(deadline=None)
@given(bounds())
def test_any_bounds_give_a_total_table_that_means_the_sentences(b: TriggerBounds) -> None:
    for burst in product(*grid(b)):
        row = rule_of(b, *burst)
        assert (row.intent, row.trigger) == naive(b, *burst), burst


@pytest.mark.promise("E23", "E43")
@settings(deadline=None)
@given(bounds())
def test_more_attention_never_lowers_intent_or_trigger(b: TriggerBounds) -> None:
    axes = grid(b)
    for burst in product(*axes):
        row = rule_of(b, *burst)
        for axis, values in enumerate(axes):
            value = min((each for each in values if each > burst[axis]), default=burst[axis])
            more = rule_of(b, *burst[:axis], value, *burst[axis + 1 :])
            assert INTENTS.index(more.intent) >= INTENTS.index(row.intent)
            assert TRIGGER_ORDER.index(more.trigger) >= TRIGGER_ORDER.index(row.trigger)


def test_only_rows_four_and_six_share_bursts_and_there_the_order_decides() -> None:
    shared = {
        (one.number, two.number)
        for burst in product(*grid(SHIPPED))
        for one, two in product(rules(SHIPPED), repeat=2)
        if one.number < two.number and one.matches(*burst) and two.matches(*burst)
    }
    assert shared == {(4, 6)}
