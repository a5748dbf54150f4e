"""7 Withholding: who gets nothing so that the effect can be measured, or until a site is live.

The site's holdout, observe mode, the share not reached by a rollout, and the winner's own holdout
all withhold: the auction has run, and the winner counts as shown. Draws are hashes of the user key
under the site's secret salt and the purpose, so that nobody can choose a side, assignments of two
experiments are independent, and a larger rollout only adds people.
"""

from __future__ import annotations

from schemas.campaign import Campaign
from schemas.decision import Withholding
from schemas.ids import MILLION, draw_ppm
from schemas.site import OBSERVE, Site

HOLDOUT, ROLLOUT, CAMPAIGN_HOLDOUT = "holdout", "rollout", "campaign_holdout"


def drawn(site: Site, user_key: str, winner: Campaign | None) -> Withholding:
    """A visitor's draws, each with the share it is held against; none is taken at a full share."""
    share = winner.holdout_ppm if winner is not None else 0
    return Withholding(
        draw_ppm(site.salt, HOLDOUT, user_key) if site.holdout_ppm else 0,
        site.holdout_ppm,
        draw_ppm(site.salt, ROLLOUT, user_key) if site.rollout_ppm < MILLION else 0,
        site.rollout_ppm,
        draw_ppm(site.salt, HOLDOUT, winner.id, user_key) if winner is not None and share else 0,
        share,
    )


def withheld(mode: str, drawn: Withholding) -> str:
    """Why this visitor may not see the winner, or an empty string."""
    if drawn.holdout_draw_ppm < drawn.holdout_ppm:
        return HOLDOUT
    if mode == OBSERVE:
        return OBSERVE
    if drawn.rollout_draw_ppm >= drawn.rollout_ppm:
        return ROLLOUT
    if drawn.campaign_draw_ppm < drawn.campaign_holdout_ppm:
        return CAMPAIGN_HOLDOUT
    return ""
