"""6 Policy checks: what a policy may say; one that says more is refused, and the one before stays.

Whoever can write to the topic could otherwise make a campaign bid for ever. Fields that this build
does not know are none of its business.
"""

from __future__ import annotations

from models.exploration import ONE
from schemas.ids import MILLION, SITE
from schemas.policy import Policy, Quality

CAMPAIGNS_MAX = 1_000
NAMES_MAX = 64
NAME_MAX = 128
WEIGHT_PPM_MAX = 10 * MILLION
"""Base or weight of a quality: ten times the worth of a conversion, either way."""

FLOOR_PPM_MAX = 200_000
GAMMA_MILLI_MAX = ONE
SNAPSHOT_MAX = 1 << 20


class PolicyRefused(ValueError):
    """A policy with a number or a name that none may have; the message names the field."""


def checked(policy: Policy) -> Policy:
    """The same policy. Raises PolicyRefused."""
    _require(SITE.fullmatch(policy.site) is not None, "site: is no name of a site")
    _require(0 <= policy.explore_floor_ppm <= FLOOR_PPM_MAX, "explore_floor_ppm: out of range")
    _require(0 <= policy.explore_gamma_milli <= GAMMA_MILLI_MAX, "explore_gamma_milli: too large")
    _require(len(policy.snapshot) <= SNAPSHOT_MAX, "snapshot: too large")
    for name in ("pacing_ppm", "qualities"):
        ids = getattr(policy, name)
        _require(len(ids) <= CAMPAIGNS_MAX, f"{name}: more campaigns than {CAMPAIGNS_MAX}")
        _require(all(0 < len(each) <= NAME_MAX for each in ids), f"{name}: a name is too long")
    for campaign_id, quality in policy.qualities.items():
        _check(campaign_id, quality)
    return policy


def _check(campaign_id: str, quality: Quality) -> None:
    weights = (quality.base_ppm, *quality.response.values())
    absurd = max(map(abs, weights)) > WEIGHT_PPM_MAX
    _require(not absurd, f"{campaign_id}: a weight is beyond {WEIGHT_PPM_MAX} ppm")
    _require(len(quality.response) <= NAMES_MAX, f"{campaign_id}: more names than {NAMES_MAX}")
    _require(quality.rewards >= 0, f"{campaign_id}: rewards below 0")
    ordered = quality.lower_ppm <= quality.mean_ppm <= quality.upper_ppm
    _require(ordered, f"{campaign_id}: the mean is outside its bounds")


def _require(holds: bool, complaint: str) -> None:
    if not holds:
        raise PolicyRefused(complaint)
