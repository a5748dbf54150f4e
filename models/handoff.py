"""2 Handoff: at a login the anonymous trail becomes part of the known profile.

1. A `handoff` event under the anonymous key names the known key. `give` turns the profile into a
   record for that key and clears it; what de-duplicates stays, so that a re-send of what was
   captured before the login stays one event.
2. `receive` lets the record wait under the known key, once for each merge id.
3. `take` takes it in at handoff + 500 ms of engine time, in order with all other deadlines, so
   that a replay merges at the same point of the log.

A key is given to one known user and no other: on a shared device the second one starts afresh.
"""

from __future__ import annotations

from models import deadlines
from models.context import Context
from models.effects import Effect, Merge
from models.identity import merged
from models.page_key import clear_page
from schemas.event import HANDOFF, Event
from schemas.handoff import DONE_MAX, WAITING_MAX, Handoffs, ProfileMerge, Waiting, merge_id
from schemas.profile import Profile, dump, load

KNOWN = ":u:"


def takes_part(event: Event) -> bool:
    """Whether this event's key can give or receive a profile now."""
    return event.internal == HANDOFF or KNOWN in event.user_key


def give(profile: Profile, handoffs: Handoffs, event: Event) -> Merge | None:
    """What the anonymous profile leaves to the user that `event.identity_ref` names.

    None where there is nothing to leave, or where it was left to somebody else before.
    """
    receiver = event.identity_ref or ""
    if handoffs.given_to not in ("", receiver):
        return None
    handoffs.given_to = receiver
    if not profile.tally.by_type:
        return None
    record = ProfileMerge(
        merge_id=merge_id(event.user_key, event.event_id, profile.applied),
        site=event.site,
        user_key=receiver,
        from_key=event.user_key,
        handoff_at_ms=profile.now_ms,
        state=dump(profile),
    )
    clear_page(profile)
    return Merge(record)


def receive(handoffs: Handoffs, record: ProfileMerge) -> int | None:
    """Let a profile wait; engine ms at which it is due, or None if it is known already.

    Raises OverflowError when too many wait: the record is then a dead letter.
    """
    known = [each.merge_id for each in handoffs.waiting] + handoffs.done
    if record.merge_id in known:
        return None
    if len(handoffs.waiting) == WAITING_MAX:
        raise OverflowError(f"{WAITING_MAX} profiles wait for this user already")
    made = Waiting(record.due_ms, record.merge_id, record.state)
    handoffs.waiting = sorted([*handoffs.waiting, made])
    return made.due_ms


def next_due(handoffs: Handoffs, until_ms: int) -> Waiting | None:
    """The profile to be taken in first, if its moment has come by `until_ms`."""
    due = handoffs.waiting[0] if handoffs.waiting else None
    return due if due is not None and due.due_ms <= until_ms else None


def leave(handoffs: Handoffs, due: Waiting) -> None:
    """It waits no longer, and a repeat of its record changes nothing."""
    handoffs.waiting = [each for each in handoffs.waiting if each is not due]
    handoffs.done = [*handoffs.done, due.merge_id][-DONE_MAX:]


def take(
    profile: Profile | None, due: Waiting, user_key: str, context: Context
) -> tuple[Profile, list[Effect]]:
    """Take one profile in, after the deadlines that come before it."""
    effects: list[Effect] = []
    given = load(due.state)
    assert given is not None, "a record carries a profile"
    if profile is not None:
        profile = deadlines.run(profile, due.due_ms, user_key, context, effects)
    return merged(profile, given, due.due_ms), effects
