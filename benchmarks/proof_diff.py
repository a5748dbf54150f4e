"""Proof `diff`: a million recorded events under two catalogues, within the minute."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from benchmarks.proof import Proof, Result, Step
from benchmarks.workloads import campaigns, mix, site
from cli.progress import Bar
from connectors.avro import codec
from connectors.diff_log import Sides, contexts, work
from connectors.log_files import (
    LogRecord,
    Manifest,
    TopicSpan,
    create,
    write_manifest,
    write_records,
)
from connectors.memory import MemoryRegistry
from infra.local.stack import Stack
from infra.model import load as load_model
from schemas.campaign import Campaigns
from schemas.topics import CONTROL_TOPICS, EVENTS

SEED = 1
EVENT_COUNT, KEYS = 1_000_000, 100_000
SECONDS_MAX = 60.0
DOUBLED = 7
NOTES = (
    "The log is an export with the events of the mix of `kairos bench drain` (50 campaigns, 30 % "
    "of the events decide, 2 % are duplicates, 100,000 users) and the model that ships; in side b "
    "every seventh margin is doubled. The time is that of `kairos diff` after it has read its "
    "arguments: every worker, one a core, starts, reads the log and decides its share of the users."
)


def exported(folder: Path, events: int, keys: int) -> Campaigns:
    """Write the log; the campaigns of side b."""
    create(folder)
    registry = MemoryRegistry()
    control = {
        "sites": site(),
        "campaigns": campaigns(),
        "models": replace(load_model(), version=1, effective_at_ms=0),
    }
    spans = {}
    for topic in CONTROL_TOPICS:
        records = [(0, "bench", control[topic])] if topic in control else []
        spans[topic] = _write(folder, topic, registry, records, len(records))
    told = ((each.received_at_ms, each.user_key, each) for each in mix(events, keys, SEED))
    spans[EVENTS] = _write(folder, EVENTS, registry, told, events)
    schemas = {str(number): text for number, text in registry.schemas.items()}
    write_manifest(folder, Manifest(spans, schemas))
    other = [
        replace(each, margin_micros=2 * each.margin_micros) if at % DOUBLED == 0 else each
        for at, each in enumerate(campaigns().campaigns)
    ]
    return replace(campaigns(), version=2, campaigns=tuple(other))


def _write(
    folder: Path,
    topic: str,
    registry: MemoryRegistry,
    records: Iterable[tuple[int, str, Any]],
    count: int,
) -> TopicSpan:
    encode = codec(topic, registry).encode

    def rows() -> Iterator[LogRecord]:
        for offset, (at_ms, key, record) in enumerate(records):
            yield LogRecord(0, offset, at_ms, key.encode(), encode(record))

    write_records(folder, topic, rows())
    return TopicSpan(1, count, {"0": 0}, {"0": count})


def compared(events: int, keys: int) -> Result:
    """What the comparison of so many events found, and what it took."""
    workers = os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix="kairos-diff-") as root:
        folder = Path(root) / "log"
        other = exported(folder, events, keys)
        sides = Sides(folder, (), (("campaigns", other),))
        contexts(sides)
        began = time.monotonic()
        with Bar(events, "events") as bar:
            worked = work(sides, workers, bar.update)
        compared_s = time.monotonic() - began
    totals = worked.totals
    return {
        "events": totals.events,
        "decisions": totals.decisions,
        "changed": totals.changed,
        "workers": workers,
        "compared_s": round(compared_s, 1),
        "cpu_us": round(1e6 * worked.cpu_s / totals.events, 1),
    }


def _check(result: Result) -> list[str]:
    wrong = []
    if result["events"] != EVENT_COUNT:
        wrong.append(f"{result['events']:,} events compared instead of {EVENT_COUNT:,}")
    if not 0 < result["changed"] < result["decisions"]:
        wrong.append(f"{result['changed']:,} of {result['decisions']:,} decisions changed")
    if result["compared_s"] > SECONDS_MAX:
        wrong.append(f"it took {result['took_s']} s, at most {SECONDS_MAX:.0f}")
    return wrong


def _run(stack: Stack) -> Result:
    return compared(EVENT_COUNT, KEYS)


def _table(results: Mapping[str, Result]) -> list[str]:
    lines = ["| events | decisions a side | changed | workers | seconds | CPU us an event |"]
    lines.append("| --- | --- | --- | --- | --- | --- |")
    for each in results.values():
        lines.append(
            f"| {each['events']:,} | {each['decisions']:,} | {each['changed']:,} | "
            f"{each['workers']} | {each['compared_s']} | {each['cpu_us']} |"
        )
    return lines


PROOF = Proof(
    name="diff",
    help="a million recorded events compared under two catalogues",
    seed=SEED,
    steps=(Step("compared", _run, _check),),
    notes=NOTES,
    table=_table,
    services=(),
)
