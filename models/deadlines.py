"""2-7 Deadlines: moments of engine time that a profile waits for, and the one timer they share.

Each is a field of the profile: a dwell a tab, the next message outside the page, the clean-up. What
is due runs in order of time, then of kind, whether a timer or the user's next event meets it.
"""

from __future__ import annotations

from models import outreach
from models.context import Context
from models.decision import Ask, decide
from models.effects import Decide, Effect, Emit, SetTimer
from schemas.outreach import Outreach
from schemas.profile import Profile, Tab

DWELL = "dwell"


def run(
    profile: Profile, until_ms: int, user_key: str, context: Context, effects: list[Effect]
) -> Profile | None:
    """Run what is due up to `until_ms` in order; None when the profile was forgotten."""
    while profile.timer_at_ms <= until_ms:  # No deadline is earlier than the pending timer.
        at_ms, what = _earliest(profile)
        if not 0 < at_ms <= until_ms:
            break
        if what is None:
            return None
        profile.now_ms = max(profile.now_ms, at_ms)
        if isinstance(what, Tab):
            _dwelt(profile, what, at_ms, user_key, context, effects)
        else:
            _reach_out(profile, at_ms, user_key, context, effects)
    return profile


def _earliest(profile: Profile) -> tuple[int, Tab | Outreach | None]:
    """Engine time of the earliest deadline, 0 for none, and what it is about.

    None means the clean-up. Of equal times, dwell comes first, in the order of the tabs, then the
    message outside the page.
    """
    at_ms: int = profile.forget_at_ms
    what: Outreach | None = None
    reach_ms = profile.outreach.at_ms
    if reach_ms and (not at_ms or reach_ms <= at_ms):
        at_ms, what = reach_ms, profile.outreach
    first: Tab | None = None
    for tab in profile.tabs:
        if tab.dwell_at_ms and (first is None or tab.dwell_at_ms < first.dwell_at_ms):
            first = tab
    if first is not None and (not at_ms or first.dwell_at_ms <= at_ms):
        return first.dwell_at_ms, first
    return at_ms, what


def _dwelt(
    profile: Profile,
    tab: Tab,
    at_ms: int,
    user_key: str,
    context: Context,
    effects: list[Effect],
) -> None:
    """A visitor has stayed on a product page: this decision sees at least the time it waited for.

    The tab keeps the client's own measure, or what it reports next would be no news to the burst.
    """
    tab.dwell_at_ms = 0
    view = context.at(user_key.split(":", 1)[0], at_ms)
    measured_ms = tab.active_ms
    if view.site is not None:
        tab.active_ms = max(measured_ms, view.site.dwell_ms)
    ask = Ask(DWELL, "", at_ms, tab, "deadline")
    effects.extend([Decide(each) for each in decide(profile, ask, user_key, view, at_ms)])
    tab.active_ms = measured_ms


def _reach_out(
    profile: Profile, at_ms: int, user_key: str, context: Context, effects: list[Effect]
) -> None:
    """A burst has become worth a message, in a decision of its own."""
    view = context.at(user_key.split(":", 1)[0], at_ms)
    due = outreach.due_at(profile, view.catalogue, at_ms) if view.catalogue else None
    if due is None or view.site is None or view.catalogue is None:
        profile.outreach.at_ms = 0
        return
    profile.outreach.at_ms = outreach.next_ms(profile, view.catalogue)
    if not outreach.mailable(profile):
        effects.append(Emit(outreach.unmailable(profile, due, user_key, at_ms)))
        return
    tab = profile.tabs[-1] if profile.tabs else Tab("", "")
    ask = Ask(due.cause, "", at_ms, tab, "deadline", placements=(outreach.PLACEMENT,))
    for decision in decide(profile, ask, user_key, view, at_ms):
        effects.append(Decide(decision))
        made = outreach.planned(profile, due, decision, view.site.salt, tab, at_ms)
        if made is not None:
            effects.append(Emit(made))


def set_timer(profile: Profile, effects: list[Effect]) -> None:
    """Keep a timer pending no later than the earliest deadline, and one for the clean-up.

    An engine's timer cannot be moved cheaply. The clean-up moves with every event, so its old
    timer stays, wakes too early and is set anew then.
    """
    earliest_ms, what = _earliest(profile)
    if not earliest_ms or 0 < profile.timer_at_ms <= earliest_ms:
        return
    if what is None and 0 < profile.forget_timer_ms <= earliest_ms:
        profile.timer_at_ms = profile.forget_timer_ms
        return
    profile.timer_at_ms = earliest_ms
    if what is None:
        profile.forget_timer_ms = earliest_ms
    effects.append(SetTimer(earliest_ms))
