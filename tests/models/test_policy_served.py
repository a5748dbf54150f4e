"""What a policy's qualities do in the auction, and when owners' expectations bid instead."""

from __future__ import annotations

from collections import Counter

import pytest

from models.context import Context
from models.policy_checks import PolicyRefused
from models.trust import STALE_MS, UNPROVEN
from models.why_case import Case
from models.why_checks import checks
from schemas.decision import Decision
from schemas.policy import Policy, Quality
from tests.builders import BEGINNING, campaign, context, event
from tests.models.test_user import play

LEARNED = {"a": Quality(0), "b": Quality(50_000, {}, 900, 50_000, 40_000, 60_000)}


def policy(**fields) -> Policy:
    """A policy learned just before the story begins."""
    known = {"site": "demo", "version": 1, "qualities": LEARNED, "learned_until_ms": BEGINNING}
    return Policy(**{**known, **fields})


def shop(*policies: Policy) -> Context:
    """`a` is expected to be the best by its owner."""
    out = context(campaign("a", base_ppm=30_000), campaign("b", base_ppm=10_000))
    for each in policies:
        out.add("policy", each)
    return out


def decided(ctx: Context, at_ms: int = 0, name: str = "e") -> Decision:
    return play([event("page_view", at_ms, event_id=name)], ctx)[0][0]


@pytest.mark.promise("C26", "C60")
@pytest.mark.parametrize(
    ("fields", "at_ms", "winner"),
    [
        ({}, 0, "b"),
        ({"qualities": {}}, 0, "a"),
        ({"fallback_reason": UNPROVEN}, 0, "a"),
        ({}, STALE_MS - 1, "b"),
        ({}, STALE_MS, "a"),
        ({"held": True}, STALE_MS, "b"),
        ({"qualities": {"b": LEARNED["b"]}}, 0, "b"),
        ({"qualities": {"a": LEARNED["a"]}}, 0, "b"),
    ],
)
def test_learned_qualities_bid_while_they_are_trusted(fields, at_ms, winner) -> None:
    assert decided(shop(policy(**fields)), at_ms).campaign_id == winner


def test_a_policy_takes_effect_at_its_engine_time_without_a_restart() -> None:
    ctx = shop()
    assert decided(ctx).campaign_id == "a"
    ctx.add("policy", policy(effective_at_ms=BEGINNING + 5_000))
    assert [decided(ctx, at).campaign_id for at in (4_999, 5_000)] == ["a", "b"]


@pytest.mark.promise("C59")
def test_what_learning_found_useless_is_still_tried_and_doing_nothing_is_the_best() -> None:
    """The record recomputes the same winner; propensities are the floor, the rest is nothing's."""
    useless = {name: Quality(-10_000, {}, 900, -10_000, -20_000, -1) for name in ("a", "b")}
    ctx = shop(policy(qualities=useless, explore_gamma_milli=900_000, explore_floor_ppm=20_000))
    seen: Counter[str] = Counter()
    for number in range(300):
        made = decided(ctx, name=f"e-{number}")
        seen[made.campaign_id] += 1
        assert [each.propensity_ppm for each in made.candidates] == [20_000, 20_000]
        assert made.nothing.propensity_ppm == 960_000
        assert (made.explored, made.charge_micros) == (bool(made.campaign_id), 0)
        case = Case(made, ctx.at("demo", made.decided_at_ms))
        wrong = [each for each in checks(case) if each.logged != each.computed]
        assert wrong == []
    assert set(seen) == {"a", "b", ""} and seen[""] > 270


@pytest.mark.parametrize(
    "absurd",
    [
        {"qualities": {"a": Quality(10_000_001)}},
        {"qualities": {"a": Quality(0, {"risk": -10_000_001})}},
        {"qualities": {"a": Quality(0, {f"n{at}": 1 for at in range(65)})}},
        {"qualities": {"a": Quality(mean_ppm=5, upper_ppm=4)}},
        {"qualities": {f"c{at}": Quality() for at in range(1_001)}},
        {"explore_floor_ppm": 200_001},
        {"explore_gamma_milli": -1},
        {"snapshot": b"x" * (1 << 20 | 1)},
        {"site": "Not A Site"},
    ],
)
def test_an_absurd_policy_is_refused_and_the_one_before_stays(absurd) -> None:
    ctx = shop(policy())
    with pytest.raises(PolicyRefused):
        ctx.add("policy", policy(**{"version": 2, **absurd}))
    made = decided(ctx)
    assert (made.campaign_id, made.versions.policy) == ("b", 1)


def test_policies_that_ended_long_ago_are_forgotten_by_who_asks_for_it() -> None:
    """Whoever replays keeps them all."""
    job, replay = Context(lambda model: model, policies_kept_ms=60_000), shop()
    for number in range(1, 1_001):
        made = policy(version=number, effective_at_ms=number * 1_000)
        job.add("policy", made)
        replay.add("policy", made)
    held = [len(ctx._history["policy", "demo"]) for ctx in (job, replay)]
    assert held == [61, 1_000]
    newest = 1_000_000
    for now_ms in (newest, newest - 60_000):
        versions = [ctx.at("demo", now_ms).versions.policy for ctx in (job, replay)]
        assert versions == [now_ms // 1_000] * 2
