"""7 Exposures: caps, one action a stage, reservations and what releases them.

A decision reserves its caps and its stage at once; the impression confirms. An unconfirmed
reservation lapses when read later than its expiry + 10 s, and a later impression still books. A
withheld winner counts as shown, so that people in a holdout meet the same auctions.
"""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct

from schemas.campaign import EMAIL, ON_SITE
from schemas.event import Event
from schemas.exposure import (
    DAY_MS,
    EXPOSURES_MAX,
    HELD,
    LAPSE_MS,
    OF_CHANNEL,
    RELEASED,
    RESERVED,
    REST,
    SHOWN,
    WITHHELD,
    Exposure,
    counts_now,
    given_of,
    retired,
)
from schemas.ids import short_hash
from schemas.profile import Profile

FALLBACK = "fallback"


class Used(Struct, frozen=True):
    """What counts against caps: this session, the last 24 hours, ever; by campaign or channel.

    A campaign that was never folded by name has at least what REST has.
    """

    session: dict[str, int]
    day: dict[str, int]
    ever: dict[str, int]

    def of(self, name: str) -> tuple[int, int, int]:
        """(session, day, ever) of a campaign id or of `channel_name`."""
        if name not in self.ever and name[:1] != OF_CHANNEL:
            name = REST
        return self.session.get(name, 0), self.day.get(name, 0), self.ever.get(name, 0)

    def book(self, name: str, session: int, day: int, ever: int) -> None:
        """Count more of one name."""
        before = self.of(name)
        self.session[name] = before[0] + session
        self.day[name] = before[1] + day
        self.ever[name] = before[2] + ever


def channel_name(channel: str) -> str:
    """The name under which a channel is counted; an exposure writes the site itself as empty."""
    return OF_CHANNEL if channel == ON_SITE else OF_CHANNEL + channel


def used(profile: Profile, now_ms: int) -> Used | None:
    """What counts against caps; None if nothing was ever given.

    Reservations, held fallbacks and what is withheld count like impressions.
    """
    if not profile.exposures and not profile.given:
        return None
    return counted(profile.exposures, profile.given, profile.session.number, now_ms)


def counted(exposures: list[Exposure], given: bytes, number: int, now_ms: int) -> Used:
    """What these exposures and tallies count in session `number`."""
    out = Used({}, {}, {})
    for tally in given_of(given) if given else ():
        today = tally.in_day if now_ms - tally.newest_ms < DAY_MS else 0
        out.book(tally.name, tally.in_session * (tally.session == number), today, tally.in_all)
    for exposure in exposures:
        if counts_now(exposure, now_ms):
            same, today = exposure.session == number, now_ms - exposure.decided_ms < DAY_MS
            out.book(exposure.campaign_id, same, today, 1)
            out.book(channel_name(exposure.channel), same, today, 1)
    return out


def acted_in_stage(profile: Profile, now_ms: int) -> bool:
    """Whether this stage of the session has had its action; a message is none."""
    session = profile.session
    return any(
        exposure.session == session.number
        and exposure.placement != EMAIL
        and exposure.stage_entry == session.stage_entry
        and counts_now(exposure, now_ms)
        for exposure in profile.exposures
    )


def shown_in_session(profile: Profile) -> int:
    """Impressions of this session, withheld ones included: the frequency part of the reserve."""
    number = profile.session.number
    count = sum(
        each.session == number and each.state in (SHOWN, WITHHELD) for each in profile.exposures
    )
    for tally in given_of(profile.given) if profile.given else ():
        if tally.name[:1] == OF_CHANNEL and tally.session == number:
            count += tally.in_session
    return count


def add(profile: Profile, exposure: Exposure) -> None:
    """Remember one more; beyond the bound one goes, and is folded if it counts."""
    profile.exposures = [*profile.exposures, exposure]
    if len(profile.exposures) > EXPOSURES_MAX:
        profile.exposures, profile.given = retired(
            profile.exposures, profile.given, EXPOSURES_MAX, exposure.decided_ms
        )


def release_held(profile: Profile, session_id: str, tab_id: str, now_ms: int) -> None:
    """The tab's next decision releases the fallback that its last one held.

    It is kept for LAPSE_MS: its impression may be on the way, and must find it to be booked.
    """
    kept = []
    tab = None
    for exposure in profile.exposures:
        if exposure.state == HELD:
            tab = tab if tab is not None else short_hash(session_id, tab_id)
            if exposure.tab == tab:
                exposure.state = RELEASED
                exposure.expires_ms = now_ms + LAPSE_MS
        elif exposure.state == RELEASED and not exposure.slot_id and now_ms > exposure.expires_ms:
            continue
        kept.append(exposure)
    profile.exposures = kept


def cancel(profile: Profile, now_ms: int, among: Collection[str] | None = None) -> tuple[str, ...]:
    """Withdraw what is on screen or on its way, of these campaigns or all; returns the slots."""
    slots = []
    for exposure in profile.exposures:
        if among is not None and exposure.campaign_id not in among:
            continue
        running = exposure.state in (RESERVED, SHOWN) and now_ms <= exposure.expires_ms
        if running and exposure.placement != EMAIL and not exposure.dismissed:
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
            if not exposure.slot_id and exposure.decision == carrier:
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
