"""What the keyed operator does with one record, without the engine.

    prefix -> Avro -> key check -> models.user.step -> effects -> (key, routed payload)

Every record that cannot be applied becomes a dead letter with its original bytes and is counted
in its user's state. Nothing a record holds raises out of here: an exception would restart the
job, and the record would be read again.
"""

from __future__ import annotations

import logging

import msgspec

from connectors.avro import BadFrame
from connectors.routes import Origin, read_origin, routed
from models import user
from models.context import Context
from models.effects import Decide, Effect, Emit, Forget, Lose, Merge, Reject, SetTimer
from models.state_step import step_state
from models.validity import engine_ms
from operators.codecs import Codecs
from operators.engine import State, Timers
from operators.handovers import Handovers, Refused
from operators.metrics import Meter
from operators.stopwatch import Laps, now_ms
from operators.watch import Watch
from schemas import profile as profiles
from schemas.dead_letter import letter
from schemas.decision import NONE
from schemas.event import TICK, Event
from schemas.handoff import Handoffs, ProfileMerge
from schemas.ids import TICK_KEY, USER_KEY
from schemas.profile import UnknownLayout
from schemas.topics import DEAD_LETTERS, DECISIONS, EVENTS, INPUTS, PROFILES, SILENT, TRIGGERS
from schemas.trigger import Trigger

log = logging.getLogger(__name__)
TICK_BYTES = TICK_KEY.encode()
INTERNAL_ERROR = "internal_error"
VERDICTS = {"fresh": "applied", "conflict": "applied", "rejected": "dead_lettered"}
Out = list[tuple[str, bytes]]
"""(key, payload) records in the order they are to be written."""


