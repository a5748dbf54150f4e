"""Decisions by id out of an archive, and of what the log holds beyond it: read as one.

The archive answers by index, so that ten million decisions cost what ten do; of the topics only
what is not archived yet is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from connectors.avro import Registry, codec
from connectors.control import ControlLog
from connectors.control_taken import Refused, take
from connectors.decisions_found import (
    NotFound,
    Result,
    cases_of,
    decoded_events,
    matching,
    undecided,
)
from connectors.log_archive import Archive, opened
from connectors.log_decide import logged_context, registry_of
from connectors.log_files import LogRecord
from connectors.log_folder import read_schemas
from connectors.log_topics import LogReader, Span
from models.context import Context
from schemas.topics import CONTROL_TOPICS, DECISIONS, EVENTS


@dataclass(frozen=True, slots=True)
class Live:
    """The stack whose log the archive is of."""

    brokers: str
    registry: Registry


def in_archive(folder: Path, wanted: str, live: Live | None = None) -> Result:
    """From an archive, and with `live` from what the topics hold beyond it.

    Raises NotFound, LogFilesError, and with `live` LogUnavailable, ControlUnavailable.
    """
    with opened(folder) as archive:
        registry = live.registry if live else registry_of(read_schemas(folder))
        decisions, events = codec(DECISIONS, registry), codec(EVENTS, registry)
        found = archive.of_id(DECISIONS, wanted)
        rows = matching(found, decisions, wanted)
        if not rows and live:
            rows = matching(_tail(live, archive, DECISIONS), decisions, wanted)
        if not rows:
            late = [*archive.of_id(EVENTS, wanted)]
            late += _tail(live, archive, EVENTS) if live else ()
            waiting = undecided(late, events, wanted)
            if waiting:
                return waiting
            beyond = f" nor on {live.brokers}" if live else ""
            raise NotFound(f"no decision, slot or event {wanted} in archive {folder}{beyond}")
        key = rows[0][0].user_key
        partition = found[0].partition if found else None
        own = archive.of_key(EVENTS, key.encode(), archive.like(DECISIONS, EVENTS, partition))
        if live:
            own += _tail(live, archive, EVENTS, {raw.partition for raw in own})
        told = list(decoded_events(own, events, key))
        return cases_of(rows, told, _context(folder, archive, live))


def belongs(folder: Path, brokers: str) -> bool:
    """Whether an archive is of the log behind these brokers. Raises LogFilesError."""
    with opened(folder, ()) as archive:
        return archive.about.cluster == LogReader(brokers).cluster()


def _tail(
    live: Live, archive: Archive, topic: str, partitions: set[int] | None = None
) -> Iterator[LogRecord]:
    """What the topic holds beyond the archive; of some partitions where any are named."""
    reader = LogReader(live.brokers)
    spans = beyond(archive, topic, reader.spans(topic))
    own = {number: span for number, span in spans.items() if number in (partitions or spans)}
    return reader.read(topic, own)


def beyond(archive: Archive, topic: str, spans: Mapping[int, Span]) -> dict[int, Span]:
    """The spans of a topic without what is archived."""
    reaches = archive.reaches.get(topic, {})
    return {
        number: (max(first, reaches[number].end) if number in reaches else first, end)
        for number, (first, end) in spans.items()
    }


def _context(folder: Path, archive: Archive, live: Live | None) -> Context:
    """Every version archived, and those that only the control topics hold yet."""
    context = logged_context(folder)
    if live is None:
        return context
    readers = {topic: codec(topic, live.registry) for topic in CONTROL_TOPICS}
    for record in ControlLog(live.brokers).read(CONTROL_TOPICS):
        reach = archive.reaches.get(record.topic, {}).get(record.origin.partition)
        if reach is None or record.origin.offset >= reach.end:
            with suppress(Refused):
                take(context, record.topic, readers[record.topic], record.origin.value)
    return context
