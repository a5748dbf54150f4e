"""Every learner passes the shared list; each promise of the linear one, against naive oracles."""

from __future__ import annotations

import doctest
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from models import beta_bernoulli, change, exploration, learner, learning, pacing, rule_table
from models.beta_bernoulli import BetaBernoulli
from models.learner import Arm, gamma_milli
from models.learning import COMPARED_MIN, Ridge
from models.ridge import fit, solved
from models.rule_table import RuleTable
from schemas.reward import NOTHING, Reward
from tests.models import learner_checks
from tests.models.learner_checks import ARMS, RATES, WORTH, rewards, taught

MODULES = (beta_bernoulli, change, exploration, learner, learning, pacing, rule_table)
LEARNERS: dict[str, Any] = {"ridge": Ridge, "beta": BetaBernoulli, "rules": RuleTable}
CHECKS = list(learner_checks.checks())


@pytest.mark.promise("C64")
@pytest.mark.parametrize("check", CHECKS, ids=[each.__name__ for each in CHECKS])
@pytest.mark.parametrize("name", LEARNERS)
def test_the_learner(name: str, check: Callable[[Any], Any]) -> None:
    assert check(LEARNERS[name]) is None, "it raises where it fails"


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_are_true(module: Any) -> None:
    found = doctest.testmod(module)
    assert found.attempted and not found.failed


def test_the_regression_is_that_of_one_big_least_squares_problem() -> None:
    """Blocks eliminated by hand, and numpy on all unknowns at once."""
    rng, size, arms, prior = np.random.default_rng(5), 4, 3, 7.0
    rows = [rng.random((n, size)) for n in (50, 30, 40, 1)]
    ys = [rng.random(len(each)) for each in rows]
    expected = rng.random((arms, size))
    grams = np.array([x.T @ x for x in rows])
    sums = np.array([x.T @ y for x, y in zip(rows, ys, strict=True)])
    got = fit(grams, sums, expected, prior)
    left, right = np.zeros((size * (arms + 1),) * 2), np.zeros(size * (arms + 1))
    for at, (x, y) in enumerate(zip(rows, ys, strict=True)):
        wide = np.zeros((len(x), size * (arms + 1)))
        wide[:, :size] = x
        if at:
            wide[:, size * at : size * (at + 1)] = x
        left += wide.T @ wide
        right += wide.T @ y
    ridge = np.array([1.0] * size + [prior] * size * arms)
    right += np.concatenate([np.zeros(size), prior * expected.ravel()])
    inverse = np.linalg.inv(left + np.diag(ridge))
    want = inverse @ right
    np.testing.assert_allclose(got.shared, want[:size], rtol=1e-9)
    np.testing.assert_allclose(got.deltas.ravel(), want[size:], rtol=1e-9)
    for at in range(arms):
        block = slice(size * (at + 1), size * (at + 2))
        np.testing.assert_allclose(got.spread[at], inverse[block, block], rtol=1e-9)


def test_elimination_solves() -> None:
    rng = np.random.default_rng(6)
    roots = rng.random((5, 6, 6))
    matrices = roots @ roots.transpose(0, 2, 1) + np.eye(6)
    right = rng.random((5, 6, 2))
    np.testing.assert_allclose(solved(matrices, right), np.linalg.solve(matrices, right))


def test_a_campaign_that_helps_some_and_harms_others_gets_weights_of_both_signs() -> None:
    rng, many = random.Random(4), []
    for n in range(8_000):
        risk, arm = rng.random(), ("GOOD", NOTHING)[n % 2]
        rate = 0.1 + (0.2 * risk - 0.1 if arm else 0.0)
        bought = rng.random() < rate
        many.append(
            Reward(
                decision_id=f"{n}",
                user_key=f"u{n}",
                campaign_id=arm,
                context={"risk": round(risk * 1_000_000)},
                reward_micros=WORTH * bought,
            )
        )
    state = taught(Ridge(ARMS), many)
    found = Ridge(ARMS).qualities(state)["GOOD"]
    assert -150_000 < found.base_ppm < -50_000
    assert 120_000 < found.response["risk"] < 280_000


