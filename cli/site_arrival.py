"""Waiting for a new shop's first event, so that whoever pasted the snippet sees it work."""

from __future__ import annotations

from queue import SimpleQueue

from confluent_kafka import KafkaException

from cli.endpoints import endpoints
from cli.output import CommandError, progress
from connectors.avro import BadFrame, codec
from connectors.registry import RegistryClient
from connectors.topic_tail import Tailed, TopicTail
from schemas.event import Event
from schemas.topics import EVENTS


def wait_for_first_event(site: str) -> None:
    """Say what came first and from where; Ctrl-C ends it, the site stays. Raises CommandError."""
    where = endpoints()
    reader = codec(EVENTS, RegistryClient(where.registry))
    arrived: SimpleQueue[tuple[Event, float]] = SimpleQueue()

    def note(record: Tailed) -> None:
        if record.key is None or not record.key.startswith(f"{site}:".encode()):
            return
        try:
            event = reader.decode(record.value)
        except BadFrame:
            return
        if not event.internal:
            arrived.put((event, record.arrived_ms))

    try:
        tail = TopicTail(where.brokers, EVENTS, note).start()
    except KafkaException as failure:
        raise CommandError(f"topic {EVENTS} cannot be read: {failure}") from failure
    progress("waiting for the first event; Ctrl-C stops waiting, the site stays")
    try:
        event, arrived_ms = arrived.get()
        progress(first_line(event, arrived_ms))
    except KeyboardInterrupt:
        progress(f"no event of {site} yet; `kairos sites list` shows the site")
    finally:
        tail.stop()


def first_line(event: Event, arrived_ms: float) -> str:
    """What came first, from which page, how long after it happened."""
    age_s = max(0.0, arrived_ms - event.ts_ms) / 1000
    place = event.page.url.partition("?")[0] if event.page and event.page.url else "no page"
    return f"first event: {event.type} from {place} {age_s:.1f} s ago"
