"""10 Readiness: whether a site has measured enough of its own to let actions show.

Learning predicts each outcome before it learns it, that of people who get nothing too. So a site
in `observe` measures how far its predictions are from what its own visitors do, and shows nothing.
"""

from __future__ import annotations

from msgspec.structs import replace

from models.trust import ECE_MAX_PPM
from schemas.ids import MILLION
from schemas.policy import Policy
from schemas.site import LIVE, Site

OUTCOMES_MIN = 1_000
"""Outcomes below which no calibration error is worth a word."""


def missing(policy: Policy | None) -> str:
    """What the site's newest policy still lacks; empty where calibration is measured and good."""
    outcomes = 0 if policy is None else policy.rewards
    if policy is None or outcomes < OUTCOMES_MIN:
        return f"calibration is not measured: {outcomes} of {OUTCOMES_MIN} outcomes of its own"
    if policy.ece_ppm > ECE_MAX_PPM:
        off, most = policy.ece_ppm * 100 / MILLION, ECE_MAX_PPM * 100 / MILLION
        return f"predictions are {off:.1f} % off in {outcomes} outcomes of its own, not {most:g} %"
    return ""


def shown_ppm(site: Site) -> int:
    """The share of a site's visitors who may see actions."""
    return site.rollout_ppm if site.mode == LIVE else 0


def marked(site: Site, before_ppm: int, lacking: str) -> Site:
    """The site with `forced` true where more may see actions than before, and something lacks.

    It stays as it is while the share only falls, and ends when nobody sees actions any more.
    """
    share_ppm = shown_ppm(site)
    if share_ppm > before_ppm:
        return replace(site, forced=bool(lacking))
    return site if share_ppm else replace(site, forced=False)