def test_a_withheld_winner_teaches_doing_nothing() -> None:
    """The same people, once withheld and once decided to get nothing: the same bytes."""
    nothing = [each for each in rewards(300) if not each.arm]
    held = [replace(each, campaign_id="GOOD", withheld="holdout") for each in nothing]
    learner = Ridge(ARMS)
    assert learner.dump(taught(learner, held)) == learner.dump(taught(learner, nothing))


def test_margin_counts_and_not_conversions() -> None:
    """A discount that sells as often at half the margin is worth less than nothing."""
    arms = (Arm("HALF", WORTH // 2), Arm("SAME", WORTH))
    names = ("HALF", "SAME", NOTHING)
    many = [
        Reward(
            decision_id=f"{n:06d}",
            user_key=f"u{n}",
            campaign_id=names[n % 3],
            converted=n // 3 % 10 < 3,
            reward_micros=(WORTH // 2 if n % 3 == 0 else WORTH) * (n // 3 % 10 < 3),
        )
        for n in range(9_000)
    ]
    found = Ridge(arms).qualities(taught(Ridge(arms), many))
    assert found["HALF"].upper_ppm < 0 and found["SAME"].mean_ppm == 0


def test_what_helps_nobody_does_not_bid() -> None:
    """Noise that a campaign's own noise explains is not taken for an effect, in most cases."""
    flat = dict.fromkeys(RATES, 0.1)
    bidding = 0
    for seed in range(10):
        found = Ridge(ARMS).qualities(taught(Ridge(ARMS), rewards(9_000, seed, flat)))
        bidding += sum(q.base_ppm + sum(q.response.values()) // 2 > 0 for q in found.values())
        assert all(each.lower_ppm < 10_000 for each in found.values())
    assert bidding <= 2


@pytest.mark.parametrize(
    ("propensity_ppm", "withheld", "weight"),
    [
        (1_000_000, "", 1.0),
        (250_000, "", 2.0),
        (1, "", 8.0),
        (0, "", 1.0),
        (250_000, "holdout", 1.0),
    ],
)
def test_who_was_drawn_seldom_weighs_more(
    propensity_ppm: int, withheld: str, weight: float
) -> None:
    """In every sum alike, at most so much, and not where nothing was drawn; it counts once."""
    bought = Reward(
        decision_id="d",
        user_key="u",
        campaign_id="GOOD",
        propensity_ppm=propensity_ppm,
        withheld=withheld,
        reward_micros=WORTH,
    )
    learner = Ridge(ARMS)
    arm = learner.learn(learner.empty(), [bought]).arms[bought.arm]
    money = WORTH / 1_000_000
    found = arm.weight, arm.mass, arm.sums.tolist(), arm.squares
    assert found == (1.0, weight, [weight * money], weight * money * money)


def test_what_was_true_is_forgotten() -> None:
    """After a change of taste the campaigns change places."""
    swapped = {"GOOD": RATES["POOR"], "POOR": RATES["GOOD"], NOTHING: RATES[NOTHING]}
    learner = Ridge(ARMS, discount=0.999)
    later = [replace(each, user_key="l" + each.user_key) for each in rewards(4_000, 2, swapped)]
    state = taught(learner, rewards(4_000))
    for at in range(0, len(later), 100):
        state = learner.learn(state, later[at : at + 100])
    found = learner.qualities(state)
    assert found["GOOD"].mean_ppm < 0 < found["POOR"].lower_ppm


def test_gamma_grows_as_the_root_of_rewards() -> None:
    """Discounted weight counts in full: the second reward changes it though 1.9999 is no 2."""
    assert [gamma_milli(n) for n in (0, 1, 4, 100)] == [0, 3_000, 6_000, 30_000]
    assert gamma_milli(1.9999) > gamma_milli(1.0)


def test_a_handful_of_predictions_tells_no_calibration() -> None:
    """Each epoch's one buyer was not foreseen: by chance before COMPARED_MIN, an error after."""
    learner, state = Ridge(ARMS), taught(Ridge(ARMS), [])
    seen = []
    for at in range(int(COMPARED_MIN) + 2):
        bought = Reward(
            slot_id=f"s{at}",
            decision_id=f"d{at}",
            user_key=f"u{at}",
            campaign_id="GOOD",
            reward_micros=WORTH,
        )
        state = learner.learn(state, [bought])
        seen.append(learner.ece_ppm(state))
    assert set(seen[: int(COMPARED_MIN)]) == {0}
    assert seen[-1] > 0
