"""7 Eligibility: which campaigns may bid for this slot, and the rule that removed each other.

Checks are made in the order of `REASONS`, on all campaigns of the placement at once as bit masks;
the first that fails names itself in the record. What depends on the visitor least comes first, so
that conditions, which cost most, are asked of those only who passed everything cheap.
"""

from __future__ import annotations

from msgspec import Struct, field

from models import carts
from models.catalogue import Catalogue
from models.context import View
from models.exposures import Used, acted_in_stage, channel_name, used
from models.facts import Facts
from schemas.campaign import EMAIL
from schemas.exposure import REST
from schemas.profile import Profile

REASONS = tuple(
    "paused placement bought stage_used schedule budget consent channel stand_in stage cart_left "
    "excluded cap_session cap_day cap_user cap_channel trigger when stock "
    "below_reserve outbid not_drawn".split()
)
"""Reason codes of the record, in the order of the checks; the last three are the auction's.

stand_in: it bids only in place of a campaign whose consent or channel is missing, and none is.
"""


class Sieve(Struct):
    """Masks over the catalogue: who may bid, who fails the trigger alone so far, who failed what.

    `silent` have not been asked for their condition or stock (see `for_fallback`).
    """

    eligible: int
    silent: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def drop(self, reason: str, failing: int) -> None:
        """Remove those of `failing` that are still in, for this reason."""
        gone = self.eligible & failing
        if gone:
            self.reasons[reason] = self.reasons.get(reason, 0) | gone
            self.eligible ^= gone


def sieve(profile: Profile, view: View, placement: str, trigger: str, now_ms: int) -> Sieve:
    """Sort the catalogue for one slot by all that needs no facts; `ask` is asked of the rest."""
    catalogue, market = view.catalogue, view.market
    assert catalogue is not None and market is not None
    screens = catalogue.screens
    everybody = (1 << len(catalogue.ids)) - 1
    out = Sieve(everybody)
    out.drop("paused", catalogue.paused)
    out.drop("placement", ~screens.placements.get(placement, 0))
    if profile.session.bought:
        out.drop("bought", everybody)
    elif placement != EMAIL and acted_in_stage(profile, now_ms):
        out.drop("stage_used", everybody)
    if not out.eligible:
        return out
    off = off_schedule(catalogue, now_ms)
    out.drop("schedule", off)
    out.drop("budget", market.paced.spent)
    reachable = everybody if profile.identified else screens.unaddressed
    consented = screens.consents[profile.consent]
    out.drop("consent", ~consented)
    out.drop("channel", ~reachable)
    if catalogue.stand_ins:
        missing = ~(off | catalogue.paused | consented & reachable) & everybody
        out.drop("stand_in", idle(catalogue, missing))
    out.drop("stage", ~screens.stages[profile.session.stage])
    if profile.outreach.left_in:
        standing = carts.standing(profile)
        out.drop("cart_left", carts.stopped(standing, trigger, screens.popups, screens.savers))
    counts = used(profile, now_ms)
    if counts is not None:
        caps(out, catalogue, counts)
    before = out.eligible
    out.drop("trigger", ~screens.triggers.get(trigger, screens.any_trigger))
    out.silent = before ^ out.eligible
    return out


def ask(out: Sieve, view: View, table: Facts) -> None:
    """Remove those whose condition does not hold, or whose products are sold out."""
    catalogue, market = view.catalogue, view.market
    assert catalogue is not None and market is not None
    if out.eligible:
        out.drop("when", catalogue.rules.failing(table, out.eligible))
    out.drop("stock", market.sold_out)


def for_fallback(out: Sieve, view: View, table: Facts) -> int:
    """Mask of those that may be shown if the next answer is late: all but the trigger holds."""
    catalogue, market = view.catalogue, view.market
    assert catalogue is not None and market is not None
    left = out.silent & catalogue.screens.fallbacks & ~market.sold_out
    return left & ~catalogue.rules.failing(table, left) if left else 0


def off_schedule(catalogue: Catalogue, now_ms: int) -> int:
    """Mask of the campaigns that have not begun or have ended."""
    return sum(
        bit
        for bit, starts_ms, ends_ms in catalogue.scheduled
        if now_ms < starts_ms or 0 < ends_ms <= now_ms
    )


def idle(catalogue: Catalogue, missing: int) -> int:
    """Mask of the stand-ins of whom none is missing."""
    return sum(bit for replaced, bit in catalogue.stand_ins if not replaced & missing)


def caps(out: Sieve, catalogue: Catalogue, counts: Used) -> None:
    """Exclusion groups, caps of a campaign, caps of its channel."""
    excluded = session = day = ever = 0
    names = counts.ever if REST not in counts.ever else catalogue.by_id
    for name in names:
        entry = catalogue.by_id.get(name)
        if entry is None:
            continue
        shown, today, total = counts.of(name)
        campaign, bit = entry.campaign, entry.bit
        excluded |= entry.rivals if shown else 0
        session |= bit if 0 < campaign.cap_session <= shown else 0
        day |= bit if 0 < campaign.cap_day <= today else 0
        ever |= bit if 0 < campaign.cap_user <= total else 0
    out.drop("excluded", excluded)
    out.drop("cap_session", session)
    out.drop("cap_day", day)
    out.drop("cap_user", ever)
    for cap, mask in catalogue.channels:
        shown, today, total = counts.of(channel_name(cap.channel))
        if 0 < cap.cap_session <= shown or 0 < cap.cap_day <= today or 0 < cap.cap_user <= total:
            out.drop("cap_channel", mask)
