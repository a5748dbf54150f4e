"""Flips: applied, the change flips; one ppm less does not; nothing nearer was overlooked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import why_flips
from models.intent import scores_ppm
from models.why_bounds import stays
from models.why_curve import score_bounds, score_lines
from models.why_flips import ELIGIBILITY, WINNER, Flip, flips, smallest
from schemas.model import KINDS, Head
from tests.builders import campaign
from tests.models.why_cases import campaigns, cases_of, found, paths, sites

pytestmark = pytest.mark.long

NEAR = 150
"""Distance in ppm that the naive search looks at, one outcome at a time."""

ascending = st.lists(st.integers(0, 1_000_000), min_size=3, max_size=3, unique=True).map(
    lambda knots: tuple(sorted(knots))
)
heads = st.builds(
    lambda name, bias, weights, kind, maps: Head(name, bias, weights, *maps, kind),
    st.sampled_from("abcdef"),
    st.integers(-3_000_000, 3_000_000),
    st.tuples(*[st.one_of(st.just(0), st.integers(-20_000_000, 20_000_000))] * 2),
    st.sampled_from(KINDS),
    st.one_of(st.just(((), ())), st.tuples(ascending, ascending)),
)


def _named(heads, concepts):
    return dict(zip([head.name for head in heads], scores_ppm(heads, concepts), strict=True))


def naive(case, at):
    """kind -> nearest value within NEAR of concept `at`, by asking the core at every ppm."""
    here = list(case.decision.concepts.values())
    now = case.outcome(case.table(here))
    out = {}
    for distance in range(1, NEAR + 1):
        for value in (here[at] + distance, here[at] - distance):
            if not 0 <= value <= 1_000_000:
                continue
            then = case.outcome(case.table([*here[:at], value, *here[at + 1 :]]))
            if then.winner != now.winner:
                out.setdefault(WINNER, value)
            if then.eligible != now.eligible:
                out.setdefault(ELIGIBILITY, value)
    return out


@settings(max_examples=100, deadline=None)
@given(
    st.lists(heads, min_size=1, max_size=4, unique_by=lambda head: head.name),
    st.integers(0, 1),
    st.lists(st.integers(0, 1_000_000), min_size=2, max_size=2),
)
def test_a_line_is_the_score_at_each_of_its_values(made, at, concepts):
    """The array arithmetic and the scalar one are the same integers, whatever competes."""
    values = np.array([0, 1, 499_999, 500_000, 777_777, 1_000_000], np.int64)
    lines = score_lines(made, concepts, at, values)
    for place, value in enumerate(values.tolist()):
        changed = [value if n == at else each for n, each in enumerate(concepts)]
        for name, score in _named(made, changed).items():
            assert score == (lines[name][place] if name in lines else _named(made, concepts)[name])


@settings(max_examples=100, deadline=None)
@given(
    st.lists(heads, min_size=1, max_size=4, unique_by=lambda head: head.name),
    st.integers(0, 1),
    st.lists(st.integers(0, 1_000_000), min_size=2, max_size=2),
    st.tuples(st.integers(0, 1_000_000), st.integers(0, 1_000_000)),
)
def test_no_score_between_the_ends_leaves_its_bounds(made, at, concepts, ends):
    """Competing risks and chained hazards are not monotone in a concept; their bounds hold."""
    bounds = score_bounds(made, concepts, at, ends)
    values = np.linspace(*sorted(ends), 300).astype(np.int64)
    for name, line in score_lines(made, concepts, at, values).items():
        least, most = bounds[name].tolist()
        assert least <= int(line.min()) and int(line.max()) <= most


@pytest.mark.promise("M30")
@settings(max_examples=25, deadline=None)
@given(campaigns, sites, found, paths)
def test_applied_it_flips_and_one_ppm_less_does_not(listed, site, concepts, path):
    """Asked of the core itself, for every flip of every generated decision."""
    for case in cases_of(listed, site, concepts, path):
        here = list(case.decision.concepts.values())
        now = case.outcome(case.table(here))
        for flip in flips(case):
            at = list(case.decision.concepts).index(flip.concept)
            less = flip.to_ppm - (1 if flip.change_ppm > 0 else -1)
            then, nearer = (
                case.outcome(case.table([*here[:at], value, *here[at + 1 :]]))
                for value in (flip.to_ppm, less)
            )
            view = "winner" if flip.kind == WINNER else "eligible"
            assert getattr(then, view) != getattr(now, view) == getattr(nearer, view)
            assert (flip.before, flip.after) == (now.winner, then.winner)


@settings(max_examples=25, deadline=None)
@given(campaigns, sites, found, paths)
def test_nothing_nearer_is_overlooked(listed, site, concepts, path):
    """Against the naive search over every ppm nearby, ties of the two directions included."""
    for case in cases_of(listed, site, concepts, path)[:1]:
        flipped = {(each.concept, each.kind): each for each in flips(case)}
        for at, name in enumerate(case.decision.concepts):
            here = case.decision.concepts[name]
            near = naive(case, at)
            for kind in (WINNER, ELIGIBILITY):
                flip = flipped.get((name, kind))
                if flip is not None and abs(flip.change_ppm) <= NEAR:
                    assert near.get(kind) == flip.to_ppm
                else:
                    assert kind not in near, (here, near)


@pytest.mark.parametrize(
    ("condition", "concept", "here", "there"),
    [
        ("frustration < 0.45", "frustration", 470_000, 449_999),
        ("frustration < 0.45", "frustration", 450_000, 449_999),
        ("frustration < 0.45", "frustration", 451_024, 449_999),
        ("frustration <= 0.45", "frustration", 451_025, 450_000),
        ("frustration <= 0.45", "frustration", 450_300, 450_000),
        ("stickiness > 0.5", "stickiness", 500_000, 500_001),
        ("stickiness >= 0.5", "stickiness", 498_976, 500_000),
        ("stickiness >= 0.5", "stickiness", 0, 500_000),
        (
            "frustration < 0.45 and page_views >= 1 and cart_value < 40",
            "frustration",
            460_000,
            449_999,
        ),
    ],
)
def test_a_threshold_is_found_to_the_ppm(condition, concept, here, there):
    """Beside it, across the ends of rings and halves, up and down, with other numbers around."""
    listed = [campaign("a", when=condition), campaign("b", margin_micros=9_000_000)]
    concepts = {"stickiness": 400_000, "frustration": 470_000, concept: here}
    (case,) = cases_of(listed, {}, concepts, ["page_view"])
    flip = smallest(flips(case), WINNER)
    assert flip == Flip(WINNER, concept, here, there, "b", "a", gained=("a",), lost=())


def test_equal_scores_go_by_priority():
    """Where a rival draws level, its priority decides the ppm at which it takes the slot."""
    rising = {"base_ppm": 0, "response": {"frustration": 100_000}}
    listed = [campaign("a", priority=1, **rising), campaign("b", base_ppm=20_000)]
    concepts = {"stickiness": 400_000, "frustration": 150_000}
    for priority, there in ((1, 200_000), (0, 200_010)):
        listed[0] = campaign("a", priority=priority, **rising)
        listed[1] = campaign("b", base_ppm=20_000, priority=0 if priority else 1)
        (case,) = cases_of(listed, {}, concepts, ["page_view"])
        flip = smallest(flips(case), WINNER)
        assert (flip.before, flip.after, flip.to_ppm) == ("b", "a", there)


@settings(max_examples=6, deadline=None)
@given(campaigns, sites, found, paths)
def test_passing_over_quiet_stretches_changes_nothing(listed, site, concepts, path):
    """The same flips, far ones too, as where every single value is looked at."""
    for case in cases_of(listed, site, concepts, path)[:1]:
        quick = flips(case)
        leaf, why_flips.LEAF = why_flips.LEAF, 2_000_000
        try:
            assert flips(case) == quick
        finally:
            why_flips.LEAF = leaf


@pytest.mark.parametrize(
    ("winner", "spans", "least", "verdict"),
    [
        ("a", [("a", 10, 20, False), ("b", 0, 9, False)], 5, True),
        ("a", [("a", 10, 20, False), ("b", 0, 10, False)], 5, False),
        ("a", [("a", 4, 20, False)], 5, False),
        ("", [("a", 0, 4, False)], 5, True),
        ("", [("a", 0, 5, False)], 5, False),
        ("", [], 5, True),
        ("a", [("a", 10, 20, True)], 5, False),
    ],
)
def test_a_winner_stays_only_where_no_score_can_pass(winner, spans, least, verdict):
    """A tie within the spans is looked at, for priority may decide it."""
    assert stays(winner, spans, least) is verdict


def test_without_the_visitor_s_events_nothing_is_claimed():
    """A condition may read what the record does not hold."""
    (case,) = cases_of(
        [campaign("a")], {}, {"stickiness": 1, "frustration": 1}, ["page_view"], False
    )
    assert flips(case) == []
