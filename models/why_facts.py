"""5 The facts of a decision taken before: its user's events folded again up to that moment.

The record holds scores and concepts; what conditions read beside them (the cart, the page, counts)
is a function of the log, so it is computed again instead of being stored with each decision.
"""

from __future__ import annotations

from collections.abc import Iterable

from models.context import Context
from models.effects import Decide, Effect
from models.facts import Facts, facts
from models.user import advance, step
from schemas.decision import Decision
from schemas.event import Event
from schemas.profile import Profile, dump, load


def facts_at(events: Iterable[Event], wanted: Decision, context: Context) -> Facts | None:
    """The facts `wanted` was taken on; None where these events do not lead to it, byte for byte.

    `events` are those of the decision's user key, in log order; later ones do not matter.
    """
    profile: Profile | None = None
    for event in events:
        due = wanted.trigger.deadline_ms
        if profile is not None and due and event.received_at_ms >= due:
            before = load(dump(profile))
            assert before is not None
            after, effects = advance(before, due, wanted.user_key, context)
            if _among(effects, wanted):
                return _facts(after, wanted, context)
        profile, effects, _ = step(profile, event, wanted.user_key, context)
        if profile is not None:
            dump(profile)
        if _among(effects, wanted):
            return _facts(profile, wanted, context)
    if profile is None or not wanted.trigger.deadline_ms:
        return None
    after, effects = advance(profile, wanted.trigger.deadline_ms, wanted.user_key, context)
    return _facts(after, wanted, context) if _among(effects, wanted) else None


def _among(effects: list[Effect], wanted: Decision) -> bool:
    return any(isinstance(each, Decide) and each.decision == wanted for each in effects)


def _facts(profile: Profile | None, wanted: Decision, context: Context) -> Facts | None:
    """What the profile says right after the decision, which moved nothing that conditions read."""
    names = (wanted.session_id, wanted.tab_id)
    tabs = [tab for tab in profile.tabs if (tab.session_id, tab.tab_id) == names] if profile else []
    if profile is None or not tabs:
        return None
    view = context.at(wanted.site, wanted.decided_at_ms)
    return facts(profile, tabs[0], view, wanted.trigger.kind, wanted.decided_at_ms)
