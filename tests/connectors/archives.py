"""A small log as it would lie in Kafka, and an archive made of it, for tests of what reads one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from connectors.archive_files import About, write_about
from connectors.archive_write import ArchiveWriter
from connectors.avro import codec
from connectors.log_files import LogRecord
from connectors.memory import MemoryRegistry
from schemas.decision import Decision, TriggerRef
from schemas.event import TICK, TIME_OUT, Event
from schemas.ids import TICK_KEY
from schemas.topics import DECISIONS, EVENTS

DAY_MS = 86_400_000
MONDAY_MS = 1_700_006_400_000
USERS = tuple(f"demo:v:{number:032x}" for number in range(5))
Log = list[tuple[str, LogRecord]]


def event(number: int, **more: object) -> Event:
    """The event of that number: users take turns, six hours lie between two."""
    at_ms = MONDAY_MS + number * DAY_MS // 4
    key = USERS[number % len(USERS)]
    given: dict[str, object] = {
        "event_id": f"e{number}", "type": "page_view", "site": key.split(":")[0],
        "user_key": key, "session_id": "s1", "tab_id": "t1", "session_index": number,
        "ts_ms": at_ms, "received_at_ms": at_ms, **more,
    }  # fmt: skip
    return Event(**given)  # type: ignore[arg-type]


def decision(number: int) -> Decision:
    """The answer to the event of that number."""
    asked = event(number)
    return Decision(
        slot_id=f"s_{number:032x}",
        decision_id=f"d_{number:032x}",
        site=asked.site,
        user_key=asked.user_key,
        trigger=TriggerRef("page_view", asked.event_id),
        decided_at_ms=asked.received_at_ms,
        placement="page",
    )


def log(registry: MemoryRegistry, count: int = 40, partitions: int = 2) -> Log:
    """Events, outcomes, decisions with headers, ticks and poison, offsets running by partition."""
    events, decisions = codec(EVENTS, registry), codec(DECISIONS, registry)
    out: Log = []
    ends: dict[tuple[str, int], int] = {}

    def lay(topic: str, number: int, key: bytes, value: bytes, *headers: tuple[str, bytes]) -> None:
        place = (topic, number % len(USERS) % partitions)
        offset = ends.get(place, 0)
        ends[place] = offset + 1
        stamp = event(number).received_at_ms
        out.append((topic, LogRecord(place[1], offset, stamp, key, value, headers)))

    for number in range(count):
        made = event(number)
        if number % 7 == 3:
            made = event(number, type="impression", slot_id=f"s_{number:032x}")
        if number % 11 == 5:
            made = event(number, type="", internal=TIME_OUT, slot_id=f"s_{number:032x}")
        lay(EVENTS, number, made.user_key.encode(), events.encode(made))
        lay(DECISIONS, number, made.user_key.encode(), decisions.encode(decision(number)),
            ("kairos.build", b"b1"), ("kairos.ledger", b"{}"))  # fmt: skip
        tick = Event(internal=TICK, received_at_ms=made.received_at_ms)
        lay(EVENTS, number, TICK_KEY.encode(), events.encode(tick))
        if number % 13 == 4:
            lay(EVENTS, number, made.user_key.encode(), b"no frame")
        if number % 13 == 6:
            # A good frame under another's key is as bad.
            lay(EVENTS, number, USERS[0].encode(), events.encode(event(number + 1)))
    return out


def kept(records: Iterable[LogRecord]) -> list[LogRecord]:
    """The records but the ticks, by partition, then offset: what an archive keeps of a topic."""
    own = [each for each in records if each.key != TICK_KEY.encode()]
    return sorted(own, key=lambda each: each[:2])


def of_topic(records: Log, topic: str) -> list[LogRecord]:
    """One topic of a log."""
    return [each for name, each in records if name == topic]


def writer(folder: Path, registry: MemoryRegistry) -> ArchiveWriter:
    """A writer on an archive, made where there is none."""
    if not (folder / "archive.json").exists():
        write_about(folder, About("test"))
    codecs = {topic: codec(topic, registry) for topic in (EVENTS, DECISIONS, "sites")}
    made = ArchiveWriter(folder, codecs, registry.get)
    for topic in codecs:
        for partition in range(2):
            made.begin(topic, partition, 0)
    return made


def archived(folder: Path, records: Log, registry: MemoryRegistry, every: int = 30) -> None:
    """Archive a log with a commit after so many records."""
    made = writer(folder, registry)
    for at, (topic, each) in enumerate(records, 1):
        made.add(topic, each)
        if at % every == 0:
            made.commit()
    made.commit()
