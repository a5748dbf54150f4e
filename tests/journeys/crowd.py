"""A crowd's log: simulated visitors of the demo shop, with all that goes wrong on the way.

Of the events some come twice, some overtake others, some were held back offline, some leave a
second tab, and many visitors come back; the order is the log's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from msgspec.structs import replace

from infra.demo.goods import demo_goods
from infra.demo.personas import choose
from infra.demo.visit import Visitor
from infra.training.visits import logged
from schemas.event import Event
from tests.builders import BEGINNING

REPEATED, SWAPPED, HELD, SECOND_TAB, RETURNS = 0.05, 0.05, 0.01, 0.15, 0.3
HELD_MS = 45_000
NEXT_VISIT_MS = 5 * 3_600_000


def crowd(seed: str, visitors: int, events_max: int = 40) -> list[Event]:
    """The log of `visitors` of them, each visit cut to `events_max` events."""
    rng = Random(f"crowd:{seed}")
    log: list[Event] = []
    for number in range(visitors):
        persona, key = choose(rng), f"demo:v:{rng.getrandbits(128):032x}"
        start_ms = BEGINNING + rng.randrange(600_000)
        for turn in range(2 if rng.random() < RETURNS else 1):
            name = f"{seed}:{number}:{turn}"
            visitor = Visitor(persona, demo_goods(), name, start_ms + turn * NEXT_VISIT_MS)
            log += _messed(list(_events(visitor, key, events_max, rng)), rng)
    # Sorting is stable: what has the same time stays in the order of its visitor.
    return sorted(log, key=lambda event: event.received_at_ms)


def _events(visitor: Visitor, key: str, events_max: int, rng: Random) -> Iterator[Event]:
    """As they were sent: some in a second tab, which counts its own."""
    split = rng.random() < SECOND_TAB
    counts = {"t1": 0, "t2": 0}
    for _ in range(events_max):
        wire = visitor.pop()
        if wire is None:
            return
        tab = "t2" if split and rng.random() < 0.4 else "t1"
        wire["session_index"] = counts[tab]
        counts[tab] += 1
        yield logged(wire, key, visitor.session_id, tab, wire["ts"] + rng.randint(5, 60))


def _messed(events: list[Event], rng: Random) -> list[Event]:
    """As they arrived; the stamps of arrival stay in order, the events behind them do not."""
    out: list[Event] = []
    for event in events:
        held = rng.random() < HELD
        out.append(replace(event, sent_at_ms=event.ts_ms + HELD_MS) if held else event)
        if rng.random() < REPEATED:
            out.append(out[rng.randrange(len(out))])
        if len(out) > 1 and rng.random() < SWAPPED:
            out[-1], out[-2] = out[-2], out[-1]
    arrived = sorted(event.received_at_ms for event in out)
    return [replace(e, received_at_ms=at) for e, at in zip(out, arrived, strict=True)]
