"""Exploration: propensities that add up, a race that is fair, stable and made of integers."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest

from models.exploration import ONE, draw, minus_log2, propensities_ppm, race
from schemas.decision import Decision
from schemas.policy import Policy
from tests.builders import campaign, context, event, journey, lamp
from tests.models.test_user import play

pytestmark = pytest.mark.long

MILLION = 1_000_000
INSTANCES = 10_000
EXPLORING = Policy(site="demo", version=1, explore_gamma_milli=5_000, explore_floor_ppm=20_000)


def scores_of(rng: random.Random) -> list[int]:
    """Scores of up to ten candidates best first, doing nothing last; many ties."""
    scores = sorted((rng.randint(1, 12) for _ in range(rng.randint(1, 10))), reverse=True)
    return [*scores, rng.randint(0, scores[-1])]


@pytest.mark.promise("C59")
def test_propensities_add_up_keep_the_floor_and_follow_the_scores() -> None:
    rng = random.Random(31)
    print(f"{INSTANCES} instances, seed 31")
    for _ in range(INSTANCES):
        scores = scores_of(rng)
        floor = rng.choice((1, 20_000, 90_000, 500_000))
        shares = propensities_ppm(scores, rng.choice((0, 1_000, 3_162_000)), floor)
        assert sum(shares) == MILLION
        assert min(shares) >= min(floor, MILLION // len(scores))
        others = list(zip(scores[1:], shares[1:], strict=True))
        assert sorted(others, reverse=True) == sorted(others, key=lambda e: e[1], reverse=True)
        assert shares[0] >= max(shares[1:])


def test_without_gamma_all_arms_are_alike() -> None:
    assert propensities_ppm([9, 5, 0], 0, 1) == [333_334, 333_333, 333_333]


def test_raising_a_score_never_un_chooses_who_was_drawn() -> None:
    """At the same draws: neither by a greater share, nor by becoming the best."""
    rng = random.Random(32)
    print(f"{INSTANCES} instances, seed 32")
    for _ in range(INSTANCES):
        arms = {f"c{at}": score for at, score in enumerate(scores_of(rng)[:-1])}
        draws = {name: draw(b"salt", f"d{rng.random()}", name) for name in [*arms, ""]}
        chosen = drawn(arms, draws)
        if chosen:
            assert drawn({**arms, chosen: arms[chosen] + rng.randint(1, 12)}, draws) == chosen


def drawn(arms: dict[str, int], draws: dict[str, int]) -> str:
    """Who is drawn among arms by name, doing nothing at a score of 1 as the empty name."""
    names = [*sorted(arms, key=lambda name: (-arms[name], name)), ""]
    scores = [arms.get(name, 1) for name in names]
    shares = propensities_ppm(scores, 5_000, 20_000)
    return names[race([draws[name] for name in names], shares)]


def test_draws_come_as_often_as_their_propensity() -> None:
    """Within five standard errors over 40,000 decisions."""
    shares = propensities_ppm([100, 90, 50, 10], 5_000, 20_000)
    count: Counter[int] = Counter()
    decisions = 40_000
    for number in range(decisions):
        draws = [draw(b"salt", f"d_{number}", name) for name in ("a", "b", "c", "")]
        count[race(draws, shares)] += 1
    for at, share in enumerate(shares):
        p = share / MILLION
        assert abs(count[at] / decisions - p) < 5 * math.sqrt(p * (1 - p) / decisions)


def test_the_logarithm_is_that_of_mathematics_and_never_falls() -> None:
    rng = random.Random(33)
    numbers = sorted(
        {1, 2, 3, 2**63, 2**64 - 1, 2**64, *(rng.randint(1, 2**64) for _ in range(5_000))}
    )
    found = [minus_log2(number) for number in numbers]
    for number, got in zip(numbers, found, strict=True):
        assert abs(got / ONE - (64 - math.log2(number))) < 2**-21
    assert found == sorted(found, reverse=True)
    assert minus_log2(2**64) == 0 and minus_log2(1) == 64 * ONE


def test_a_candidate_that_joins_moves_nobody_else_s_draw() -> None:
    """Draws depend on decision and campaign alone, so they are the same in any field."""
    assert draw(b"salt", "d_1", "a") == draw(b"salt", "d_1", "a")
    assert len({draw(b"salt", d, c) for d in ("d_1", "d_2") for c in ("a", "b", "")}) == 6
    assert draw(b"salt", "d_1", "a") != draw(b"other", "d_1", "a")


def decisions_of(count: int, policy: Policy | None) -> list[Decision]:
    ctx = context(
        campaign("a", base_ppm=30_000),
        campaign("b", base_ppm=28_000),
        campaign("c", base_ppm=100),
        campaign("paused", paused=True),
        site={"reserve_micros": 50_000},
    )
    if policy is not None:
        ctx.add("policy", policy)
    return [play([event("page_view", event_id=f"e-{n}")], ctx)[0][0] for n in range(count)]


def test_without_a_policy_nothing_is_explored() -> None:
    for made in decisions_of(50, None):
        assert (made.campaign_id, made.explored, made.propensity_ppm) == ("a", False, MILLION)
        assert (made.nothing.propensity_ppm, made.candidates[0].draw) == (0, 0)


@pytest.mark.promise("C59", "M27")
def test_a_policy_explores_among_those_worth_more_than_nothing_and_the_record_recomputes_it() -> (
    None
):
    """The least draw / propensity is chosen; an explored one owes the reserve."""
    seen: Counter[str] = Counter()
    for made in decisions_of(300, EXPLORING):
        seen[made.campaign_id] += 1
        arms = [each for each in made.candidates if each.propensity_ppm]
        assert [each.campaign_id for each in arms] == ["a", "b"]
        race_of = {each.campaign_id: each.draw / each.propensity_ppm for each in arms}
        race_of[""] = made.nothing.draw / made.nothing.propensity_ppm
        assert made.campaign_id == min(race_of, key=race_of.__getitem__)
        assert sum(each.propensity_ppm for each in arms) + made.nothing.propensity_ppm == MILLION
        assert made.explored == (made.campaign_id != "a")
        if made.campaign_id == "b":
            assert made.price_micros == -(-50_000 * MILLION // 28_000)
            assert [each.reason for each in made.candidates] == [
                "not_drawn",
                "won",
                "below_reserve",
            ]
        if not made.campaign_id:
            assert (made.reason, made.fallback_reason, made.price_micros) == ("explored",) * 2 + (
                0,
            )
    assert set(seen) == {"a", "b", ""}


def test_an_override_at_checkout_is_never_explored_away() -> None:
    ctx = context(campaign("pay", priority_override="checkout", base_ppm=9_000), campaign("b"))
    ctx.add("policy", EXPLORING)
    for number in range(40):
        made, _ = play(
            journey(
                ("add_to_cart", 0, {"product": lamp(), "event_id": f"x-{number}"}),
                ("checkout_start", 60_000, {"event_id": f"y-{number}"}),
            ),
            ctx,
        )
        assert made[-1].trigger.kind == "checkout_start"
        assert (made[-1].campaign_id, made[-1].explored) == ("pay", False)
        assert made[-1].candidates[0].override
