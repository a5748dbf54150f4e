"""Intent: heads are integer arithmetic over quantised concepts."""

from __future__ import annotations

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.intent import (
    calibrated_ppm,
    contributions,
    logit_micro,
    problem_of,
    risks_ppm,
    score_ppm,
    scores_ppm,
    sigmoid_ppm,
)
from schemas.model import HAZARD, RISK, Head

concept = st.integers(0, 1_000_000)
logit = st.integers(-20_000_000, 20_000_000)
rising = st.lists(concept, min_size=3, max_size=3).map(sorted)


@given(st.integers(-12_000_000, 12_000_000))
def test_sigmoid_is_within_ten_ppm_of_the_real_one(logit):
    """The table with interpolation is close enough that calibration swallows the rest."""
    assert abs(sigmoid_ppm(logit) - 1e6 / (1 + exp(-logit / 1e6))) <= 10


@given(st.integers(-20_000_000, 20_000_000), st.integers(0, 1_000_000))
def test_sigmoid_never_falls(logit, more):
    """Monotone, and inside [0, 1,000,000] for any logit."""
    assert 0 <= sigmoid_ppm(logit) <= sigmoid_ppm(logit + more) <= 1_000_000


@pytest.mark.promise("M29")
@given(st.lists(concept, min_size=3, max_size=3))
def test_contributions_and_bias_are_the_logit_exactly(concepts):
    """The explanation is the computation, not a story about it."""
    head = Head("purchase_intent", -500_000, (1_200_000, -800_001, 7))
    assert head.bias_micro + sum(contributions(head, concepts)) == logit_micro(head, concepts)


@given(concept, concept, concept)
def test_a_concept_moves_the_score_in_the_direction_of_its_weight(low, high, other):
    """Raising a concept of negative weight never raises the intent."""
    low, high = sorted((low, high))
    head = Head("purchase_intent", 100_000, (-900_000, 400_000), (0, 500_000), (10_000, 700_000))
    assert score_ppm(head, [high, other]) <= score_ppm(head, [low, other])


@given(logit, logit)
def test_risks_are_within_ten_ppm_of_the_real_softmax(buy, leave):
    """Two risks and going on, as the exponentials say, within the limits of the table."""
    odds = [exp(min(max(each / 1e6, -12), 12)) for each in (buy, leave)]
    for found, each in zip(risks_ppm([buy, leave]), odds, strict=True):
        assert abs(found - 1e6 * each / (1 + sum(odds))) <= 10


@given(logit, logit, st.integers(0, 3_000_000))
def test_a_risk_that_grows_takes_no_less_and_leaves_the_other_no_more(buy, leave, more):
    """Exactly, not only up to rounding: bounds of explanations rest on it."""
    before, after = risks_ppm([buy, leave]), risks_ppm([buy + more, leave])
    assert after[0] >= before[0] and after[1] <= before[1]


@pytest.mark.promise("M16")
@given(logit, logit, rising, rising)
def test_risks_leave_going_on_the_rest_of_a_million(buy, leave, one, two):
    """Calibrated separately, they still share: what neither takes is never less than nothing."""
    xs = (0, 500_000, 1_000_000)
    heads = (
        Head("purchase_intent", buy, (), xs, tuple(one), RISK),
        Head("churn_risk", leave, (), xs, tuple(two), RISK),
    )
    scores = scores_ppm(heads, [])
    assert min(scores) >= 0 and sum(scores) <= 1_000_000
    assert sum(risks_ppm([buy, leave])) <= 1_000_000


def test_risks_that_ask_too_much_are_cut_in_their_ratio():
    """Two thirds and one third of what is there."""
    always = ((0,), (800_000,)), ((0,), (400_000,))
    heads = [Head(name, 0, (), *map_, RISK) for name, map_ in zip("ab", always, strict=True)]
    assert scores_ppm(heads, []) == [666_666, 333_333]


@pytest.mark.promise("M17")
@given(logit, logit, logit, rising)
def test_a_longer_window_is_never_less_likely_than_a_shorter(first, second, third, ys):
    """Whatever the heads say: their scores are chances of what is left, added up."""
    xs = (0, 500_000, 1_000_000)
    made = [
        Head(f"conversion_{span}", bias, (), xs, tuple(ys), HAZARD)
        for span, bias in zip(("5m", "30m", "24h"), (first, second, third), strict=True)
    ]
    scores = scores_ppm(made, [])
    assert scores == sorted(scores) and 0 <= scores[0] <= scores[2] <= 1_000_000


def test_hazards_add_up_as_chances_of_what_is_left():
    """A half, then half of the other half, with a head of another kind between."""
    heads = (Head("a", 0, (), kind=HAZARD), Head("x"), Head("b", 0, (), kind=HAZARD))
    assert scores_ppm(heads, []) == [500_000, 500_000, 750_000]


def test_a_head_that_stands_alone_is_untouched_by_the_others():
    """And a lone risk is a sigmoid, to the table's precision."""
    heads = (Head("a", 12_345, (3,)), Head("r", -7, (1_999_999,), kind=RISK))
    alone = [score_ppm(head, [700_000]) for head in heads]
    assert scores_ppm(heads, [700_000]) == alone
    assert abs(alone[1] - sigmoid_ppm(logit_micro(heads[1], [700_000]))) <= 10


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        (Head("a", 0, (1,)), ""),
        (Head("a", 0, (1,), (0, 5), (3, 3)), ""),
        (Head("a", 0, (1, 2)), "one weight for each"),
        (Head("a", 0, (1,), (0, 5), (3,)), "do not ascend"),
        (Head("a", 0, (1,), (5, 5), (3, 4)), "do not ascend"),
        (Head("a", 0, (1,), (0, 5), (3, 2)), "falls"),
        (Head("a", 0, (1,), (0, 5), (3, 1_000_001)), "leaves"),
        (Head("a", 0, (1,), (0, 5), (-1, 2)), "leaves"),
        (Head("a", 0, (1,), kind="softmax"), "no known kind"),
        (Head("b", 0, (1,)), "same name"),
    ],
)
def test_heads_that_cannot_score_are_named(head, problem):
    """Before a model is in force; two of one name would hide each other."""
    found = problem_of((head, Head("b", 0, (1,))), 1)
    assert problem in found and bool(problem) == bool(found)


def test_calibration_is_linear_between_knots_and_flat_outside():
    """Knots as a table."""
    head = Head("x", 0, (), (100, 200, 400), (0, 1000, 1000))
    table = [(0, 0), (100, 0), (150, 500), (200, 1000), (300, 1000), (400, 1000), (999, 1000)]
    assert [calibrated_ppm(head, raw) for raw, _ in table] == [want for _, want in table]
