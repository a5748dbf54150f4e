"""9 Attribute: decisions meet their outcomes; rewards and bills go to the site.

Wraps models/attribution.py. Flink owns one bytes value a decision key (schemas/ledger.py), cleared
once nothing is open any more, at the latest a horizon after the last decision, or when the user is
erased; at most one timer a key matters, that of its next deadline.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from pyflink.common import Row
from pyflink.datastream import KeyedBroadcastProcessFunction, RuntimeContext

from connectors.avro import BadFrame, Codec, RegistryClient, codec
from connectors.routes import Origin, read_origin
from jobs.settings import Settings
from models import attribution
from models.attribution_slots import Terms, Told, bills_of_slot
from models.context import Context
from models.order_margin import priced
from operators.build import require_build
from operators.engine import State, Timers
from operators.learning_shell import (
    LearningMeter,
    Mirror,
    Out,
    name_of,
    rows,
    told,
    value_state,
)
from operators.relate import ERASED
from schemas import ledger as ledgers
from schemas.dead_letter import DeadLetter
from schemas.decision import Decision
from schemas.ledger import Ledger, UnknownLedger
from schemas.lesson import BILLS, OPENING, OUTCOME, REWARD, SESSION, bills_dump
from schemas.outcome import Outcome
from schemas.reward import FALLBACK
from schemas.site import Site
from schemas.topics import DEAD_LETTERS, DECISIONS

log = logging.getLogger(__name__)
UNKNOWN_SITE = Site()


class AttributionHop:
    """The hop without the engine."""

    def __init__(
        self,
        context: Context,
        decisions: Codec[Decision],
        letters: Codec[DeadLetter],
        build_id: str,
        meter: LearningMeter,
    ) -> None:
        self._context, self._decisions, self._letters = context, decisions, letters
        self._build_id, self._meter = build_id, meter

    def element(self, payload: bytes, key: str, state: State, timers: Timers) -> Out:
        """One decision or outcome of this key; what holds poison becomes a dead letter."""
        if payload[:1] == OUTCOME:
            return self._guarded(Outcome.load(payload[1:]), None, key, state, timers)
        if payload[:1] == SESSION:
            return [(key, payload)]  # On its way to the site.
        if payload[:1] >= b"\x80":
            raise AssertionError("only outcomes and sessions come from the hop before")
        origin = read_origin(payload)
        try:
            decision = self._decisions.decode(origin.value)
        except BadFrame as bad:
            return self._letter(origin, bad.reason, bad.detail)
        if decision.user_key != key:
            return self._letter(origin, "key_mismatch", "user_key: differs from the record key")
        self._meter.add("decisions_read")
        return self._guarded(decision, origin, key, state, timers)

    def timer(self, at_ms: int, key: str, state: State, timers: Timers) -> Out:
        """Run the deadlines of this key up to `at_ms`."""
        data = state.value()
        if data is None:
            return []
        ledger, found = ledgers.load(data), attribution.nothing_told()
        attribution.advance(ledger, key, at_ms, found)
        self._keep(ledger, at_ms, state, timers)
        return self._out(found, key)

    def _guarded(
        self,
        what: Decision | Outcome,
        origin: Origin | None,
        key: str,
        state: State,
        timers: Timers,
    ) -> Out:
        before = state.value()
        try:
            return self._met(what, key, ledgers.load(before), state, timers)
        except UnknownLedger:
            # A deploy gone wrong, not a bad record.
            raise
        except Exception as failure:
            log.exception("a record of %s could not be attributed", key)
            self._meter.add("internal_errors")
            origin = origin or Origin(-1, -1, timers.current_watermark(), key.encode(), None)
            return self._letter(origin, "internal_error", type(failure).__name__)

    def _met(
        self, what: Decision | Outcome, key: str, ledger: Ledger, state: State, timers: Timers
    ) -> Out:
        found = attribution.nothing_told()
        if isinstance(what, Decision):
            view = self._context.at(what.site, what.decided_at_ms)
            new = attribution.decided(ledger, what, terms_of(view.site or UNKNOWN_SITE), found)
            if new and view.catalogue is not None:
                found.bills += bills_of_slot(what, view.catalogue)
        elif what.kind == ERASED:
            state.clear()
            return []
        else:
            if what.lines:
                view = self._context.at(key.split(":", 1)[0], what.at_ms)
                what = priced(what, view.assortment.by_id)
            attribution.happened(ledger, key, what, found)
        out = self._out(found, key)
        self._keep(ledger, 0, state, timers)
        return out

    def _keep(self, ledger: Ledger, until_ms: int, state: State, timers: Timers) -> None:
        over = attribution.is_over(ledger)
        if over and until_ms >= ledger.forget_ms:
            state.clear()
            return
        due_ms = attribution.next_ms(ledger)
        if due_ms and (ledger.timer_ms == 0 or due_ms < ledger.timer_ms):
            ledger.timer_ms = due_ms
            timers.register_event_time_timer(due_ms)
        state.update(ledgers.dump(ledger))

    def _out(self, found: Told, key: str) -> Out:
        site = key.split(":", 1)[0]
        out = [(site, OPENING + each.dump()) for each in found.openings]
        out += [(site, REWARD + each.dump()) for each in found.rewards]
        if found.bills:
            out.append((site, BILLS + bills_dump(found.bills)))
        self._meter.add("crowded_out", found.crowded_out)
        for each in found.rewards:
            good = each.converted or each.reward_micros > 0
            self._meter.add("rewards_positive" if good else "rewards_negative")
            self._meter.add("corrections", int(each.correction))
            self._meter.add("rewards_withheld", int(bool(each.withheld)))
            self._meter.add("rewards_fallback", int(each.source == FALLBACK))
        return out

    def _letter(self, origin: Origin, reason: str, detail: str) -> Out:
        self._meter.add("letters")
        return [told(self._letters, self._build_id, DECISIONS, origin, reason, detail)]


def terms_of(site: Site) -> Terms:
    """The settings of a site that attribution works by."""
    return Terms(site.reward_window_ms, site.reward_horizon_ms, site.reward, site.margin_ppm)


class Attribute(KeyedBroadcastProcessFunction):
    """Shell around AttributionHop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def open(self, runtime_context: RuntimeContext) -> None:
        """Refuse another build's code; load sites and catalogues."""
        settings = self.settings
        require_build(settings.build_id)
        registry = RegistryClient(settings.registry_url)
        self.meter = LearningMeter()
        self.meter.attach(runtime_context.get_metrics_group(), settings.build_id)
        self.mirror = Mirror(registry)
        self.hop = AttributionHop(
            self.mirror.context,
            codec(DECISIONS, registry),
            codec(DEAD_LETTERS, registry),
            settings.build_id,
            self.meter,
        )
        self.state: Any = runtime_context.get_state(value_state("ledger"))
        self.mirror.load(settings)

    def process_element(self, value: bytes, ctx: Any) -> Iterable[Row]:
        """One decision or outcome."""
        self.meter.tick()
        key = name_of(ctx.get_current_key())
        return rows(self.hop.element(value, key, self.state, ctx.timer_service()))

    def on_timer(self, timestamp: int, ctx: Any) -> Iterable[Row]:
        """Event time has passed a deadline of the current key."""
        self.meter.tick()
        key = name_of(ctx.get_current_key())
        return rows(self.hop.timer(timestamp, key, self.state, ctx.timer_service()))

    def process_broadcast_element(self, value: Row, ctx: Any) -> Iterable[Row]:
        """One control record that arrived while the job runs."""
        self.mirror.row(value)
        return []

    def close(self) -> None:
        """Hand the last counts over."""
        if hasattr(self, "meter"):
            self.meter.push()
