"""10 Learn: rewards and bills of a site become policy records, at multiples of engine time.

Wraps models/snapshots.py. Flink owns, by site, one bytes value (schemas/lesson.py), read at an
epoch's end only, and a list of what came since, emptied then; neither is ever cleared, since
sites are few. The newest policy of each site is mirrored in memory, with what commands publish.
What goes with what on a site is operators/learn_products.py, in the same hop.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from pyflink.common import Row
from pyflink.datastream import KeyedBroadcastProcessFunction, RuntimeContext

from connectors.avro import Codec, RegistryClient, codec
from connectors.routes import routed
from jobs.settings import Settings
from models import snapshots
from models.context import Context
from models.learner import Learner, arms_of
from models.learning import Ridge
from operators.build import require_build
from operators.engine import State, Timers
from operators.learn_products import ProductsHop, is_of_products
from operators.learning_shell import (
    LearningMeter,
    Mirror,
    Out,
    Pending,
    lag_ms,
    list_state,
    name_of,
    rows,
    value_state,
)
from schemas import lesson as lessons
from schemas.campaign import Campaign
from schemas.lesson import BILLS, OPENING, REWARD, SESSION, Bill, Lesson
from schemas.policy import Policy
from schemas.products import Products
from schemas.reward import Reward
from schemas.topics import POLICY, PRODUCTS

log = logging.getLogger(__name__)


class LearningHop:
    """The hop without the engine; `newest` is the newest policy of each site in the topic."""

    def __init__(
        self, context: Context, policies: Codec[Policy], build_id: str, meter: LearningMeter
    ) -> None:
        self.newest: dict[str, Policy] = {}
        self._context, self._policies, self._meter = context, policies, meter
        self._headers = {"kairos.build": build_id.encode()}

    def published(self, policy: Policy) -> None:
        """A record of topic `policy`, whoever wrote it."""
        known = self.newest.get(policy.site)
        if known is None or known.version <= policy.version:
            self.newest[policy.site] = policy

    def element(self, payload: bytes, key: str, pending: Pending, timers: Timers) -> Out:
        """A reward or bills wait for their epoch's end; a dead letter goes on as it is."""
        if payload[:1] not in (OPENING, REWARD, BILLS):
            return [(key, payload)]
        pending.add(payload)
        at_ms = max(_read(payload)[1], timers.current_watermark() + 1)
        timers.register_event_time_timer(snapshots.epoch_end_ms(at_ms))
        return []

    def timer(self, end_ms: int, site: str, state: State, pending: Pending, timers: Timers) -> Out:
        """An epoch of this site has ended."""
        lesson = lessons.load(state.value())
        campaigns = self._campaigns(site, end_ms)
        learner = Ridge(arms_of(campaigns))
        rewards, bills, openings = self._due(end_ms, pending)
        lesson = self._learned(lesson, learner, rewards, bills, openings, end_ms)
        state.update(lessons.dump(lesson))
        known = self.newest.get(site)
        untold = known is None or known.snapshot != lessons.seal_dump(lesson.seal)
        if untold or _has_bounds(campaigns):
            # What was learned is told in the end; budgets are spread over time.
            timers.register_event_time_timer(end_ms + snapshots.EPOCH_MS)
        watermark_ms = timers.current_watermark()
        if watermark_ms >= end_ms + snapshots.EPOCH_MS:
            return []  # Long over: the epoch that is not speaks for it.
        made = self._snapshot(lesson, site, learner, campaigns, watermark_ms)
        state.update(lessons.dump(lesson))
        return [] if made is None else [(site, self._written(made, end_ms))]

    def _campaigns(self, site: str, at_ms: int) -> tuple[Campaign, ...]:
        catalogue = self._context.at(site, at_ms).catalogue
        return () if catalogue is None else tuple(e.campaign for e in catalogue.by_id.values())

    def _due(self, end_ms: int, pending: Pending) -> tuple[list[Reward], list[Bill], list[Reward]]:
        """What closed by the epoch's end; the rest goes on waiting."""
        rewards, bills, openings = list[Reward](), list[Bill](), list[Reward]()
        rest = list[bytes]()
        for payload in [bytes(each) for each in pending.get() or ()]:
            kind, at_ms, told = _read(payload)
            if at_ms > end_ms:
                rest.append(payload)
            elif kind == BILLS:
                bills += told
            else:
                (rewards if kind == REWARD else openings).append(told)
        pending.clear()
        for payload in rest:
            pending.add(payload)
        return rewards, bills, openings

    def _learned(
        self,
        lesson: Lesson,
        learner: Learner[Any],
        rewards: list[Reward],
        bills: list[Bill],
        openings: list[Reward],
        end_ms: int,
    ) -> Lesson:
        try:
            return snapshots.learn(lesson, learner, rewards, bills, end_ms, openings)
        except Exception:
            # What cannot be learned must not stop the job; spend and later epochs go on.
            log.exception("an epoch of %s rewards could not be learned", len(rewards))
            self._meter.add("internal_errors")
            return snapshots.learn(lesson, learner, [], bills, end_ms)

    def _snapshot(
        self,
        lesson: Lesson,
        site: str,
        learner: Learner[Any],
        campaigns: tuple[Campaign, ...],
        now_ms: int,
    ) -> Policy | None:
        before = self.newest.get(site, Policy(site=site))
        self._meter.add("held", int(before.held))
        try:
            return snapshots.snapshot(lesson, before, learner, campaigns, now_ms)
        except Exception:
            log.exception("no snapshot of %s", site)
            self._meter.add("internal_errors")
            return None

    def _written(self, made: Policy, end_ms: int) -> bytes:
        self.published(made)
        self._meter.add("policies")
        self._meter.values |= {
            "policy_version": made.version,
            "learned_until_ms": made.learned_until_ms,
            "lag_ms": lag_ms(end_ms),
            "pacing_ppm_least": min(made.pacing_ppm.values(), default=1_000_000),
        }
        return routed(POLICY, self._headers, self._policies.encode(made))


