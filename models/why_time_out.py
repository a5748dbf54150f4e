"""8 What a gateway answered when a decision was late, in words; it wrote that to the log itself."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from schemas.decision import Decision
from schemas.event import TIME_OUT, Event

AFTER = "after_ms"


class TimeOuts(Struct, frozen=True):
    """`answered`: of the decision's own event; `lent`: of slots that its fallback was shown for."""

    answered: tuple[Event, ...] = ()
    lent: tuple[Event, ...] = ()


def time_outs_of(decision: Decision, events: Iterable[Event]) -> TimeOuts:
    """The records of a visitor's events that concern this decision."""
    own = [each for each in events if each.internal == TIME_OUT]
    asked = decision.trigger.event_id
    return TimeOuts(
        tuple(each for each in own if asked and each.event_id == asked),
        tuple(each for each in own if each.decision_id == decision.decision_id),
    )


def answered_by(record: Event, carrier: str = "") -> str:
    """One sentence on what was answered instead; `carrier` names the campaign where it is known."""
    after_ms = record.properties.get(AFTER, 0)
    waited = f"after {after_ms:g} ms" if isinstance(after_ms, float | int) else "at its deadline"
    if record.decision_id is None:
        return f"The answer was late: {waited} the gateway held no fallback and said no_fallback."
    shown = f"the fallback {carrier} " if carrier else "the fallback "
    return f"The answer was late: {waited} the gateway showed {shown}of {record.decision_id}."


def lent_to(record: Event) -> str:
    """One sentence on a slot for which the decision's fallback was shown."""
    return f"Its fallback was shown for slot {record.slot_id}, whose answer was late."
