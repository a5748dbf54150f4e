"""Inputs: the vector of exactly the names in a model's record, in their order."""

from __future__ import annotations

import random

import pytest

from models import features
from models.features import FEATURES
from models.inputs import AVAILABLE, UnknownInput, compiled
from models.names import NAMES, TEXT
from models.user import step
from schemas.model import Model
from tests.builders import BEGINNING, USER, context, event, journey, lamp, page

STORY = journey(
    ("page_view", 0, {"page": page()}),
    ("product_view", 2_000, {"product": lamp()}),
    ("zoom", 5_000),
    ("add_to_cart", 9_000, {"product": lamp()}),
)


def after_story():
    ctx = context()
    profile = None
    for each in STORY:
        profile, _, _ = step(profile, each, USER, ctx)
    return profile, profile.tabs[-1], STORY[-1], ctx.at("demo", BEGINNING), profile.now_ms


@pytest.mark.promise("M12")
def test_the_shipped_block_is_the_vector_itself():
    """Models fitted on it read the same numbers as ever."""
    profile, tab, last, view, now_ms = after_story()
    expected = features.vector(profile, tab, last, now_ms)
    assert compiled(FEATURES)(profile, tab, last, view, now_ms) == expected
    assert compiled(())(profile, tab, last, view, now_ms) == expected
    assert len(expected) == len(FEATURES) == len(set(FEATURES))
    before = FEATURES[:-16]
    assert compiled(before)(profile, tab, last, view, now_ms) == expected[:-16]


@pytest.mark.promise("M12")
def test_any_choice_and_order_of_names_gives_their_values():
    """Old block and signals mixed, shuffled: each name keeps its value."""
    seen = after_story()
    whole = dict(zip(AVAILABLE, compiled(AVAILABLE)(*seen[:3], *seen[3:]), strict=True))
    rng = random.Random(5)
    for size in (1, 7, 40, len(AVAILABLE)):
        names = tuple(rng.sample(AVAILABLE, size))
        assert compiled(names)(*seen) == [whole[name] for name in names]
    assert whole["zooms"] == pytest.approx(0.6931, abs=1e-4)
    assert whole["top_interest"] == 1.0 and whole["cart_adds"] == 1.0


def test_available_names_are_numbers_once_each():
    """The block first; a text is no input."""
    assert AVAILABLE[: len(FEATURES)] == FEATURES
    assert len(set(AVAILABLE)) == len(AVAILABLE)
    assert all(NAMES[name].type != TEXT for name in AVAILABLE[len(FEATURES) :])


def test_a_model_that_wants_more_than_there_is_is_refused_by_name():
    """And the version before stays in force."""
    ctx = context(concepts={"drop_off": 5})
    with pytest.raises(UnknownInput, match="moon_phase"):
        ctx.add("models", Model(version=2, features=("scroll", "moon_phase")))
    assert ctx.at("demo", BEGINNING).versions.model == 1
    with pytest.raises(UnknownInput, match="page_type"):
        compiled(("page_type",))


@pytest.mark.promise("M12")
def test_old_and_new_models_run_side_by_side():
    """Each site's model gets the names of its own record."""
    rows = []

    class Recorder:
        def step(self, row, hidden):
            rows.append(row)
            return [], hidden

    ctx = context()
    ctx._make_scorer = lambda _: Recorder()
    ctx.add("models", Model(site="default", version=1))
    ctx.add("models", Model(site="demo", version=2, features=("zooms", "events_log")))
    step(None, event("zoom"), USER, ctx)
    other = "other:v:" + "0" * 32
    step(None, event("zoom", site="other", user_key=other), other, ctx)
    assert [len(row) for row in rows] == [2, len(FEATURES)]
    assert rows[0] == pytest.approx([0.6931, 0.6931], abs=1e-4)