def _read(payload: bytes) -> tuple[bytes, int, Any]:
    """Kind, engine time, and the reward, opening or bills."""
    kind = payload[:1]
    if kind == BILLS:
        bills = lessons.bills_of(payload[1:])
        return kind, min(each.decided_ms for each in bills), bills
    reward = Reward.load(payload[1:])
    return kind, reward.closed_at_ms, reward


def _has_bounds(campaigns: tuple[Campaign, ...]) -> bool:
    return any(
        each.budget_micros_day or each.budget_micros_total or each.cap_campaign
        for each in campaigns
    )


class Learn(KeyedBroadcastProcessFunction):
    """Shell around LearningHop and ProductsHop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def open(self, runtime_context: RuntimeContext) -> None:
        """Refuse another build's code; load sites, catalogues and policies."""
        settings = self.settings
        require_build(settings.build_id)
        registry = RegistryClient(settings.registry_url)
        self.meter = LearningMeter()
        self.meter.attach(runtime_context.get_metrics_group(), settings.build_id)
        self.mirror = Mirror(registry)
        policies: Codec[Policy] = codec(POLICY, registry)
        products: Codec[Products] = codec(PRODUCTS, registry)
        self.hop = LearningHop(self.mirror.context, policies, settings.build_id, self.meter)
        self.goods = ProductsHop(products, settings.build_id, self.meter)
        self.mirror.told = {POLICY: self.hop.published, PRODUCTS: self.goods.published}
        self.state: Any = runtime_context.get_state(value_state("lesson"))
        self.pending: Any = runtime_context.get_list_state(list_state("pending"))
        self.neighbours: Any = runtime_context.get_state(value_state("neighbours"))
        self.sessions: Any = runtime_context.get_list_state(list_state("sessions"))
        self.mirror.load(settings)

    def process_element(self, value: bytes, ctx: Any) -> Iterable[Row]:
        """One reward, bills, a session, or a dead letter on its way."""
        self.meter.tick()
        key, timers = name_of(ctx.get_current_key()), ctx.timer_service()
        if value[:1] == SESSION:
            return rows(self.goods.element(value, self.sessions, timers))
        return rows(self.hop.element(value, key, self.pending, timers))

    def on_timer(self, timestamp: int, ctx: Any) -> Iterable[Row]:
        """An epoch has ended."""
        self.meter.tick()
        key, timers = name_of(ctx.get_current_key()), ctx.timer_service()
        if is_of_products(timestamp):
            out = self.goods.timer(timestamp, key, self.neighbours, self.sessions, timers)
        else:
            out = self.hop.timer(timestamp, key, self.state, self.pending, timers)
        return rows(out)

    def process_broadcast_element(self, value: Row, ctx: Any) -> Iterable[Row]:
        """One control record that arrived while the job runs."""
        self.mirror.row(value)
        return []

    def close(self) -> None:
        """Hand the last counts over."""
        if hasattr(self, "meter"):
            self.meter.push()
