"""8 Outreach: which messages follow a visitor outside the page, when, and what withdraws them.

1. A burst fires at most once: in the session, when the trigger rules say so and the signal that
   got there has been quiet for `debounce`; or at its close; or, where the session ended over a
   filled cart, half an hour after its last event. The next such moment is one deadline of engine
   time in the profile.
2. A trigger asks the one selector for a decision, placement `email`: consent, caps, holdout and
   auction are those of the page, and the record explains what came of it. The visitor's arm then
   says when the message is due (models/mail_arms.py).
3. A purchase, a return in a later burst or withdrawn consent takes back what is not yet due. What
   happens at the very millisecond at which it is due still does.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from models import carts
from models.burst import closes_at_ms
from models.catalogue import Catalogue
from models.context import View
from models.mail_arms import EXIT, GAP, NOBODY, arm_of, due_ms
from models.session import SESSION_GAP_MS
from models.trigger_rules import (
    AT_CLOSE,
    CART_ABANDONED,
    IN_SESSION,
    NO_TRIGGER,
    TriggerRule,
    rule_of,
)
from models.vocabulary import CODES, CUSTOM
from schemas.campaign import EMAIL
from schemas.decision import Decision
from schemas.event import Event
from schemas.exposure import RELEASED
from schemas.outreach import MAILS_MAX, Mail
from schemas.profile import Profile, Tab
from schemas.trigger import CANCEL, MAIL, NO_SEND, UNMAILABLE, Trigger, trigger_id

PLACEMENT = EMAIL
BOUGHT, RETURNED, CONSENT = "bought", "returned", "consent"
_MARKETING = 4


class Due(Struct, frozen=True):
    """What fires now: its cause, the row of the rules, and whether an exit closed the burst."""

    cause: str
    rule: int
    by_exit: bool
    since_ms: int


def mailable(profile: Profile) -> bool:
    """Whether this visitor has an address at the sender's and allows marketing."""
    return profile.identified and bool(profile.consent & _MARKETING)


def after_event(
    profile: Profile, tab: Tab, event: Event, user_key: str, view: View
) -> list[Trigger]:
    """Fold one event in; returns what it withdraws, and leaves the next deadline in the profile."""
    carts.update(profile, tab, event)
    withdrawn = _withdrawn(profile, user_key) if profile.outreach.mails else []
    if view.catalogue is not None and view.catalogue.causes:
        _cross(profile, event, view.catalogue)
        profile.outreach.at_ms = next_ms(profile, view.catalogue)
    else:
        profile.outreach.at_ms = 0
    return withdrawn


def _cross(profile: Profile, event: Event, catalogue: Catalogue) -> None:
    """Remember the signal that reached a rule; more of its kind puts the moment off."""
    state, code = profile.outreach, CODES.get(event.type, CUSTOM)
    if _rule(profile, catalogue).trigger != IN_SESSION:
        state.crossed_ms = 0
    elif not state.crossed_ms or code == state.crossed_by:
        state.crossed_ms, state.crossed_by = profile.now_ms, code


def next_ms(profile: Profile, catalogue: Catalogue) -> int:
    """Engine time of the next moment at which something may fire, 0 for none."""
    return min((at_ms for at_ms, _ in _pending(profile, catalogue)), default=0)


def due_at(profile: Profile, catalogue: Catalogue, at_ms: int) -> Due | None:
    """What fires at `at_ms`, and marks the burst: it fires once."""
    ready = sorted(each for each in _pending(profile, catalogue) if each[0] <= at_ms)
    profile.outreach.at_ms = 0
    if not ready:
        return None
    cause, burst = ready[0][1], profile.burst
    profile.outreach.burst, profile.outreach.crossed_ms = burst.number, 0
    number = 0 if cause == CART_ABANDONED else _rule(profile, catalogue).number
    by_exit = cause == IN_SESSION or bool(cause == AT_CLOSE and burst.left_ms)
    since_ms = burst.left_ms if cause == AT_CLOSE and burst.left_ms else at_ms
    return Due(cause, number, by_exit, since_ms)


def _pending(profile: Profile, catalogue: Catalogue) -> list[tuple[int, str]]:
    """(engine ms, cause) of all that may fire in this burst."""
    state, burst, session = profile.outreach, profile.burst, profile.session
    if session.bought or burst.bought or burst.number in (0, state.burst):
        return []
    out, trigger = [], _rule(profile, catalogue).trigger
    if trigger == IN_SESSION and IN_SESSION in catalogue.causes:
        if state.crossed_ms:
            out.append((state.crossed_ms + catalogue.bounds.debounce_ms, IN_SESSION))
    elif trigger != NO_TRIGGER and AT_CLOSE in catalogue.causes:
        out.append((closes_at_ms(profile) + 1, AT_CLOSE))
    if CART_ABANDONED in catalogue.causes and carts.filled(profile):
        out.append((session.last_ms + SESSION_GAP_MS + 1, CART_ABANDONED))
    return out


