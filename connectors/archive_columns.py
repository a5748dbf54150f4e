"""Rows of an archive: typed columns for whoever asks questions, the original bytes for a fold.

Columns are in this one table; a new one is a line here. `value` is the record's value as it lay in
the log, frame included, so that nothing is lost. A record that is no valid event or decision of
its key goes to the poison table as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pyarrow as pa

from connectors.archive_files import (
    CONTROL_TABLE,
    DECISIONS_TABLE,
    EVENTS_TABLE,
    OUTCOMES_TABLE,
    POISON_TABLE,
)
from connectors.avro import BadFrame, Codec
from connectors.log_files import LogRecord
from schemas.decision import Decision
from schemas.event import OUTCOMES, TIME_OUT, Event
from schemas.ids import SITE, TICK_KEY, USER_KEY
from schemas.topics import CONTROL_TOPICS, DECISIONS, EVENTS

NOBODY = "_"
"""The site of a record that names none."""

_TICK = TICK_KEY.encode()
_HEADERS = pa.list_(pa.struct([("name", pa.string()), ("value", pa.binary())]))
_FIRST = [
    ("offset", pa.int64()),
    ("timestamp_ms", pa.int64()),
    ("key", pa.binary()),
]
_LAST = [("headers", _HEADERS), ("value", pa.binary())]
Column = tuple[str, Any, Callable[[Any], Any]]
_EVENT: tuple[Column, ...] = (
    ("user_key", pa.string(), lambda e: e.user_key),
    ("event_id", pa.string(), lambda e: e.event_id),
    ("type", pa.string(), lambda e: e.type),
    ("internal", pa.string(), lambda e: e.internal),
    ("session_id", pa.string(), lambda e: e.session_id),
    ("session_index", pa.int64(), lambda e: e.session_index),
    ("received_at_ms", pa.int64(), lambda e: e.received_at_ms),
    ("product_id", pa.string(), lambda e: e.product and e.product.id),
    ("category", pa.string(), lambda e: e.product and e.product.category),
    ("price_micros", pa.int64(), lambda e: e.product and e.product.price_micros),
    ("value_micros", pa.int64(), lambda e: e.value_micros),
    ("slot_id", pa.string(), lambda e: e.slot_id),
    ("decision_id", pa.string(), lambda e: e.decision_id),
    ("source_shown", pa.string(), lambda e: e.source_shown),
)
_DECISION: tuple[Column, ...] = (
    ("user_key", pa.string(), lambda d: d.user_key),
    ("decision_id", pa.string(), lambda d: d.decision_id),
    ("slot_id", pa.string(), lambda d: d.slot_id),
    ("event_id", pa.string(), lambda d: d.trigger.event_id),
    ("session_id", pa.string(), lambda d: d.session_id),
    ("decided_at_ms", pa.int64(), lambda d: d.decided_at_ms),
    ("placement", pa.string(), lambda d: d.placement),
    ("source", pa.string(), lambda d: d.source),
    ("campaign_id", pa.string(), lambda d: d.campaign_id),
    ("action_type", pa.string(), lambda d: d.action_type),
    ("reason", pa.string(), lambda d: d.reason),
    ("stage", pa.string(), lambda d: d.stage),
    ("withheld", pa.string(), lambda d: d.withheld),
    ("explored", pa.bool_(), lambda d: d.explored),
    ("propensity_ppm", pa.int64(), lambda d: d.propensity_ppm),
    ("price_micros", pa.int64(), lambda d: d.price_micros),
    ("charge_micros", pa.int64(), lambda d: d.charge_micros),
)
COLUMNS: dict[str, tuple[Column, ...]] = {
    EVENTS_TABLE: _EVENT,
    OUTCOMES_TABLE: _EVENT,
    DECISIONS_TABLE: _DECISION,
    POISON_TABLE: (),
    CONTROL_TABLE: (),
}


class Row(NamedTuple):
    """One record with where it goes: table, site, UTC day. `record` is the decoded one or None."""

    table: str
    site: str
    day: str
    raw: LogRecord
    record: Any = None


def schema(table: str) -> Any:
    """The Arrow schema of a table."""
    typed = [(name, kind) for name, kind, _ in COLUMNS[table]]
    return pa.schema([*_FIRST, *typed, *_LAST])


def is_tick(raw: LogRecord) -> bool:
    """Whether the record only says that time passed."""
    return raw.key == _TICK


def row_of(topic: str, raw: LogRecord, codec: Codec[Any]) -> Row:
    """Where a record goes; what cannot be read goes to poison, its bytes untouched."""
    day = day_of(raw.timestamp_ms)
    if topic in CONTROL_TOPICS:
        return Row(CONTROL_TABLE, _site(raw.key), day, raw)
    try:
        record = codec.decode(raw.value)
    except BadFrame:
        return Row(POISON_TABLE, _site(raw.key), day, raw)
    if record.user_key.encode() != raw.key or USER_KEY.fullmatch(record.user_key) is None:
        return Row(POISON_TABLE, _site(raw.key), day, raw)
    table = {EVENTS: EVENTS_TABLE, DECISIONS: DECISIONS_TABLE}[topic]
    if topic == EVENTS and record.type in OUTCOMES and not record.internal:
        table = OUTCOMES_TABLE
    return Row(table, _site(raw.key), day, raw, record)


def names_of(row: Row) -> tuple[str, ...]:
    """The ids by which the row is looked up, through its index."""
    record = row.record
    if isinstance(record, Decision):
        return tuple({record.decision_id, record.slot_id, record.trigger.event_id} - {""})
    if isinstance(record, Event) and record.internal == TIME_OUT:
        return tuple({record.event_id, record.slot_id or ""} - {""})
    return ()


def table_of(table: str, rows: Sequence[Row]) -> Any:
    """Rows of one table as an Arrow table, in their order."""
    raws = [row.raw for row in rows]
    columns = [
        [raw.offset for raw in raws],
        [raw.timestamp_ms for raw in raws],
        [raw.key for raw in raws],
        *([get(row.record) for row in rows] for _, _, get in COLUMNS[table]),
        [[{"name": n, "value": v} for n, v in raw.headers] for raw in raws],
        [raw.value for raw in raws],
    ]
    made = schema(table)
    arrays = [pa.array(each, kind) for each, kind in zip(columns, made.types, strict=True)]
    return pa.Table.from_arrays(arrays, schema=made)


def records_in(partition: int, table: Any) -> Iterable[LogRecord]:
    """The log's records of an Arrow table of ours, in its order."""
    names = ("offset", "timestamp_ms", "key", "value", "headers")
    columns = [table.column(name).to_pylist() for name in names]
    for offset, timestamp_ms, key, value, headers in zip(*columns, strict=True):
        pairs = tuple((each["name"], each["value"]) for each in headers)
        yield LogRecord(partition, offset, timestamp_ms, key, value, pairs)


def day_of(timestamp_ms: int) -> str:
    """The UTC day of a record's stamp; a stamp out of the calendar is of day 0."""
    try:
        return datetime.fromtimestamp(timestamp_ms / 1000, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return "1970-01-01"


def _site(key: bytes | None) -> str:
    """The site that a key starts with: user keys are `site:...`, control keys the site."""
    name = (key or b"").split(b":", 1)[0].decode("ascii", "replace")
    return name if SITE.fullmatch(name) else NOBODY
