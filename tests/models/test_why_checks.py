"""A record computes again from its own values; one tampered value turns a check red."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from models.auction import lots_of, run
from models.user import step
from models.why_auction import Lot, sold
from models.why_case import Case
from models.why_checks import checks
from schemas.decision import Candidate
from schemas.policy import Policy
from tests.builders import USER, campaign, context, event
from tests.models.why_cases import campaigns, cases_of, found, paths, policies, sites

PLAIN = "slot_id decision_id placement campaign_id action_type reason price_micros charge_micros"
TAMPERED = (
    *PLAIN.split(),
    *"propensity_ppm holdout withheld expires_at_ms stage".split(),
)
"""Fields of a decision that took part in it; each is changed alone."""


def wrong(case):
    """Names of the checks that are red."""
    return [each.name for each in checks(case) if not each.ok]


def other(value):
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else value + "x"


def tampered(case, **changes):
    """The case with one thing in its record changed, as a reader without the events sees it."""
    return Case(replace(case.decision, **changes), case.view, None)


def won():
    """A won decision with two rivals, one below the reserve, and a refused one."""
    listed = [
        campaign("a", response={"purchase_intent": 20_000}),
        campaign("b", margin_micros=9_000_000),
        campaign("c", margin_micros=1_000_000),
        campaign("d", when="frustration > 0.9"),
        campaign("e", on=("exit_intent",), stages=("browse",)),
        campaign("f", stages=("cart",)),
    ]
    site = {"reserve_micros": 50_000, "holdout_ppm": 1}
    (case,) = cases_of(listed, site, {"stickiness": 700_000, "frustration": 100_000}, ["page_view"])
    assert case.decision.campaign_id == "a" and len(case.decision.candidates) == 3
    return case


@pytest.mark.promise("M30")
@settings(max_examples=60, deadline=None)
@given(campaigns, sites, found, paths, st.booleans(), policies)
def test_every_generated_decision_computes_again(listed, site, concepts, path, with_facts, policy):
    """Winner, price, charge, draws, holdout and every loss, with the events at hand or without."""
    for case in cases_of(listed, site, concepts, path, with_facts, policy):
        assert wrong(case) == []
        assert (case.facts is not None) == with_facts


@settings(max_examples=40, deadline=None)
@given(campaigns, sites, found, paths, policies, st.data())
def test_one_changed_number_of_a_candidate_is_seen(listed, site, concepts, path, policy, data):
    """Any field of any candidate of any decision."""
    first = cases_of(listed, site, concepts, [*path, "page_view"], policy=policy)[0]
    case = first if first.decision.candidates else won()
    rows = case.decision.candidates
    at = data.draw(st.integers(0, len(rows) - 1))
    names = sorted({*asdict(rows[0])} - {"offer", "override"})
    name = data.draw(st.sampled_from(names))
    changed = replace(rows[at], **{name: other(getattr(rows[at], name))})
    assert wrong(tampered(case, candidates=(*rows[:at], changed, *rows[at + 1 :])))


@pytest.mark.parametrize("name", TAMPERED)
def test_one_changed_value_of_a_decision_is_seen(name):
    """Planted: a record that says something else than its own arithmetic."""
    case = won()
    assert wrong(case) == []
    assert wrong(tampered(case, **{name: other(getattr(case.decision, name))}))


@pytest.mark.parametrize("field", ["scores", "concepts"])
def test_one_ppm_of_a_score_or_concept_is_seen(field):
    """Concepts answer for the scores; a concept that moves no score is checked by conditions."""
    case = won()
    values = getattr(case.decision, field)
    name = next(iter(values))
    assert wrong(tampered(case, **{field: {**values, name: values[name] + 10}}))


def test_a_moved_loss_is_seen():
    """A campaign that lost by another rule than it says, by two, or by none."""
    case = won()
    reasons = case.decision.reasons
    for changed in (
        {name: bits for name, bits in reasons.items() if name != "when"},
        {**reasons, "stock": reasons["when"]},
        {("trigger" if name == "stage" else name): bits for name, bits in reasons.items()},
        {("paused" if name == "when" else name): bits for name, bits in reasons.items()},
    ):
        assert wrong(tampered(case, reasons=changed))


def test_a_version_that_is_not_in_force_is_seen():
    """The catalogue of the record is another than the one at hand."""
    case = won()
    versions = replace(case.decision.versions, catalogue=2)
    assert "version of catalogue" in wrong(tampered(case, versions=versions))


def test_a_withheld_winner_and_its_draw_are_checked():
    """Everybody is in this holdout; a record that shows the action anyway is red."""
    (case,) = cases_of(
        [campaign("a")],
        {"holdout_ppm": 999_999},
        {"stickiness": 1, "frustration": 1},
        ["page_view"],
    )
    assert case.decision.withheld == "holdout" and wrong(case) == []
    assert wrong(tampered(case, withheld="", reason="won", holdout=False))


def test_pacing_is_part_of_the_bid():
    """A policy that halves a bid; the record without it is red."""
    ctx = context(campaign("a"))
    ctx.add("policy", Policy(site="demo", version=1, pacing_ppm={"a": 500_000}))
    _, (effect, *_), _ = step(None, event("page_view"), USER, ctx)
    case = Case(effect.decision, ctx.at("demo", effect.decision.decided_at_ms))
    assert case.decision.candidates[0].bid_micros == 5_000_000 and wrong(case) == []
    row = replace(case.decision.candidates[0], pacing_ppm=1_000_000)
    assert wrong(tampered(case, candidates=(row,)))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.builds(
            Lot,
            campaign_id=st.sampled_from("abcdefgh"),
            bid_micros=st.integers(0, 6),
            quality_ppm=st.integers(0, 6),
            priority=st.integers(0, 1),
            override=st.booleans(),
        ),
        unique_by=lambda lot: lot.campaign_id,
        max_size=6,
    ),
    st.integers(0, 20),
)
def test_the_definition_agrees_with_the_core(lots, reserve):
    """Two programs, one auction: ranking, winner, price and charge."""
    ids = tuple(lot.campaign_id for lot in lots)
    everybody = (1 << len(lots)) - 1
    overriding = sum(1 << at for at, lot in enumerate(lots) if lot.override)
    theirs = run(
        lots_of(ids, tuple(lot.priority for lot in lots)),
        np.array([lot.bid_micros for lot in lots], np.int64),
        np.array([lot.quality_ppm for lot in lots], np.int64),
        everybody,
        reserve,
        overriding,
    )
    ours = sold(lots, reserve)
    assert [each.campaign_id for each in ours.ranked] == [e.campaign_id for e in theirs.ranked]
    assert (ours.winner and ours.winner.campaign_id) == (
        theirs.winner and theirs.winner.campaign_id
    )
    assert (ours.price_micros, ours.charge_micros) == (theirs.price_micros, theirs.charge_micros)


def test_a_candidate_that_never_was_is_seen():
    """A row that no campaign stands behind."""
    case = won()
    rows = (*case.decision.candidates, Candidate("ghost"))
    assert wrong(tampered(case, candidates=rows))
