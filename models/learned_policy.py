"""10 Learned policy: what a learner's state says to the auction, as the record to publish."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from models.learner import FLOOR_PPM, Learner, gamma_milli
from models.trust import doubt
from schemas.policy import Policy


def learned(before: Policy, learner: Learner[Any], state: Any, until_ms: int) -> Policy:
    """The policy `before` with what is known now, all rewards before `until_ms` (engine) included.

    Pacing, version, effective time and the count of rewards are the publisher's. A held policy
    keeps its qualities.
    """
    if before.held:
        return replace(before, learned_until_ms=until_ms)
    qualities, ece_ppm = learner.qualities(state), learner.ece_ppm(state)
    weight = learner.weight(state)
    return replace(
        before,
        qualities=qualities,
        explore_gamma_milli=gamma_milli(weight),
        explore_floor_ppm=FLOOR_PPM,
        fallback_reason=doubt(learner.arms, qualities, ece_ppm),
        learned_until_ms=until_ms,
        ece_ppm=ece_ppm,
    )
