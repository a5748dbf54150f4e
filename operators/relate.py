"""9 Relate: outcomes and orders to their user, and to the keys that this user had before a login.

Wraps models/aliases.py. Flink owns one bytes value of a known user, cleared when the user is
erased, or once nothing in it may be asked for: a week after its last login, an hour after its last
outcome. The baskets of everybody's sessions are operators/baskets.py. An event that cannot be read
is the decision job's to tell of; here it is counted.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from pyflink.common import Row
from pyflink.datastream import KeyedProcessFunction, RuntimeContext

from connectors.avro import BadFrame, Codec, RegistryClient, codec
from connectors.routes import read_origin
from jobs.settings import Settings
from models import aliases
from models.handoff import KNOWN
from operators import baskets
from operators.build import require_build
from operators.engine import State, Timers
from operators.learning_shell import LearningMeter, Out, name_of, rows, value_state
from schemas.basket import UnknownBaskets
from schemas.event import ERASE, Event
from schemas.handoff import ProfileMerge
from schemas.ids import TICK_KEY
from schemas.lesson import OUTCOME
from schemas.outcome import Outcome, outcome_of
from schemas.topics import EVENTS, PROFILES

log = logging.getLogger(__name__)
TICK_BYTES = TICK_KEY.encode()
ERASED = ERASE
"""Kind of an outcome that makes attribution forget its key."""


class RelateHop:
    """The hop without the engine."""

    def __init__(
        self, events: Codec[Event], merges: Codec[ProfileMerge], meter: LearningMeter
    ) -> None:
        self._events, self._merges, self._meter = events, merges, meter

    def element(self, payload: bytes, state: State, visits: State, timers: Timers) -> Out:
        """One record of `events` or `profiles`; never raises for what it holds.

        `state` holds the user's aliases, `visits` the baskets of its sessions.
        """
        origin = read_origin(payload)
        if origin.key == TICK_BYTES or origin.key is None:
            return []
        try:
            key = origin.key.decode("utf-8", "replace")
            return self._read(key, origin.value, state, visits, timers)
        except (aliases.UnknownAliases, UnknownBaskets):
            raise
        except Exception:
            log.exception("record %s/%s could not be related", origin.partition, origin.offset)
            self._meter.add("internal_errors")
            return []

    def timer(self, at_ms: int, key: str, state: State, visits: State, timers: Timers) -> Out:
        """A deadline of this user has passed."""
        data = state.value()
        if data is not None:
            known = aliases.load(data)
            aliases.expire(known, at_ms)
            self._keep(known, state, timers)
        return baskets.timer(at_ms, key, visits, timers)

    def _read(
        self, key: str, value: bytes | None, state: State, visits: State, timers: Timers
    ) -> Out:
        try:
            event = self._events.decode(value)
        except BadFrame as bad:
            told = bad.reason == "wrong_schema"
            return self._merged(key, value, state, timers) if told else self._skip()
        if event.user_key != key:
            return self._skip()
        if event.internal == ERASE:
            state.clear()
            visits.clear()
            return [(key, OUTCOME + Outcome(ERASED, event.event_id, event.received_at_ms).dump())]
        out = baskets.element(event, key, visits, timers)
        outcome = outcome_of(event)
        return out if outcome is None else out + self._heard(key, outcome, state, timers)

    def _heard(self, key: str, outcome: Outcome, state: State, timers: Timers) -> Out:
        self._meter.add("outcomes")
        told = OUTCOME + outcome.dump()
        out = [(key, told)]
        if KNOWN in key:
            known = aliases.load(state.value())
            out += [(each, told) for each in aliases.heard(known, outcome)]
            self._keep(known, state, timers)
            self._meter.add("forwarded", len(out) - 1)
        return out

    def _merged(self, key: str, value: bytes | None, state: State, timers: Timers) -> Out:
        try:
            merge = self._merges.decode(value)
        except BadFrame:
            return self._skip()
        if merge.user_key != key or KNOWN not in key:
            return self._skip()
        known = aliases.load(state.value())
        late = aliases.joined(known, merge)
        self._keep(known, state, timers)
        self._meter.add("forwarded", len(late))
        return [(merge.from_key, OUTCOME + each.dump()) for each in late]

    def _keep(self, known: aliases.Aliases, state: State, timers: Timers) -> None:
        due_ms = aliases.next_ms(known)
        if not due_ms:
            return state.clear()
        if not known.timer_ms or due_ms < known.timer_ms:
            known.timer_ms = due_ms
            timers.register_event_time_timer(due_ms)
        return state.update(aliases.dump(known))

    def _skip(self) -> Out:
        self._meter.add("unreadable")
        return []


class Relate(KeyedProcessFunction):
    """Shell around RelateHop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def open(self, runtime_context: RuntimeContext) -> None:
        """Refuse another build's code."""
        require_build(self.settings.build_id)
        registry = RegistryClient(self.settings.registry_url)
        self.meter = LearningMeter()
        self.meter.attach(runtime_context.get_metrics_group(), self.settings.build_id)
        self.hop = RelateHop(codec(EVENTS, registry), codec(PROFILES, registry), self.meter)
        self.state: Any = runtime_context.get_state(value_state("aliases"))
        self.visits: Any = runtime_context.get_state(value_state("baskets"))

    def process_element(self, value: bytes, ctx: Any) -> Iterable[Row]:
        """One record, with the provenance that KeyedBytesDeserializer.java adds."""
        self.meter.tick()
        return rows(self.hop.element(value, self.state, self.visits, ctx.timer_service()))

    def on_timer(self, timestamp: int, ctx: Any) -> Iterable[Row]:
        """Event time has passed a deadline of the current user."""
        self.meter.tick()
        key = name_of(ctx.get_current_key())
        return rows(self.hop.timer(timestamp, key, self.state, self.visits, ctx.timer_service()))

    def close(self) -> None:
        """Hand the last counts over."""
        if hasattr(self, "meter"):
            self.meter.push()
