"""The process: builds the real parts, starts them in order, drains them on SIGTERM."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
import time
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from connectors.avro import BadFrame, Codec, Registry, codec, frame_id
from connectors.registry import RegistryClient, RegistryUnavailable, UnknownSchemaId
from gateway.app import Parts, make_runner
from gateway.assets import Assets
from gateway.front import IDLE_S, Front
from gateway.health import Metrics, Readiness
from gateway.held import KEPT_S
from gateway.identify import Identifier
from gateway.inbound import Inbound
from gateway.log import Log, LogUnavailable, Stamp
from gateway.post import Poster
from gateway.present import started_ms
from gateway.producer import KafkaLog
from gateway.push import Hub
from gateway.recall import NoRecall, Recall, ValkeyRecall
from gateway.settings import Settings
from gateway.sites import Sites
from gateway.stream import Streams
from gateway.tail import Record, Tail
from gateway.ticks import tick_every
from gateway.wal import Wal
from gateway.wal_files import DiskFolder
from gateway.wal_log import DurableLog
from gateway.wal_metrics import WalMetrics
from schemas import topics
from schemas.decision import Decision
from schemas.event import Event

logger = logging.getLogger(__name__)
SWITCH_INTERVAL_S = 0.001
FLUSH_TIMEOUT_S = 5.0
GC_THRESHOLDS = (10_000, 20, 50)
"""A full collection looks at every open socket and stops all of them meanwhile (60 ms at 3,000),
so it comes after ten million objects; what a request leaves behind dies in the young ones."""


class Server:
    """One gateway; `run` returns the exit code."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = asyncio.Event()
        self._exit_code = 0

    async def run(self) -> int:
        """Start, serve until a signal, drain."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        # Delivery and consumer threads hand over work in microseconds, so they get the
        # interpreter sooner than the default 5 ms.
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        async with AsyncExitStack() as stack:
            await self._serve(stack, loop)
        return self._exit_code

    async def _serve(self, stack: AsyncExitStack, loop: asyncio.AbstractEventLoop) -> None:
        settings = self._settings
        registry = RegistryClient(settings.registry_url)
        events: Codec[Event] = codec(topics.EVENTS, registry)
        # First of all: a second process on one directory must end before it does anything.
        wal = await asyncio.to_thread(opened, stack, settings)
        await asyncio.to_thread(register, events, settings.start_timeout_s)
        stamp = Stamp()
        broker = KafkaLog(
            settings.brokers, events, loop, settings.gateway_id, stamp=stamp, on_fatal=self._fatal
        )
        await asyncio.to_thread(broker.start, settings.start_timeout_s)
        wal.bind(await asyncio.to_thread(broker.cluster_id))
        metrics = Metrics()
        log = DurableLog(
            *(wal, broker, loop, settings.gateway_id, WalMetrics(metrics.registry)),
            stamp=stamp,
            keep_s=settings.wal_keep_s,
            on_fatal=self._fatal,
        )
        log.start()
        parts = make_parts(settings, log, registry, metrics)
        # Undone in reverse: requests end first, then consumers, ticks, and last the log.
        stack.callback(self._flush, log)
        stack.push_async_callback(parts.recall.close)
        ticking = asyncio.create_task(tick_every(log, settings.tick_ms))
        stack.callback(ticking.cancel)
        await self._follow(stack, parts, registry, loop)
        await self._listen(stack, parts)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        logger.info("%s listens on port %d", settings.gateway_id, settings.port)
        await self._stop.wait()
        logger.info("draining")
        parts.ready.draining = True
        await parts.streams.drain()

    async def _follow(
        self,
        stack: AsyncExitStack,
        parts: Parts,
        registry: RegistryClient,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        settings = self._settings
        take_sites = partial(parts.sites.take, codec=codec("sites", registry))
        take_campaigns = partial(parts.hub.take_campaigns, codec=codec("campaigns", registry))
        peek = partial(fetch_schema, registry)
        sites = Tail(settings.brokers, "sites", loop, take_sites, since_s=None, peek=peek)
        campaigns = Tail(
            settings.brokers, "campaigns", loop, take_campaigns, since_s=None, peek=peek
        )
        decisions = Tail(
            settings.brokers,
            topics.DECISIONS,
            loop,
            parts.hub.take,
            since_s=KEPT_S,
            peek=peek,
        )
        for tail in (sites, campaigns, decisions):
            stack.callback(tail.stop)
            await asyncio.to_thread(tail.start, settings.start_timeout_s)
        parts.ready.sites_loaded = parts.ready.decisions_followed = True

    async def _listen(self, stack: AsyncExitStack, parts: Parts) -> None:
        settings = self._settings
        runner = make_runner(
            parts, shutdown_timeout=settings.drain_timeout_s, keepalive_timeout=IDLE_S
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        beating = asyncio.create_task(parts.streams.beat())
        stack.callback(beating.cancel)
        assert runner.server is not None, "set up above"
        front = Front(parts.poster, parts.sites, runner.server)
        stack.push_async_callback(front.close, settings.drain_timeout_s)
        await front.listen(settings.host, settings.port)

    def _flush(self, log: DurableLog) -> None:
        left = log.stop(FLUSH_TIMEOUT_S)
        if left:
            where = self._settings.wal_dir
            logger.error("%d records are not delivered; the next start on %s does", left, where)
            self._exit_code = 1

    def _fatal(self, reason: str) -> None:
        logger.error("the log cannot go on: %s", reason)
        self._exit_code = 1
        self._stop.set()


def opened(stack: AsyncExitStack, settings: Settings) -> Wal:
    """The write-ahead log, claimed and verified. Raises DirectoryTaken, OSError."""
    folder = DiskFolder(settings.wal_dir)
    folder.make()
    folder.lock()
    stack.callback(folder.unlock)
    return Wal(folder, bytes_max=settings.wal_bytes_max)


def make_parts(
    settings: Settings, log: Log, registry: Registry, metrics: Metrics | None = None
) -> Parts:
    """The parts of a gateway around a log; a test passes one in memory."""
    sites, metrics = Sites(), metrics or Metrics()

    def observe(decision: Decision, ledger: dict[str, Any], now_ms: float) -> None:
        metrics.pushed_s.observe(max(0.0, now_ms - started_ms(decision, ledger)) / 1000)

    def note(record: Event) -> None:
        try:
            log.send(record).add_done_callback(_looked_at)
        except LogUnavailable:
            metrics.notes_lost.inc()

    recall: Recall = ValkeyRecall(settings.cache_url) if settings.cache_url else NoRecall()
    hub = Hub(
        codec(topics.DECISIONS, registry),
        sites.at,
        time.time,
        observe,
        note=note,
        keep=recall.add,
        deadlines_ms=(settings.instant_deadline_ms, settings.standard_deadline_ms),
    )
    poster = Poster(settings, sites, log, hub, metrics)
    return Parts(
        sites=sites,
        log=log,
        hub=hub,
        poster=poster,
        recall=recall,
        streams=Streams(settings, sites, hub, metrics, recall),
        metrics=metrics,
        ready=Readiness(),
        assets=Assets(settings.sdk_dir),
        identifier=Identifier(settings, sites, log),
        inbound=Inbound(settings, sites, poster),
    )


def _looked_at(future: asyncio.Future[None]) -> None:
    """A record that explains is sent once: what depends on it is an explanation, no decision."""
    if not future.cancelled():
        future.exception()


def register(events: Codec[Event], timeout_s: float) -> None:
    """Get the id under which events are written. Raises RegistryUnavailable after `timeout_s`."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        try:
            assert events.schema_id > 0
            return
        except RegistryUnavailable:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.2)


def fetch_schema(registry: RegistryClient, record: Record) -> None:
    """Fetch a new writer's schema on the consumer's thread, so that the loop never waits for it."""
    try:
        registry.get(frame_id(record.value))
    except (BadFrame, UnknownSchemaId, RegistryUnavailable):
        # Decoding says the same again, where it is counted.
        return
