"""Dead letters as their operator sees them: listed once each, and sent again at most once.

A letter's id is where its original lay: topic/partition/offset. A replayed record carries that id
in a header, so a second replay finds it in the log and leaves it alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from connectors.avro import BadFrame, Registry, codec
from connectors.log_files import LogRecord
from connectors.log_topics import LogReader, LogWriter
from schemas.dead_letter import DeadLetter
from schemas.topics import DEAD_LETTERS, SCHEMA_FILES

REPLAY_OF = "kairos.replay-of"
"""Header of a replayed record: the id of its dead letter."""

Place = tuple[str, int]
"""Origin topic and partition."""


@dataclass(frozen=True, slots=True)
class Item:
    """One dead letter under its id."""

    id: str
    letter: DeadLetter


@dataclass(slots=True)
class Replayed:
    """What a replay did, by letter id; `skipped` says why."""

    sent: list[str] = field(default_factory=list)
    already: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)


def letter_id(letter: DeadLetter, record: LogRecord) -> str:
    """Where the original lay, or the letter itself when there is none (a failed deadline)."""
    if letter.origin_partition < 0:
        return f"{DEAD_LETTERS}/{record.partition}/{record.offset}"
    return f"{letter.origin_topic}/{letter.origin_partition}/{letter.origin_offset}"


def read_items(reader: LogReader, registry: Registry) -> Iterator[Item]:
    """Every letter once, the first of its id, in log order; unreadable ones as letters too."""
    decode = codec(DEAD_LETTERS, registry).decode
    seen: set[str] = set()
    for record in reader.read(DEAD_LETTERS, reader.spans(DEAD_LETTERS)):
        try:
            letter = decode(record.value)
        except BadFrame as bad:
            # Somebody wrote into the topic: shown under the place where it lies.
            letter = _unreadable(record, bad)
        name = letter_id(letter, record)
        if name not in seen:
            seen.add(name)
            yield Item(name, letter)


def _unreadable(record: LogRecord, bad: BadFrame) -> DeadLetter:
    return DeadLetter(
        reason="unreadable_letter",
        detail=str(bad),
        origin_topic=DEAD_LETTERS,
        origin_partition=record.partition,
        origin_offset=record.offset,
        origin_timestamp_ms=record.timestamp_ms,
        key=record.key,
        value=record.value,
        value_length=len(record.value or b""),
        schema_id=bad.schema_id,
    )


def replay(
    brokers: str, registry: Registry, chosen: Callable[[Item], bool], *, dry_run: bool = False
) -> Replayed:
    """Send the originals of the chosen letters again: same topic, partition, key and bytes.

    Record time is the broker's present one, since engine time only moves forward.
    """
    reader, done = LogReader(brokers), Replayed()
    starts: dict[Place, int] = {}
    for item in read_items(reader, registry):
        if chosen(item) and not obstacle(item):
            place = (item.letter.origin_topic, item.letter.origin_partition)
            after = item.letter.origin_offset + 1
            starts[place] = min(starts.get(place, after), after)
    sent_before = _replays(reader, starts)
    writer = LogWriter(brokers)
    for item in read_items(reader, registry):
        if not chosen(item):
            continue
        reason = obstacle(item)
        if reason:
            done.skipped[item.id] = reason
        elif item.id in sent_before:
            done.already.append(item.id)
        else:
            if not dry_run:
                writer.write(item.letter.origin_topic, _original(item), keep_time=False)
            done.sent.append(item.id)
    writer.flush(DEAD_LETTERS)
    return done


def obstacle(item: Item) -> str:
    """Why a letter cannot be replayed; empty if it can."""
    letter = item.letter
    if letter.origin_topic not in SCHEMA_FILES or letter.origin_topic == DEAD_LETTERS:
        return f"topic {letter.origin_topic} takes no replays"
    if letter.origin_partition < 0 or letter.origin_offset < 0:
        return "it came from no record"
    if letter.value_length > len(letter.value or b""):
        return f"its value was cut at {len(letter.value or b'')} of {letter.value_length} bytes"
    return ""


def _original(item: Item) -> LogRecord:
    letter, headers = item.letter, ((REPLAY_OF, item.id.encode()),)
    return LogRecord(letter.origin_partition, -1, -1, letter.key, letter.value, headers)


def _replays(reader: LogReader, starts: dict[Place, int]) -> set[str]:
    """Ids of letters whose replays lie behind these offsets; a replay lies behind its original."""
    found = set()
    for topic in {topic for topic, _ in starts}:
        spans = {
            number: (max(first, starts[topic, number]), end)
            for number, (first, end) in reader.spans(topic).items()
            if (topic, number) in starts
        }
        for record in reader.read(topic, spans):
            found |= {
                (value or b"").decode() for name, value in record.headers if name == REPLAY_OF
            }
    return found
