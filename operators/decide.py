"""2-7 Decide: the one keyed hop, from dedup to auction.

Wraps operators/hop.py. Flink owns the state: one bytes value a user key, cleared by Forget (30
minutes after a page key's last event, 30 days after any other's) and, should that ever be missed,
by a time-to-live; a second value belongs to keys of a login alone (operators/handovers.py). Control
records are mirrored in memory: reading Flink's broadcast state costs more than the rest of the hop.
They are all read in `open`, before the first event, and again from the topics after a restore, so
that they need no state at all.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterable
from typing import Any

from pyflink.common import Row, Time, Types
from pyflink.datastream import KeyedBroadcastProcessFunction, RuntimeContext
from pyflink.datastream.state import StateTtlConfig, ValueStateDescriptor

from connectors.avro import RegistryClient, codec, fingerprint
from connectors.control import ControlLog, ControlRecord
from connectors.control_taken import MODEL_REFUSED, POLICY_REFUSED, Refused, take
from connectors.intents import intents_of
from connectors.loops import loops
from connectors.model_keys import Trust, scorer_of
from connectors.plain import plain
from connectors.routes import read_origin
from jobs.settings import Settings
from models.context import Context
from models.intent import Scorer
from operators.build import require_build
from operators.codecs import Codecs
from operators.hop import Out, UserHop
from operators.metrics import Meter
from schemas.model import UNSIGNED, Model
from schemas.topics import CONTROL_TOPICS, DEAD_LETTERS, DECISIONS, EVENTS, PROFILES, TRIGGERS

log = logging.getLogger(__name__)
STATE_NAME = "user"
HANDOFFS_NAME = "handoffs"
SECRET_TOPIC = "sites"
STATE_TTL_DAYS = 60
"""Twice the longest life of a profile: the clean-up deadline comes first."""

POLICIES_KEPT_MS = 3_600_000
"""How far behind the newest policy this process may read events: an hour of catching up."""

CLOCK_EVERY_ENTRIES = 1_000
"""How often RocksDB's clean-up asks for the time, in entries."""


class Decide(KeyedBroadcastProcessFunction):
    """Shell around UserHop; see the module for who owns what."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def open(self, runtime_context: RuntimeContext) -> None:
        """Refuse another build's code, load the context, then take events."""
        settings = self.settings
        require_build(settings.build_id)
        registry = RegistryClient(settings.registry_url)
        self.codecs = {topic: codec(topic, registry) for topic in CONTROL_TOPICS}
        self.meter = Meter()
        self.meter.attach(runtime_context.get_metrics_group(), settings.build_id)
        context = Context(
            _scorers(settings),
            fingerprint(DECISIONS),
            intents_of,
            policies_kept_ms=POLICIES_KEPT_MS,
            loops=loops(),
            plain=plain(),
        )
        codecs = Codecs(
            codec(EVENTS, registry),
            codec(DECISIONS, registry),
            codec(DEAD_LETTERS, registry),
            codec(TRIGGERS, registry),
            codec(PROFILES, registry),
        )
        log.info("events read in %s, decisions written in %s", *codecs.languages())
        self.hop = UserHop(context, codecs, settings.build_id, self.meter)
        self.state: Any = runtime_context.get_state(_descriptor(STATE_NAME))
        self.hop.handovers.state = runtime_context.get_state(_descriptor(HANDOFFS_NAME))
        self.loaded: dict[tuple[str, int], int] = {}
        for record in ControlLog(settings.brokers, settings.kafka).read():
            self._take(record)
        # What is loaded now lives as long as the process: collections need not look at it again.
        gc.collect()
        gc.freeze()

    def process_element(self, value: bytes, ctx: Any) -> Iterable[Row]:
        """One record of `events`, with the provenance that KeyedBytesDeserializer.java adds."""
        return _rows(self.hop.element(value, self.state, ctx.timer_service()))

    def on_timer(self, timestamp: int, ctx: Any) -> Iterable[Row]:
        """Event time has passed a deadline of the current user."""
        key = ctx.get_current_key()
        return _rows(self.hop.timer(timestamp, _name(key), self.state, ctx.timer_service()))

    def process_broadcast_element(self, value: Row, ctx: Any) -> Iterable[Row]:
        """One control record that arrived while the job runs."""
        record = ControlRecord(value[0], read_origin(bytes(value[1])))
        return _rows(self._take(record, running=True))

    def close(self) -> None:
        """Hand the last counts over."""
        if hasattr(self, "meter"):
            self.meter.push()

    def _take(self, record: ControlRecord, *, running: bool = False) -> Out:
        """Put a control record into the context; one that cannot be used becomes a dead letter."""
        place = (record.topic, record.origin.partition)
        if record.origin.offset <= self.loaded.get(place, -1):
            return []
        self.loaded[place] = record.origin.offset
        try:
            reader = self.codecs[record.topic]
            made = take(self.hop.context, record.topic, reader, record.origin.value)
        except Refused as refused:
            if refused.reason in (MODEL_REFUSED, POLICY_REFUSED):
                self.meter.add(refused.reason)
            return self._refuse(record, refused, running)
        self.meter.add("control_applied")
        if running and made.effective_at_ms <= self.hop.engine_ms:
            self.meter.add("control_after_effect")
        return []

    def _refuse(self, record: ControlRecord, refused: Refused, running: bool) -> Out:
        """The version before stays in force. Only the running job writes: a restart repeats."""
        log.error("control record %s@%s: %s", record.topic, record.origin.offset, refused.detail)
        self.meter.add("control_refused")
        if not running:
            return []
        origin = record.origin
        if record.topic == SECRET_TOPIC:
            # Its keys must not lie in a topic that many read; place and reason find the record.
            origin = origin._replace(value=None)
        told = (refused.reason, refused.detail, refused.schema_id)
        return [self.hop.letter(origin, *told, record.topic)]


def _descriptor(name: str) -> ValueStateDescriptor:
    # A primitive array as state type comes back as a tuple of ints, one pickled bytes does not.
    descriptor = ValueStateDescriptor(name, Types.PICKLED_BYTE_ARRAY())
    ttl = StateTtlConfig.new_builder(Time.days(STATE_TTL_DAYS))
    ttl.set_update_type(StateTtlConfig.UpdateType.OnCreateAndWrite)
    # PyFlink's defaults here would start a second JVM inside each TaskManager, to make a Duration.
    ttl.disable_cleanup_in_background()
    ttl.cleanup_in_rocksdb_compact_filter(CLOCK_EVERY_ENTRIES, Time.days(STATE_TTL_DAYS))
    descriptor.enable_time_to_live(ttl.build())
    return descriptor


def _name(key: Any) -> str:
    return key if isinstance(key, str) else str(key[0])


def _rows(out: Out) -> list[Row]:
    return [Row(key, payload) for key, payload in out]


def _scorers(settings: Settings) -> Callable[[Model], Scorer]:
    if not settings.model_keys:
        log.error("no key is trusted (KAIROS_MODEL_KEYS), so no model is taken: rules decide")
    elif UNSIGNED in settings.model_keys:
        log.warning("KAIROS_MODEL_KEYS says %s: any model is taken, signed or not", UNSIGNED)
    return scorer_of(Trust(settings.model_keys))
