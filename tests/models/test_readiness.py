"""Readiness: no action shows before calibration is measured on the site's own outcomes."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from models.learned_policy import learned
from models.learner import Arm
from models.learning import Ridge
from models.readiness import OUTCOMES_MIN, missing, shown_ppm
from schemas.policy import Policy
from schemas.reward import Reward
from schemas.site import LIVE, OBSERVE, Site

CASES = [
    (None, "0 of 1000 outcomes"),
    (Policy(), "0 of 1000 outcomes"),
    (Policy(rewards=999), "999 of 1000 outcomes"),
    (Policy(rewards=999, ece_ppm=90_000), "999 of 1000 outcomes"),
    (Policy(rewards=1_000, ece_ppm=50_001), "5.0 % off in 1000 outcomes of its own, not 5 %"),
    (Policy(rewards=1_000, ece_ppm=72_000), "7.2 % off"),
    (Policy(rewards=1_000, ece_ppm=50_000), ""),
    (Policy(rewards=9_000, ece_ppm=1), ""),
]


@pytest.mark.parametrize(("policy", "said"), CASES)
def test_what_is_missing(policy: Policy | None, said: str) -> None:
    found = missing(policy)
    assert (said in found) if said else found == ""


@pytest.mark.parametrize(
    ("mode", "rollout_ppm", "share_ppm"),
    [(OBSERVE, 1_000_000, 0), (LIVE, 0, 0), (LIVE, 100_000, 100_000)],
)
def test_the_share_that_may_see_actions(mode: str, rollout_ppm: int, share_ppm: int) -> None:
    assert shown_ppm(Site(mode=mode, rollout_ppm=rollout_ppm)) == share_ppm


def observed(count: int, every: int) -> Policy:
    """What learning says of a site in observe: every so-manieth visitor orders for 10."""
    learner, policy = Ridge((Arm("A", 10_000_000, 10_000),)), Policy()
    state = learner.empty()
    for first in range(0, count, 50):
        epoch = [
            Reward(
                decision_id=f"d{n:06}",
                user_key=f"shop:v:{n:032x}",
                campaign_id="A",
                withheld=OBSERVE,
                reward_micros=10_000_000 * (n % every == 0),
            )
            for n in range(first, min(first + 50, count))
        ]
        state = learner.learn(state, epoch)
        policy = replace(learned(policy, learner, state, first + 50), rewards=first + 50)
    return policy


def test_a_site_that_only_watches_comes_to_be_ready() -> None:
    """Its own outcomes are enough, though nobody was shown anything."""
    assert "outcomes" in missing(observed(OUTCOMES_MIN // 2, 10))
    policy = observed(OUTCOMES_MIN * 6 // 5, 10)
    assert policy.ece_ppm > 0 and missing(policy) == ""
