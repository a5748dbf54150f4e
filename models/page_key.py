"""3 Page keys: without consent nothing outlives the page but dedup and counts."""

from __future__ import annotations

from models.recurrence import forget
from schemas.burst import Burst
from schemas.outreach import Outreach
from schemas.profile import Profile, Session, Tally


def clear_page(profile: Profile) -> None:
    """Forget what the visitor did on the page that has just been left."""
    profile.tally, profile.session, profile.tabs = Tally(), Session(), []
    profile.exposures, profile.burst, profile.outreach = [], Burst(), Outreach()
    profile.graph = profile.seen = profile.origin = profile.given = b""
    profile.interest_top = profile.interest_sum = 0
    profile.concepts, profile.scores, profile.trends = [], [], []
    forget(profile)
