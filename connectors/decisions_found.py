"""Decisions by id out of a log, each with what was in force and its user's events.

Three places hold them: the topics of a running stack, the folder of an export, and a file of
events that is decided on the spot. An id is a decision's, a slot's or its event's; an event may
have been decided for several placements.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.avro import BadFrame, Codec, Registry, codec
from connectors.control import ControlLog
from connectors.control_taken import Refused, take
from connectors.event_lines import read_lines
from connectors.log_decide import codecs, empty_context, logged_context, registry_of
from connectors.log_files import LogRecord
from connectors.log_folder import read_manifest, read_records
from connectors.log_topics import LogReader, Span
from connectors.memory import MemoryRegistry
from connectors.routes import read_routed
from models.context import Context
from models.why_case import Case
from models.why_facts import facts_at
from models.why_time_out import TimeOuts, time_outs_of
from operators.local import LocalJob
from schemas.decision import Decision
from schemas.event import TIME_OUT, Event
from schemas.model import UNSIGNED
from schemas.topics import CONTROL_TOPICS, DECISIONS, EVENTS

LEDGER, BUILD = "kairos.ledger", "kairos.build"


class NotFound(Exception):
    """No decision has this id; the message says where was looked."""


@dataclass(frozen=True, slots=True)
class Found:
    """One decision as a case; `ledger` and `build_id` are measured, so not part of its body."""

    case: Case
    ledger: dict[str, Any] = field(default_factory=dict)
    build_id: str = ""
    time_outs: TimeOuts = field(default_factory=TimeOuts)


@dataclass(frozen=True, slots=True)
class Undecided:
    """An event whose time was up at a gateway, and which no job has decided since."""

    time_out: Event


Result = list[Found] | list[Undecided]


def in_export(folder: Path, wanted: str) -> Result:
    """From the folder of an export. Raises NotFound, LogFilesError."""
    registry = registry_of(read_manifest(folder))
    context = logged_context(folder)
    rows = matching(read_records(folder, DECISIONS), codec(DECISIONS, registry), wanted)
    reader = codec(EVENTS, registry)
    if not rows:
        waiting = undecided(read_records(folder, EVENTS), reader, wanted)
        if waiting:
            return waiting
        raise NotFound(f"no decision, slot or event {wanted} in {folder}")
    events = list(decoded_events(read_records(folder, EVENTS), reader, rows[0][0].user_key))
    return cases_of(rows, events, context)


def in_lines(path: Path, wanted: str, context: Context) -> list[Found]:
    """From a file of events, decided under `context`. Raises NotFound, BadLine."""
    job = LocalJob(context, codecs(MemoryRegistry()))
    events, rows = [], []
    for event in read_lines(path, lambda site: context.at(site, 0).site):
        events.append(event)
        for _, payload in job.applied(event):
            topic, headers, frame = read_routed(payload)
            if topic == DECISIONS and wanted.encode() in frame:
                made = job.decisions.decode(frame)
                if _is(made, wanted):
                    rows.append((made, headers))
    if not rows:
        raise NotFound(f"no decision, slot or event {wanted} in {path}")
    own = [event for event in events if event.user_key == rows[0][0].user_key]
    return cases_of(rows, own, context)


def in_stack(
    brokers: str, registry: Registry, wanted: str, model_keys: tuple[str, ...] = (UNSIGNED,)
) -> Result:
    """From the topics of a stack. Raises NotFound, LogUnavailable, ControlUnavailable."""
    log = LogReader(brokers)
    spans = log.spans(DECISIONS)
    seen: dict[str, int] = {}

    def noted() -> Iterator[LogRecord]:
        for record in log.read(DECISIONS, spans):
            if record.value and wanted.encode() in record.value:
                seen["partition"] = record.partition
                yield record

    rows = matching(noted(), codec(DECISIONS, registry), wanted)
    reader = codec(EVENTS, registry)
    if not rows:
        waiting = undecided(log.read(EVENTS, log.spans(EVENTS)), reader, wanted)
        if waiting:
            return waiting
        raise NotFound(
            f"no decision, slot or event {wanted} in topic {DECISIONS} on {brokers}; "
            "it keeps seven days, `kairos archive` keeps more"
        )
    key = rows[0][0].user_key
    places = _own(log.spans(EVENTS), seen["partition"], len(spans))
    events = list(decoded_events(log.read(EVENTS, places), reader, key))
    return cases_of(rows, events, _context(brokers, registry, model_keys))


def _own(spans: dict[int, Span], partition: int, partitions: int) -> dict[int, Span]:
    """A user's partition of `events`: every client deals keys alike over equal numbers."""
    return {partition: spans[partition]} if len(spans) == partitions else spans


def _context(brokers: str, registry: Registry, model_keys: tuple[str, ...]) -> Context:
    """Every version that the control topics still hold; what a job refused is refused here too."""
    context = empty_context(model_keys)
    readers = {topic: codec(topic, registry) for topic in CONTROL_TOPICS}
    for record in ControlLog(brokers).read(CONTROL_TOPICS):
        with suppress(Refused):
            take(context, record.topic, readers[record.topic], record.origin.value)
    return context


Row = tuple[Decision, dict[str, bytes]]


def matching(records: Iterable[LogRecord], reader: Codec[Decision], wanted: str) -> list[Row]:
    """Decisions of this id, the first record of each slot; Avro keeps an id's bytes as they are."""
    rows: dict[str, Row] = {}
    for record in records:
        if record.value is None or wanted.encode() not in record.value:
            continue
        try:
            decision = reader.decode(record.value)
        except BadFrame:
            continue
        if _is(decision, wanted):
            headers = {name: value or b"" for name, value in record.headers}
            rows.setdefault(decision.slot_id, (decision, headers))
    return list(rows.values())


def _is(decision: Decision, wanted: str) -> bool:
    return wanted in (decision.decision_id, decision.slot_id, decision.trigger.event_id)


def decoded_events(
    records: Iterable[LogRecord], reader: Codec[Event], user_key: str
) -> Iterator[Event]:
    """The events of one user among records; what cannot be read is left out."""
    for record in records:
        if record.key == user_key.encode():
            try:
                yield reader.decode(record.value)
            except BadFrame:
                continue


def undecided(records: Iterable[LogRecord], reader: Codec[Event], wanted: str) -> list[Undecided]:
    """Time-outs of this event or slot, for which no decision has been found."""
    out = []
    for record in records:
        if record.value is None or wanted.encode() not in record.value:
            continue
        try:
            event = reader.decode(record.value)
        except BadFrame:
            continue
        if event.internal == TIME_OUT and wanted in (event.event_id, event.slot_id):
            out.append(Undecided(event))
    return out


def cases_of(rows: list[Row], events: list[Event], context: Context) -> list[Found]:
    """Each decision with what was in force and its user's events."""
    return [_case(decision, headers, events, context) for decision, headers in rows]


def _case(
    decision: Decision, headers: dict[str, bytes], events: list[Event], context: Context
) -> Found:
    view = context.at(decision.site, decision.decided_at_ms)
    case = Case(decision, view, facts_at(events, decision, context))
    build, time_outs = headers.get(BUILD, b"").decode(), time_outs_of(decision, events)
    return Found(case, _ledger(headers.get(LEDGER, b"")), build, time_outs)


def _ledger(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
