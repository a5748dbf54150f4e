"""Persona visitors as recorded visits, for logs that may be committed: nobody real is in them."""

from __future__ import annotations

import random

from connectors.datasets import RecordedEvent, Visit
from infra.demo.goods import STAND_IN
from infra.demo.personas import choose
from infra.demo.visit import Visitor

EVENTS_MAX = 30
OURS = ("event_id", "session_index", "ts")


def simulated_visits(count: int, rng: random.Random) -> list[Visit]:
    """`count` visits of at most EVENTS_MAX events; the same generator gives the same visits."""
    return [_visit(number, rng) for number in range(count)]


def _visit(number: int, rng: random.Random) -> Visit:
    visitor = Visitor(choose(rng), STAND_IN, f"golden-{number}", 1_790_000_000_000)
    events: list[RecordedEvent] = []
    first_ms = 0
    while len(events) < EVENTS_MAX:
        event = visitor.pop()
        if event is None:
            break
        first_ms = first_ms or event["ts"]
        fields = {name: value for name, value in event.items() if name not in OURS}
        events.append(RecordedEvent(event["ts"] - first_ms, fields))
    return Visit(visitor.session_id, visitor.visitor_seed, 0, tuple(events))
