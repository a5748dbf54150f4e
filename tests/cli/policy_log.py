"""A log with exploration, decided by the real core, and orders whose rates we know."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from connectors.avro import codec
from connectors.given import Record, site_records
from connectors.log_decide import decide_log
from connectors.log_files import LogRecord, Manifest, TopicSpan, write_manifest, write_records
from connectors.memory import MemoryRegistry
from schemas.campaign import Campaigns
from schemas.decision import Decision
from schemas.event import Event
from schemas.policy import Policy, Quality
from schemas.site import LIVE
from schemas.topics import CONTROL_TOPICS, DECISIONS, EVENTS
from tests.builders import BEGINNING, campaign, event

GOOD, POOR = "GOOD", "POOR"
RATES = {GOOD: 0.35, POOR: 0.10, "": 0.05}
LISTED_MICROS, MARGIN = 40_000_000, 12.0
"""An order's list value, and the 30 % of it that it earns."""

VERSION = 7
MINUTE_MS = 60_000
VISITORS_MS = 2 * MINUTE_MS
"""By then every reward window has closed."""


def control(holdout_ppm: int) -> list[Record]:
    """Two campaigns that expect the same, and a policy that favours the poor one a little."""
    ((_, site),) = site_records(None)
    ran = Policy(
        site="demo",
        version=VERSION,
        explore_gamma_milli=2_000,
        explore_floor_ppm=100_000,
        qualities={GOOD: Quality(base_ppm=40_000), POOR: Quality(base_ppm=60_000)},
        held=True,
    )
    both = tuple(campaign(name, base_ppm=50_000) for name in (GOOD, POOR))
    return [
        ("sites", replace(site, mode=LIVE, holdout_ppm=holdout_ppm, reward_window_ms=MINUTE_MS,
                          reward_horizon_ms=MINUTE_MS)),
        ("campaigns", Campaigns(site="demo", version=1, campaigns=both)),
        ("policy", ran),
    ]  # fmt: skip


def write_log(folder: Path, visitors: int, seed: int, holdout_ppm: int = 0) -> None:
    """Each visitor looks once, and buys or not by what the core decided and they were shown."""
    views = [_event("page_view", n, n) for n in range(visitors)]
    _write(folder, views, [], holdout_ppm)
    decisions = decide_log(folder).decisions
    chance, orders = random.Random(seed), []
    users = {each.user_key: n for n, each in enumerate(views)}
    for made in decisions:
        seen = "" if made.withheld else made.campaign_id
        if made.candidates and chance.random() < RATES[seen]:
            number = users[made.user_key]
            orders.append(_event("purchase", number, number + 5_000, value_micros=LISTED_MICROS))
    later = _event("page_view", visitors, VISITORS_MS)
    _write(folder, [*views, *orders, later], decisions, holdout_ppm)


def _event(kind: str, visitor: int, at_ms: int, **fields: Any) -> Event:
    return event(kind, at_ms, event_id=f"{kind}-{visitor}", user_key=f"demo:v:{visitor:032x}",
                 session_id=f"s{visitor}", tab_id=f"t{visitor}", **fields)  # fmt: skip


def _write(folder: Path, events: list[Event], decisions: list[Decision], holdout: int) -> None:
    write_folder(folder, {EVENTS: events, DECISIONS: decisions}, control(holdout))


def write_folder(folder: Path, told: dict[str, list[Any]], context: list[Record]) -> None:
    """An exported log of these records by topic, keyed by their users, under a context."""
    registry = MemoryRegistry()
    rows: dict[str, list[LogRecord]] = {topic: [] for topic in (*told, *CONTROL_TOPICS)}
    for topic, records in told.items():
        encode = codec(topic, registry).encode
        for each in sorted(records, key=_at_ms):
            at, key = len(rows[topic]), each.user_key.encode()
            rows[topic].append(LogRecord(0, at, _at_ms(each), key, encode(each)))
    for topic, record in context:
        frame = codec(topic, registry).encode(record)
        rows[topic].append(LogRecord(0, len(rows[topic]), BEGINNING, b"demo", frame))
    for topic, lines in rows.items():
        write_records(folder, topic, lines)
    spans = {topic: TopicSpan(1, len(r), {"0": 0}, {"0": len(r)}) for topic, r in rows.items()}
    write_manifest(folder, Manifest(spans, {str(n): s for n, s in registry.schemas.items()}))


def _at_ms(record: Any) -> int:
    """Engine time of an event, a decision or a trigger."""
    names = ("received_at_ms", "decided_at_ms", "detected_at_ms")
    return int(next(getattr(record, name) for name in names if hasattr(record, name)))
