"""What goes out at a deadline instead of the decision: the tab's fallback, or an explicit none."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from msgspec import Struct

from gateway import present
from gateway.deadlines import Pending
from gateway.present import FALLBACK, NO_FALLBACK
from schemas.decision import Decision, TriggerRef
from schemas.event import TIME_OUT, Event

NOT_ASKED = frozenset(("bot", "probe", "no_site", "no_catalogue"))
"""Reasons of records for which the job looked at nothing, and so released nothing."""


class TimeOut(Struct, frozen=True):
    """The answer of a gateway that could not wait longer; `carrier` is empty where there is none.

    `record` says so in the log, for `kairos why`.
    """

    by: str
    carrier: str
    frame: dict[str, Any]
    record: Event


def answer_instead(
    pending: Pending, decisions: Iterable[Decision], used: Collection[str], now_ms: float
) -> TimeOut:
    """The answer for an event whose time is up, out of its visitor's decisions."""
    event = pending.event
    tab = (event.session_id, event.tab_id)
    carrier = newest_carrier(decisions, *tab, used=used, now_ms=now_ms)
    fallback = carrier.fallback if carrier is not None else None
    slot_id = pending.slots.get(fallback.placement) if fallback is not None else None
    asked_for = (event, pending.latency_class)
    if carrier is None or slot_id is None:
        slot_id = next(iter(pending.slots.values()))
        frame = present.no_fallback_frame(slot_id, *asked_for)
        return TimeOut(NO_FALLBACK, "", frame, _record(pending, slot_id, "", now_ms))
    frame = present.fallback_frame(carrier, slot_id, *asked_for, now_ms=now_ms)
    name = carrier.decision_id
    return TimeOut(FALLBACK, name, frame, _record(pending, slot_id, name, now_ms))


def newest_carrier(
    decisions: Iterable[Decision],
    session_id: str,
    tab_id: str,
    *,
    used: Collection[str],
    now_ms: float,
) -> Decision | None:
    """The decision whose fallback may be shown in this tab now, once; None where none may.

    It is the newest of the tab: the job released what older ones held. `decisions` are one
    visitor's in any order, since a job that went back writes old ones again.
    """
    first: dict[str, Decision] = {}
    for each in decisions:
        first.setdefault(each.slot_id, each)
    carrier: Decision | None = None
    asked: TriggerRef | None = None
    for each in sorted(first.values(), key=lambda decision: decision.decided_at_ms):
        if (each.session_id, each.tab_id) != (session_id, tab_id) or each.reason in NOT_ASKED:
            continue
        if each.trigger != asked:
            carrier, asked = None, each.trigger
        if each.fallback is not None:
            carrier = each
    if carrier is None or carrier.fallback is None or carrier.decision_id in used:
        return None
    return carrier if carrier.fallback.valid_until_ms > now_ms else None


def _record(pending: Pending, slot_id: str, carrier: str, now_ms: float) -> Event:
    event = pending.event
    return Event(
        internal=TIME_OUT,
        event_id=event.event_id,
        site=event.site,
        user_key=event.user_key,
        session_id=event.session_id,
        tab_id=event.tab_id,
        slot_id=slot_id,
        decision_id=carrier or None,
        source_shown=FALLBACK if carrier else None,
        properties={"after_ms": float(round(now_ms - pending.received_ms))},
    )
