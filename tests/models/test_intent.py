"""Intent: heads are integer arithmetic over quantised concepts."""

from __future__ import annotations

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.intent import (
    Intents,
    calibrated_ppm,
    contributions,
    logit_micro,
    score_ppm,
    sigmoid_ppm,
)
from schemas.model import Head

concept = st.integers(0, 1_000_000)


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


@given(st.lists(concept, min_size=2, max_size=2))
def test_all_heads_at_once_give_what_each_gives_alone(concepts):
    """The fast way and the explained way agree to the last ppm."""
    heads = (Head("a", 12_345, (-900_001, 400_000)), Head("b", -7, (3, 1_999_999)))
    assert Intents(heads).scores_ppm(concepts) == [score_ppm(head, concepts) for head in heads]


def test_calibration_is_linear_between_knots_and_flat_outside():
    """Knots as a table."""
    head = Head("x", 0, (), (100, 200, 400), (0, 1000, 1000))
    table = [(0, 0), (100, 0), (150, 500), (200, 1000), (300, 1000), (400, 1000), (999, 1000)]
    assert [calibrated_ppm(head, raw) for raw, _ in table] == [want for _, want in table]
