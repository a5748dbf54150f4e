"""Messages by the arm of their timing: what each brings beside the arm that is sent nothing.

1. A visitor enters at the first trigger that put them into an arm, and stays there whatever came
   of it: cancelled, unsent or unread (intention to treat). A visitor counts once.
2. Bursts that ended by leaving and bursts that ended by silence are different tests with arms of
   their own, so a visitor may enter each of them once.
3. Until the horizon: who came back, by a link of a mail or by themselves, who ordered, and what the
   orders earned. A trigger whose visitor did neither was false; its rate is told beside the rate
   of the arm that got nothing, for many would have come back anyway.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from evidence.contrast import Contrast, Estimate, absolute, fixed_horizon
from evidence.sample import Sample
from schemas.event import Event
from schemas.ids import MILLION
from schemas.outcome import ORDER, Outcome
from schemas.trigger import MAIL, NO_SEND, Trigger

NOBODY = "A0"
"""The arm that is sent nothing."""

MAIL_MEDIUM = "email"
FIGURES = ("clicked", "returned", "ordered", "false", "margin")


class Entered(Struct, frozen=True):
    """One visitor of one test: the arm, and when the first trigger put them there."""

    arm: str
    at_ms: int


class Seen(Struct):
    """What a visitor did, each as times in ms; orders by event id with what they earned."""

    visits: list[int] = field(default_factory=list)
    clicks: list[int] = field(default_factory=list)
    orders: dict[str, tuple[int, int]] = field(default_factory=dict)


class Messages(Struct):
    """Visitors by (timing, user key) and what they did; it grows with those in a test."""

    entered: dict[tuple[str, str], Entered] = field(default_factory=dict)
    seen: dict[str, Seen] = field(default_factory=dict)


def planned(state: Messages, trigger: Trigger) -> None:
    """Take one trigger in; what is outside the test, or withdraws a message, changes nothing."""
    if trigger.kind in (MAIL, NO_SEND) and trigger.arm:
        user = trigger.user_key
        state.entered.setdefault(
            (trigger.timing, user), Entered(trigger.arm, trigger.detected_at_ms)
        )
        state.seen.setdefault(user, Seen())


def visited(state: Messages, event: Event) -> None:
    """Take one event in: a page that was opened, by a link of a mail or not."""
    seen = state.seen.get(event.user_key)
    if seen is None or event.type != "page_view":
        return
    seen.visits.append(event.received_at_ms)
    if event.source is not None and event.source.utm_medium == MAIL_MEDIUM:
        seen.clicks.append(event.received_at_ms)


def happened(state: Messages, user_key: str, outcome: Outcome, margin_micros: int) -> None:
    """Take one outcome in; an order counts once."""
    seen = state.seen.get(user_key)
    if seen is not None and outcome.kind == ORDER:
        seen.orders.setdefault(outcome.event_id, (outcome.at_ms, margin_micros))


def arms(state: Messages, horizon_ms: int) -> list[dict[str, Any]]:
    """Each arm of each test: visitors, and each figure's mean with its 95 % interval.

    `margin` is in the site's currency a visitor, the others are shares; `against` holds the
    differences to the arm that is sent nothing, None without one.
    """
    told: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    for (timing, user), entered in sorted(state.entered.items()):
        row = _row(state.seen[user], entered.at_ms, entered.at_ms + horizon_ms)
        told.setdefault((timing, entered.arm), []).append(row)
    return [
        _arm(timing, arm, rows, told.get((timing, NOBODY)) if arm != NOBODY else None)
        for (timing, arm), rows in sorted(told.items())
    ]


def _row(seen: Seen, from_ms: int, until_ms: int) -> tuple[float, ...]:
    """The figures of one visitor, in the order of FIGURES."""
    clicked = any(from_ms < at <= until_ms for at in seen.clicks)
    returned = any(from_ms < at <= until_ms for at in seen.visits)
    earned = [margin for at, margin in seen.orders.values() if from_ms < at <= until_ms]
    false = not (returned or earned)
    return clicked, returned, bool(earned), false, sum(earned) / MILLION


def _arm(
    timing: str, arm: str, rows: list[tuple[float, ...]], nobody: list[tuple[float, ...]] | None
) -> dict[str, Any]:
    own, other = _samples(rows), None if nobody is None else _samples(nobody)
    return {
        "timing": timing,
        "arm": arm,
        "visitors": len(rows),
        **{name: _figure(_alone(one)) for name, one in own.items()},
        "against": other
        and {name: _figure(fixed_horizon(absolute(other[name], own[name]))) for name in FIGURES},
    }


def _samples(rows: list[tuple[float, ...]]) -> dict[str, Sample]:
    return {name: Sample.of(float(row[at]) for row in rows) for at, name in enumerate(FIGURES)}


def _alone(one: Sample) -> Estimate:
    return fixed_horizon(Contrast(one.mean, one.error_squared, max(one.n - 1.0, 1.0), one.n))


def _figure(found: Estimate) -> dict[str, Any]:
    known = found.low > float("-inf")
    return {"value": found.value, "ci": [found.low, found.high] if known else None}
