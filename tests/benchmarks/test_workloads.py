"""The mix is what its docstring says, since every figure of the core rests on it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.workloads import ConstantScorer, context, mix
from connectors.onnx import OnnxScorer
from models.effects import Decide
from models.intent import Scorer
from models.user import step
from schemas.model import Model
from schemas.profile import dump, load

pytestmark = pytest.mark.long

EVENTS, KEYS = 6_000, 600


@pytest.mark.parametrize("make_scorer", [OnnxScorer.from_model, ConstantScorer])
def test_thirty_percent_decide_and_two_percent_are_duplicates(
    make_scorer: Callable[[Model], Scorer],
) -> None:
    """Of all events, whoever scores them; a second answer to one event would count once."""
    ctx = context(make_scorer=make_scorer)
    states: dict[str, bytes] = {}
    asking = duplicates = 0
    for event in mix(EVENTS, KEYS):
        key = event.user_key
        profile, effects, trace = step(load(states.get(key)), event, key, ctx)
        assert profile is not None
        states[key] = dump(profile)
        asking += any(isinstance(effect, Decide) for effect in effects)
        duplicates += trace.verdict == "duplicate"
    assert 0.29 <= asking / EVENTS <= 0.31
    assert 0.015 <= duplicates / EVENTS <= 0.025
    assert len(states) == KEYS


def test_constant_scores_change_scores_and_nothing_else() -> None:
    """Both walks do the same work but the network: the same asks for the same reasons."""
    first = next(iter(mix(1, 1)))
    made = []
    for make_scorer in (OnnxScorer.from_model, ConstantScorer):
        _, effects, _ = step(None, first, first.user_key, context(make_scorer=make_scorer))
        made.append([each.decision for each in effects if isinstance(each, Decide)])
    (real,), (constant,) = made
    assert real.trigger == constant.trigger and real.scores.keys() == constant.scores.keys()
    assert set(constant.concepts.values()) == {500_000} != set(real.concepts.values())
