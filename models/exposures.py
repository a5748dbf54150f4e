"""7 Exposures: caps, one action a stage, reservations and what releases them.

A decision reserves its caps and its stage at once; the impression confirms. An unconfirmed
reservation lapses when read later than its expiry + 10 s, and a later impression still books. A
withheld winner counts as shown, so that people in a holdout meet the same auctions.
"""

from __future__ import annotations

from schemas.decision import Decision
from schemas.event import Event
from schemas.ids import short_hash
from schemas.profile import EXPOSURES_MAX, Exposure, Profile

RESERVED, SHOWN, WITHHELD, HELD, RELEASED = 0, 1, 2, 3, 4
LAPSE_MS = 10_000
DAY_MS = 24 * 3600 * 1000
FALLBACK = "fallback"


def counts_now(exposure: Exposure, now_ms: int) -> bool:
    """Whether this exposure uses up caps and its stage."""
    if exposure.state in (SHOWN, WITHHELD):
        return True
    if exposure.state == HELD:
        return now_ms <= exposure.expires_ms
    return exposure.state == RESERVED and now_ms <= exposure.expires_ms + LAPSE_MS


def active(profile: Profile, now_ms: int) -> list[Exposure]:
    """Exposures that count now."""
    return [each for each in profile.exposures if counts_now(each, now_ms)]


def add(profile: Profile, exposure: Exposure) -> None:
    """Remember one more; beyond the bound those that no longer count go first."""
    kept = [*profile.exposures, exposure]
    if len(kept) > EXPOSURES_MAX:
        now_ms = exposure.decided_ms
        drop = next((each for each in kept if not counts_now(each, now_ms)), kept[0])
        kept = [each for each in kept if each is not drop]
    profile.exposures = kept


def reserved(decision: Decision, stage_entry: int, session: int, *, withheld: bool) -> Exposure:
    """The reservation of a decision's winner."""
    return Exposure(
        slot_id=decision.slot_id,
        decision=short_hash(decision.decision_id),
        campaign_id=decision.campaign_id,
        placement=decision.placement,
        session=session,
        stage_entry=stage_entry,
        tab=short_hash(decision.session_id, decision.tab_id),
        decided_ms=decision.decided_at_ms,
        expires_ms=decision.expires_at_ms,
        state=WITHHELD if withheld else RESERVED,
    )


def release_held(profile: Profile, session_id: str, tab_id: str) -> None:
    """The tab's next decision releases the fallback that its last one held."""
    tab = short_hash(session_id, tab_id)
    profile.exposures = [
        each for each in profile.exposures if not (each.state == HELD and each.tab == tab)
    ]


def cancel(profile: Profile, now_ms: int) -> tuple[str, ...]:
    """A purchase withdraws what is on screen or on its way; returns the slots."""
    slots = []
    for exposure in profile.exposures:
        running = exposure.state in (RESERVED, SHOWN) and now_ms <= exposure.expires_ms
        if running and not exposure.dismissed:
            slots.append(exposure.slot_id)
        if exposure.state in (RESERVED, HELD):
            exposure.state = RELEASED
    return tuple(slots)


def outcome(profile: Profile, event: Event) -> bool:
    """Book an impression, click, dismissal or conversion; False if its slot is unknown."""
    exposure = _find(profile, event)
    if exposure is None:
        return False
    if event.type == "impression":
        if exposure.state != SHOWN:
            profile.session.shown += 1
        exposure.state = SHOWN
    elif event.type == "action_click":
        exposure.clicked = True
    elif event.type == "dismiss":
        exposure.dismissed = True
    return True


def _find(profile: Profile, event: Event) -> Exposure | None:
    """By slot; a fallback is found by the decision that carried it, and takes over the slot."""
    if event.source_shown == FALLBACK:
        carrier = short_hash(event.decision_id or "")
        for exposure in profile.exposures:
            if exposure.state == HELD and exposure.decision == carrier:
                _release_slot(profile, event.slot_id)
                exposure.slot_id = event.slot_id or exposure.slot_id
                return exposure
    for exposure in reversed(profile.exposures):
        if exposure.slot_id == event.slot_id and exposure.state != WITHHELD:
            return exposure
    return None


def _release_slot(profile: Profile, slot_id: str | None) -> None:
    for exposure in profile.exposures:
        if exposure.slot_id == slot_id and exposure.state == RESERVED:
            exposure.state = RELEASED
