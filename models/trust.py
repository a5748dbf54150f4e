"""6 and 10 Trust: whether learned qualities bid, or what each campaign's owner expects.

Learning judges its snapshot as it publishes it, the decision job judges its age:

uncalibrated  predictions were further from what came than ECE_MAX_PPM;
unproven      no campaign's lower bound beats doing nothing, noise drew all that was found of them
              to nothing, and some owner's expectation is not refuted either: there are too few
              rewards to overrule anybody. Once all expectations are above their upper bounds,
              nothing helps, and doing nothing is what was learned;
stale         nothing was learned for STALE_MS of engine time.

Who holds a policy has decided: it does not age, and its qualities bid whatever learning said of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from models.learner import Arm
from schemas.policy import Policy, Quality

ECE_MAX_PPM = 50_000
STALE_MS = 600_000
NEVER_MS = 1 << 62
UNCALIBRATED, UNPROVEN, STALE = "uncalibrated", "unproven", "stale"


def doubt(arms: tuple[Arm, ...], qualities: Mapping[str, Quality], ece_ppm: int) -> str:
    """Why owners' expectations are to bid instead of these; empty for no reason."""
    if ece_ppm > ECE_MAX_PPM:
        return UNCALIBRATED
    known = [(arm, qualities[arm.campaign_id]) for arm in arms if arm.campaign_id in qualities]
    if not known or any(each.lower_ppm > 0 or _found(each) for _, each in known):
        return ""
    return UNPROVEN if any(_open(arm, each) for arm, each in known) else ""


def _found(quality: Quality) -> bool:
    """Whether anything is left of what its rewards say: noise may have drawn it to nothing."""
    return quality.rewards > 0 and (quality.base_ppm != 0 or any(quality.response.values()))


def _open(arm: Arm, quality: Quality) -> bool:
    """Whether what the owner expects, at scores of one half, may still be true."""
    expected_ppm = arm.base_ppm + sum(arm.response.values()) // 2
    return quality.rewards == 0 or 0 < expected_ppm <= quality.upper_ppm


def qualities_in_force(policy: Policy | None, now_ms: int) -> Mapping[str, Quality]:
    """The learned qualities that bid at this engine time; none where owners' expectations do."""
    if policy is None or fallback_reason(policy, now_ms):
        return {}
    return policy.qualities


def fallback_reason(policy: Policy, now_ms: int) -> str:
    """Why a policy's qualities do not bid at this engine time; empty while they do."""
    if policy.held or not policy.qualities:
        return ""
    return policy.fallback_reason or (STALE if now_ms >= stale_from_ms(policy) else "")


def stale_from_ms(policy: Policy) -> int:
    """The engine time from which a policy's qualities are stale; never for one without or held."""
    if policy.held or not policy.qualities:
        return NEVER_MS
    return max(policy.learned_until_ms, policy.effective_at_ms) + STALE_MS
