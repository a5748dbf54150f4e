"""What the hops of the learning job share: control records in memory, counts, rows, poison.

Control records are mirrored in memory as in operators/decide.py: read whole in `open`, then kept
up to date by the broadcast.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any, Protocol

from pyflink.common import Row
from pyflink.common.typeinfo import Types
from pyflink.datastream.state import ListStateDescriptor, ValueStateDescriptor

from connectors.avro import Codec, Registry, codec
from connectors.control import ControlLog, ControlRecord
from connectors.control_taken import Refused, take
from connectors.routes import Origin, read_origin, routed
from jobs.settings import Settings
from models.context import Context
from operators.stopwatch import now_ms
from schemas.dead_letter import DeadLetter, letter
from schemas.topics import DEAD_LETTERS, POLICY, PRODUCTS

log = logging.getLogger(__name__)
TOPICS = ("sites", "campaigns", PRODUCTS, POLICY)
"""What learning needs of the five; models are the decision job's."""

POLICIES_KEPT_MS = 3_600_000
"""Learning asks for the newest policy alone; those before it need not stay in memory."""

COUNTS = (
    "outcomes", "forwarded", "decisions_read", "rewards_positive", "rewards_negative",
    "rewards_withheld", "rewards_fallback", "corrections", "policies", "held", "unreadable",
    "letters", "internal_errors", "crowded_out", "sessions", "products", "products_too_large",
)  # fmt: skip
"""Counter names, `kairos_learning` before each in Prometheus."""

GAUGES = ("policy_version", "learned_until_ms", "lag_ms", "pacing_ppm_least", "slots_open")
PUSH_S = 1.0
Out = list[tuple[str, bytes]]


class Pending(Protocol):
    """A list of bytes of the current site, owned by the engine."""

    def add(self, value: bytes) -> None:
        """Append."""

    def get(self) -> Iterable[bytes]:
        """All of them, None for none."""

    def clear(self) -> None:
        """Empty it."""


class LearningMeter:
    """Counts and newest values by name, handed to Flink once a second at most."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.counts = dict.fromkeys(COUNTS, 0)
        self.values = dict.fromkeys(GAUGES, 0)
        self._pushed = dict(self.counts)
        self._counters: dict[str, Any] = {}
        self._gauges: dict[str, Any] = {}
        self._clock = clock
        self._next_s = clock() + PUSH_S

    def attach(self, group: Any, build_id: str) -> None:
        """Create Flink's metrics in this group; the build shows as a label."""
        ours = group.add_group("kairos").add_group("learning")
        self._counters = {name: ours.counter(name) for name in COUNTS}
        # A distribution shows as the last value given: no call back into Python is needed.
        self._gauges = {name: ours.distribution(name) for name in GAUGES}
        ours.add_group("build", build_id).counter("started").inc()

    def add(self, name: str, count: int = 1) -> None:
        """Count something."""
        self.counts[name] += count

    def tick(self) -> None:
        """Called once a record."""
        if self._clock() >= self._next_s:
            self.push()

    def push(self) -> None:
        """Hand over what was added since the last time."""
        self._next_s = self._clock() + PUSH_S
        for name, counter in self._counters.items():
            if self.counts[name] != self._pushed[name]:
                counter.inc(self.counts[name] - self._pushed[name])
        self._pushed = dict(self.counts)
        for name, gauge in self._gauges.items():
            gauge.update(self.values[name])


class Mirror:
    """The control records of `TOPICS` in memory; `told` are called with each of their topic."""

    def __init__(self, registry: Registry) -> None:
        self.context = Context(_no_model, policies_kept_ms=POLICIES_KEPT_MS)
        self._codecs = {topic: codec(topic, registry) for topic in TOPICS}
        self.told: dict[str, Callable[[Any], None]] = {}
        self._loaded: dict[tuple[str, int], int] = {}

    def load(self, settings: Settings) -> None:
        """Everything that was published so far. Raises ControlUnavailable."""
        for record in ControlLog(settings.brokers, settings.kafka).read(TOPICS):
            self.take(record.topic, record.origin)

    def row(self, row: Row) -> None:
        """One control record that arrived while the job runs."""
        record = ControlRecord(row[0], read_origin(bytes(row[1])))
        self.take(record.topic, record.origin)

    def take(self, topic: str, origin: Origin) -> None:
        """Put one in force; the decision job tells of those that cannot be used."""
        place = (topic, origin.partition)
        if topic not in TOPICS or origin.offset <= self._loaded.get(place, -1):
            return
        self._loaded[place] = origin.offset
        try:
            made = take(self.context, topic, self._codecs[topic], origin.value)
        except Refused as refused:
            log.error("control record %s@%s: %s", topic, origin.offset, refused.detail)
            return
        if topic in self.told:
            self.told[topic](made)


def told(
    letters: Codec[DeadLetter], build_id: str, topic: str, origin: Origin, reason: str, detail: str
) -> tuple[str, bytes]:
    """A dead letter of a record that this job alone cannot read."""
    made = letter(
        reason=reason,
        detail=detail,
        topic=topic,
        key=origin.key,
        value=origin.value,
        origin_partition=origin.partition,
        origin_offset=origin.offset,
        origin_timestamp_ms=origin.timestamp_ms,
        build_id=build_id,
    )
    headers = {"kairos.build": build_id.encode()}
    key = "" if origin.key is None else origin.key.decode("utf-8", "replace")
    return key, routed(DEAD_LETTERS, headers, letters.encode(made))


def value_state(name: str) -> ValueStateDescriptor:
    """One bytes value; a primitive array as state type would come back as a tuple of ints."""
    return ValueStateDescriptor(name, Types.PICKLED_BYTE_ARRAY())


def list_state(name: str) -> ListStateDescriptor:
    """A list of bytes that grows without being read."""
    return ListStateDescriptor(name, Types.PICKLED_BYTE_ARRAY())


def rows(out: Out) -> list[Row]:
    """As Flink takes them."""
    return [Row(key, payload) for key, payload in out]


def name_of(key: Any) -> str:
    """The current key of a stream keyed by field 0."""
    return key if isinstance(key, str) else str(key[0])


def lag_ms(engine_ms: int) -> int:
    """How far engine time trails this machine's clock; for a gauge only."""
    return max(now_ms() - engine_ms, 0)


def _no_model(model: Any) -> Any:
    raise AssertionError("learning reads no models")