class UserHop:
    """The hop of one process, for all its users. Not thread-safe: one call at a time."""

    def __init__(self, context: Context, codecs: Codecs, build_id: str, meter: Meter) -> None:
        self.context, self.meter = context, meter
        self.engine_ms = 0
        self.handovers = Handovers(codecs.merges, build_id, meter)
        self._codecs = codecs
        self._build_id = build_id
        self._build = build_id.encode()
        self._laps = Laps()
        self._watch = Watch(meter)
        self._json = msgspec.json.Encoder().encode

    def element(self, payload: bytes, state: State, timers: Timers) -> Out:
        """Fold one record of `events` in. Raises only when the engine itself fails."""
        self._laps.start()
        self.meter.tick()
        origin = read_origin(payload)
        try:
            event = self._codecs.events.decode(origin.value)
        except BadFrame as bad:
            merge = self.handovers.read(origin) if bad.reason == "wrong_schema" else None
            if merge is not None:
                return self._receive(merge, origin, timers)
            return self._reject(origin, bad.reason, bad.detail, state, timers, bad.schema_id)
        if origin.key == TICK_BYTES:
            return self._tick(event, origin, state, timers)
        wrong = origin.against(event)
        if wrong is not None:
            return self._reject(origin, *wrong, state, timers)
        self._laps.lap("decode")
        if origin.timestamp_ms <= timers.current_watermark():
            self.meter.add("disordered")
        self.engine_ms = max(self.engine_ms, origin.timestamp_ms)
        return self._step(event, origin, state, timers)

    def timer(self, at_ms: int, key: str, state: State, timers: Timers) -> Out:
        """Run the deadlines of this user up to `at_ms`."""
        self._laps.start()
        before = state.value()
        profile = profiles.load(before)
        known = self.handovers.of_key(key)
        if profile is None and not (known and known.waiting):
            return []
        self._laps.lap("state")
        try:
            profile, settled = self.handovers.settled(profile, known, at_ms, key, self.context)
            after, made = None, list[Effect]()
            if profile is not None:
                after, made = user.advance(profile, at_ms, key, self.context)
            self._laps.lap("auction")
            out = self._written([*settled, *made], key, None)
            data = None if after is None else profiles.dump(after)
        except Exception as failure:
            return self._failed_timer(failure, key, at_ms, before, state, timers)
        self.meter.add("deadlines")
        self.handovers.keep()
        self._carry_out([*settled, *made], data, state, timers)
        return out

    def _step(self, event: Event, origin: Origin, state: State, timers: Timers) -> Out:
        before, known = state.value(), self.handovers.of_event(event)
        try:
            data, effects, trace = self._stepped(event, before, known)
            out = self._written(effects, event.user_key, event, origin)
        except UnknownLayout:
            raise  # It means a deploy gone wrong, not a bad record.
        except Exception as failure:
            # One record must never stop the job, whatever bug it meets.
            log.exception("event at %s/%s failed", origin.partition, origin.offset)
            self.meter.add("internal_errors")
            detail = f"{type(failure).__name__} while applying the event"
            return self._reject(origin, INTERNAL_ERROR, detail, state, timers)
        self.meter.add(VERDICTS.get(trace.verdict, trace.verdict))
        if trace.verdict == "conflict":
            self.meter.add("conflict")
        self.handovers.keep()
        self._carry_out(effects, data, state, timers)
        return out

    def _stepped(
        self, event: Event, before: bytes | None, known: Handoffs | None
    ) -> tuple[bytes | None, list[Effect], user.Trace]:
        key, at_ms = event.user_key, event.received_at_ms
        if known is None:
            return step_state(before, event, key, self.context, self._laps)
        profile = profiles.load(before)
        self._laps.lap("state")
        profile, settled = self.handovers.settled(profile, known, at_ms, key, self.context)
        after, effects, trace = user.step(profile, event, key, self.context, self._laps)
        effects = [*settled, *effects, *self.handovers.given(after, known, event, trace)]
        return None if after is None else profiles.dump(after), effects, trace

    def _tick(self, event: Event, origin: Origin, state: State, timers: Timers) -> Out:
        """A tick only moves the watermark, which happened in the source."""
        if event.internal != TICK:
            detail = "user_key: only ticks travel under the tick key"
            return self._reject(origin, "key_mismatch", detail, state, timers)
        self.engine_ms = max(self.engine_ms, origin.timestamp_ms)
        self.meter.add("ticks")
        return []

    def _written(
        self, effects: list[Effect], key: str, event: Event | None, origin: Origin | None = None
    ) -> Out:
        """The records these effects ask for."""
        out: Out = []
        for effect in effects:
            if isinstance(effect, Decide):
                out.append((key, self._decided(effect, event)))
            elif isinstance(effect, Emit):
                out.append((key, self._told(effect.trigger)))
            elif isinstance(effect, Merge):
                out.append(self.handovers.written(effect.record))
            elif isinstance(effect, Reject) and origin is not None:
                out.append(self.letter(origin, effect.reason, effect.detail))
            elif isinstance(effect, Lose):
                lost = Origin(-1, -1, effect.at_ms, key.encode(), effect.state)
                out.append(self.letter(lost, INTERNAL_ERROR, effect.detail, topic=PROFILES))
        return out

    def _carry_out(
        self, effects: list[Effect], data: bytes | None, state: State, timers: Timers
    ) -> None:
        """Hand state and timers to the engine; decisions and letters are written already."""
        for effect in effects:
            if isinstance(effect, SetTimer):
                timers.register_event_time_timer(effect.at_ms)
            elif isinstance(effect, Forget):
                data = None
                self.handovers.forget(erase=effect.erase)
        if data is None:
            state.clear()
        else:
            state.update(data)

    def _told(self, trigger: Trigger) -> bytes:
        self.meter.add("triggers")
        frame = self._codecs.triggers.encode(trigger)
        return routed(TRIGGERS, {"kairos.build": self._build}, frame)

    def _decided(self, effect: Decide, event: Event | None) -> bytes:
        decision = effect.decision
        self.meter.add("decisions")
        if decision.action_type == NONE:
            self.meter.add("none")
        self._watch.take(decision, self.context.at(decision.site, decision.decided_at_ms).model)
        frame = self._codecs.decisions.encode(decision)
        laps = self._laps
        laps.lap("encode")
        ledger = {
            "received_at_ms": decision.decided_at_ms if event is None else event.received_at_ms,
            "consumed_at_ms": laps.consumed_at_ms,
            "emitted_at_ms": now_ms(),
            "us": laps.us,
        }
        headers = {"kairos.ledger": self._json(ledger), "kairos.build": self._build}
        if decision.render is None and not decision.cancels:
            headers[SILENT] = b"1"
        if effect.inputs:
            headers[INPUTS] = effect.inputs
        if event is not None and event.traceparent:
            headers["traceparent"] = event.traceparent.encode()
        return routed(DECISIONS, headers, frame)

    def _receive(self, merge: ProfileMerge, origin: Origin, timers: Timers) -> Out:
        try:
            self.handovers.receive(merge, origin, timers)
        except Refused as refused:
            self.meter.add("merges_refused")  # It is no event: no user's count has it.
            return [self.letter(origin, refused.reason, refused.detail, topic=PROFILES)]
        return []

    def _reject(
        self,
        origin: Origin,
        reason: str,
        detail: str,
        state: State,
        timers: Timers,
        schema_id: int = -1,
    ) -> Out:
        """A dead letter, counted in the state of the record's key if that can be a user's."""
        self.meter.add("dead_lettered")
        told = self.letter(origin, reason, detail, schema_id)
        key = origin.text()
        if USER_KEY.fullmatch(key) is None:
            return [told]
        at_ms = engine_ms(origin.timestamp_ms)
        try:
            profile, known = profiles.load(state.value()), self.handovers.of_key(key)
            profile, settled = self.handovers.settled(profile, known, at_ms, key, self.context)
            after, effects = user.reject(profile, at_ms, key, self.context)
            out = self._written([*settled, *effects], key, None)
            self.handovers.keep()
        except UnknownLayout:
            raise
        except Exception:
            log.exception("a deadline before %s/%s failed", origin.partition, origin.offset)
            after, effects = user.count_rejected(profiles.load(state.value()), at_ms, key)
            out = []
        self._carry_out(effects, profiles.dump(after), state, timers)
        return [*out, told]

    def letter(
        self, origin: Origin, reason: str, detail: str, schema_id: int = -1, topic: str = EVENTS
    ) -> tuple[str, bytes]:
        """The dead letter of a record of `topic`, with its original bytes."""
        made = letter(
            reason=reason,
            detail=detail,
            topic=topic,
            key=origin.key,
            value=origin.value,
            origin_partition=origin.partition,
            origin_offset=origin.offset,
            origin_timestamp_ms=origin.timestamp_ms,
            schema_id=schema_id,
            build_id=self._build_id,
        )
        headers = {"kairos.build": self._build}
        return origin.text(), routed(DEAD_LETTERS, headers, self._codecs.letters.encode(made))

    def _failed_timer(
        self,
        failure: Exception,
        key: str,
        at_ms: int,
        before: bytes | None,
        state: State,
        timers: Timers,
    ) -> Out:
        """Drop the deadlines that failed, or the user's next event would meet them again."""
        log.error("a deadline failed", exc_info=failure)
        self.meter.add("internal_errors")
        origin = Origin(-1, -1, at_ms, key.encode(), None)
        detail = f"{type(failure).__name__} while running a deadline"
        profile = profiles.load(before)
        if profile is None:
            return [self.letter(origin, INTERNAL_ERROR, detail)]
        profile.timer_at_ms = 0
        for tab in profile.tabs:
            tab.dwell_at_ms = 0
        profile.outreach.at_ms = 0
        # No record was sent for it, so the user's counts, which must meet what was sent, stay.
        state.update(profiles.dump(profile))
        return [self.letter(origin, INTERNAL_ERROR, detail)]
