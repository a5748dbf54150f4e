"""The heads of a model in C: to the last ppm what models.intent says."""

from __future__ import annotations

from shutil import which

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.intents import intents_of
from infra.model import load
from infra.setup.native import COMPILERS
from models.intent import Intents
from schemas.model import KINDS, Head

micro = st.integers(-(1 << 40), 1 << 40)
ppm = st.integers(0, 1_000_000)
calibrations = st.lists(st.tuples(ppm, ppm), max_size=6, unique_by=lambda knot: knot[0])


@st.composite
def cases(draw: st.DrawFn) -> tuple[tuple[Head, ...], list[int]]:
    """Some heads over the same concepts, and values of these."""
    size = draw(st.integers(1, 8))
    heads = []
    for number in range(draw(st.integers(0, 5))):
        knots = sorted(draw(calibrations))
        size_micro = draw(st.sampled_from((1 << 40, 2_000_000)))
        weight = st.integers(-size_micro, size_micro)
        weights = tuple(draw(st.lists(weight, min_size=size, max_size=size)))
        xs, ys = tuple(x for x, _ in knots), tuple(y for _, y in knots)
        # Few logits lie within the table's limits unless most are small.
        bias = draw(st.one_of(micro, st.integers(-3_000_000, 3_000_000)))
        heads.append(Head(f"h{number}", bias, weights, xs, ys, draw(st.sampled_from(KINDS))))
    return tuple(heads), draw(st.lists(ppm, min_size=size, max_size=size))


@given(cases())
def test_c_and_python_agree_to_the_last_ppm(case):
    """Whatever the weights and knots; negative products are floored alike."""
    heads, concepts = case
    assert intents_of(heads).scores_ppm(concepts if heads else []) == Intents(heads).scores_ppm(
        concepts
    )


@pytest.mark.skipif(not any(map(which, COMPILERS)), reason="no C compiler, as set-up says")
def test_the_shipped_model_runs_in_c():
    """Were it not built, the figures would be those of Python."""
    heads = load().heads
    assert type(intents_of(heads)) is not Intents, "run python -m connectors.native_build"


def test_numbers_too_large_for_c_are_left_to_python():
    """No product may overflow: Python counts on."""
    heads = (Head("a", 1 << 70, (5,)),)
    assert intents_of(heads).scores_ppm([7]) == Intents(heads).scores_ppm([7])


def test_concepts_that_do_not_fit_the_heads_are_refused():
    """As Python's zip would."""
    heads = (Head("a", 0, (1, 2)),)
    for concepts in ([1], [1, 2, 3]):
        with pytest.raises(ValueError):
            intents_of(heads).scores_ppm(concepts)