def _rule(profile: Profile, catalogue: Catalogue) -> TriggerRule:
    burst = profile.burst
    return rule_of(catalogue.bounds, burst.active_ms, burst.interactions, burst.scroll_ppm)


def planned(
    profile: Profile, due: Due, decision: Decision, salt: bytes, tab: Tab, at_ms: int
) -> Trigger | None:
    """The message that follows from a decision; None where no campaign had anything to say."""
    user_key, burst = decision.user_key, profile.burst.number
    made = Trigger(
        trigger_id=trigger_id(user_key, profile.epoch_ms, burst),
        site=decision.site,
        user_key=user_key,
        campaign_id=decision.campaign_id,
        cause=due.cause,
        rule=due.rule,
        detected_at_ms=at_ms,
        slot_id=decision.slot_id,
    )
    if not decision.campaign_id:
        return None
    if decision.withheld:
        return _as(made, NO_SEND, decision.withheld)
    timing = EXIT if due.by_exit else GAP
    arm = arm_of(salt, user_key, timing)
    if arm == NOBODY:
        return _as(made, NO_SEND, "arm", arm=arm, timing=timing)
    when_ms = max(at_ms, due_ms(salt, user_key, arm, due.since_ms))
    mail = Mail(made.trigger_id, made.campaign_id, made.slot_id, due.cause, when_ms, burst)
    kept = [each for each in profile.outreach.mails if each.due_ms >= at_ms]
    profile.outreach.mails = [*kept, mail][-MAILS_MAX:]
    told = {**_told(profile, tab), "offer": decision.offer}
    timed = {"arm": arm, "timing": timing, "due_at_ms": when_ms}
    return _as(made, MAIL, due.cause, **timed, fields=told)


def unmailable(profile: Profile, due: Due, user_key: str, at_ms: int) -> Trigger:
    """The word that a message was due to somebody who cannot be sent any: outside every test."""
    return Trigger(
        trigger_id=trigger_id(user_key, profile.epoch_ms, profile.burst.number),
        kind=UNMAILABLE,
        site=user_key.split(":", 1)[0],
        user_key=user_key,
        reason="no address" if not profile.identified else "no consent",
        cause=due.cause,
        rule=due.rule,
        detected_at_ms=at_ms,
    )


def _as(made: Trigger, kind: str, reason: str, **fields: object) -> Trigger:
    return replace(made, kind=kind, reason=reason, **fields)


def _told(profile: Profile, tab: Tab) -> dict[str, str]:
    """What a template may say of the visit."""
    burst = profile.burst
    return {
        "active_s": str(burst.active_ms // 1000),
        "interactions": str(burst.interactions),
        "product_id": tab.product_id,
        "product_category": tab.category,
        "page_path": tab.page_path,
        "paused_on": profile.session.paused_on,
    }


def _withdrawn(profile: Profile, user_key: str) -> list[Trigger]:
    """Take back what is not due before now and no longer right; forget what was due."""
    out, kept = [], []
    now_ms, site = profile.now_ms, user_key.split(":", 1)[0]
    for mail in profile.outreach.mails:
        reason = _against(profile, mail)
        if mail.due_ms < now_ms:
            continue
        if not reason:
            kept.append(mail)
            continue
        _release(profile, mail.slot_id)
        out.append(
            Trigger(
                trigger_id=mail.trigger_id,
                kind=CANCEL,
                site=site,
                user_key=user_key,
                due_at_ms=mail.due_ms,
                campaign_id=mail.campaign_id,
                reason=reason,
                cause=mail.cause,
                detected_at_ms=now_ms,
                slot_id=mail.slot_id,
            )
        )
    profile.outreach.mails = kept
    return out


def _release(profile: Profile, slot_id: str) -> None:
    """What is withdrawn uses up no cap."""
    for exposure in profile.exposures:
        if exposure.slot_id == slot_id:
            exposure.state = RELEASED


def _against(profile: Profile, mail: Mail) -> str:
    if profile.session.bought:
        return BOUGHT
    if not mailable(profile):
        return CONSENT
    return RETURNED if profile.burst.number > mail.burst else ""
