"""7 Eligibility: which campaigns may bid for this slot, and the rule that removed each other.

The first check that fails names itself in the record, in the order of `REASONS`. The trigger is
checked last: who fails only that may still serve as a fallback for a later trigger.
"""

from __future__ import annotations

from msgspec import Struct

from models.context import Catalogue, Entry, View
from models.exposures import DAY_MS, SHOWN, WITHHELD, active
from models.facts import Facts
from schemas.profile import Exposure, Profile

REASONS = tuple(
    "paused placement bought stage_used schedule consent stage excluded cap_session cap_day "
    "when stock trigger below_reserve outbid".split()
)
"""Reason codes of the record, in the order of the checks; the last two come from the auction."""


class Field(Struct):
    """Who may bid, who fails the trigger alone, and a bit mask of campaigns per reason."""

    eligible: list[Entry]
    other_trigger: list[Entry]
    reasons: dict[str, int]


class _Used(Struct, frozen=True):
    """What running exposures have used up: impressions by campaign, and exclusion groups."""

    session: dict[str, int]
    day: dict[str, int]
    groups: dict[str, set[str]]


def field(
    profile: Profile, view: View, table: Facts, placement: str, trigger: str, now_ms: int
) -> Field:
    """Sort the catalogue for one slot. Reservations count like impressions."""
    catalogue = view.catalogue
    assert catalogue is not None
    entries = catalogue.by_placement.get(placement, ())
    out = Field([], [], _elsewhere(catalogue, placement))
    blanket = _blanket(profile, now_ms)
    if blanket:
        if entries:
            out.reasons[blanket] = sum(entry.bit for entry in entries)
        return out
    used = _used(profile, catalogue, now_ms)
    stage, consent = 1 << profile.session.stage, profile.consent
    for entry in entries:
        refused = _refusal(entry, view, table, used, stage, consent, now_ms)
        if refused:
            out.reasons[refused] = out.reasons.get(refused, 0) | entry.bit
        elif entry.on and trigger not in entry.on:
            out.reasons["trigger"] = out.reasons.get("trigger", 0) | entry.bit
            out.other_trigger.append(entry)
        else:
            out.eligible.append(entry)
    return out


def _elsewhere(catalogue: Catalogue, placement: str) -> dict[str, int]:
    reasons = {"paused": catalogue.paused} if catalogue.paused else {}
    for name, entries in catalogue.by_placement.items():
        if name != placement:
            bits = sum(entry.bit for entry in entries)
            reasons["placement"] = reasons.get("placement", 0) | bits
    return reasons


def _blanket(profile: Profile, now_ms: int) -> str:
    """A reason that removes everybody at once: bought, or the stage has had its action."""
    session = profile.session
    if session.bought:
        return "bought"
    for exposure in active(profile, now_ms):
        if exposure.session == session.number and exposure.stage_entry == session.stage_entry:
            return "stage_used"
    return ""


def _used(profile: Profile, catalogue: Catalogue, now_ms: int) -> _Used:
    used = _Used({}, {}, {})
    for exposure in active(profile, now_ms):
        name = exposure.campaign_id
        if now_ms - exposure.decided_ms < DAY_MS:
            used.day[name] = used.day.get(name, 0) + 1
        if exposure.session == profile.session.number:
            used.session[name] = used.session.get(name, 0) + 1
            entry = catalogue.by_id.get(name)
            for group in entry.groups if entry else ():
                used.groups.setdefault(group, set()).add(name)
    return used


def _refusal(
    entry: Entry, view: View, table: Facts, used: _Used, stage: int, consent: int, now_ms: int
) -> str:
    """The first reason against this campaign, or an empty string if it may bid."""
    campaign = entry.campaign
    if now_ms < campaign.starts_at_ms or 0 < campaign.ends_at_ms <= now_ms:
        return "schedule"
    if entry.needs & ~consent:
        return "consent"
    if not entry.stages & stage:
        return "stage"
    if used.groups and any(used.groups.get(group, set()) - {campaign.id} for group in entry.groups):
        return "excluded"
    if 0 < campaign.cap_session <= used.session.get(campaign.id, 0):
        return "cap_session"
    if 0 < campaign.cap_day <= used.day.get(campaign.id, 0):
        return "cap_day"
    if entry.rule is not None and not entry.rule.holds(table):
        return "when"
    if campaign.render.products and _sold_out(entry, view):
        return "stock"
    return ""


def _sold_out(entry: Entry, view: View) -> bool:
    by_id = view.assortment.by_id
    named = [by_id.get(product.id) for product in entry.campaign.render.products]
    return all(product is not None and product.stock == 0 for product in named)


def shown_in_session(profile: Profile) -> int:
    """Impressions of this session, withheld ones included: the frequency part of the reserve."""
    number = profile.session.number
    return sum(_counts(each) and each.session == number for each in profile.exposures)


def _counts(exposure: Exposure) -> bool:
    return exposure.state in (SHOWN, WITHHELD)
