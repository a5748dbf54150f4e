"""POST /v1/events from bytes to answer: limits, validation, de-duplication, durability, wait."""

from __future__ import annotations

import asyncio
import time
from asyncio import Future
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from gateway.dedup import Recent, Verdict
from gateway.health import Metrics
from gateway.ingest import Accepted, Asked, Refusal, Taken, ingest, refusal
from gateway.limits import Buckets
from gateway.log import Log, LogUnavailable
from gateway.present import PLACEMENT
from gateway.push import Hub
from gateway.settings import Settings
from gateway.sites import Sites
from gateway.waiters import Reply
from gateway.wire import Rejected
from schemas.event import Event
from schemas.ids import SlotId, event_slot

WAIT_MAX_MS = 2_000
RETRY_AFTER_S = 1
USED_TWICE = "this event_id already names another event; make a new one"
_encode = msgspec.json.Encoder().encode


class Answer(Struct, frozen=True):
    """An HTTP answer; `retry_after_s` 0 means no such header."""

    status: int
    body: bytes
    retry_after_s: int = 0


class AcceptedBody(Struct, frozen=True):
    """The body of a 202."""

    visitor_id: str | None
    visitor_token: str
    user_key: str
    accepted: int
    duplicates: int
    rejected: list[Rejected]
    decision: dict[str, Any] | None = None
    reason: str | None = None


class Poster:
    """Takes in batches; one per process."""

    def __init__(
        self,
        settings: Settings,
        sites: Sites,
        log: Log,
        hub: Hub,
        metrics: Metrics,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._sites, self._log, self._hub = settings, sites, log, hub
        self._metrics, self._clock = metrics, clock
        self._recent = Recent()
        self._by_ip = Buckets(settings.ip_rate)
        self._by_visitor = Buckets(settings.visitor_rate)
        self._by_site = Buckets(settings.site_rate)

    async def post(self, data: bytes, asked: Asked, ip: str, wait_ms: int = 0) -> Answer:
        """The answer to one request. Raises nothing a client could cause."""
        started_s = time.monotonic()
        answer = await self._post(data, asked, ip, started_s, min(wait_ms, WAIT_MAX_MS))
        self._metrics.count_request(answer.status)
        return answer

    async def _post(
        self, data: bytes, asked: Asked, ip: str, started_s: float, wait_ms: int
    ) -> Answer:
        retry_s = self._by_ip.take(ip, 1, started_s)
        if retry_s:
            return _too_many(retry_s)
        now_ms = int(self._clock() * 1000)
        result = ingest(data, asked, lambda name: self._sites.at(name, now_ms), now_ms=now_ms)
        if isinstance(result, Refusal):
            self._metrics.count_events("rejected", len(result.body.rejected))
            return Answer(result.status, _encode(result.body))
        cost = len(result.taken)
        retry_s = self._by_visitor.take(result.subject.user_key, cost, started_s) or (
            self._by_site.take(result.site.site, cost, started_s)
        )
        if retry_s:
            return _too_many(retry_s)
        return await self._take(result, started_s, wait_ms)

    async def _take(self, batch: Accepted, started_s: float, wait_ms: int) -> Answer:
        key = batch.subject.user_key
        # Asked for before producing, so that no answer can come too early to be seen.
        slot_id = _last_slot(batch) if wait_ms else ""
        waiter = self._hub.expect(key, slot_id) if slot_id else None
        try:
            body, waits = self._append(batch, slot_id)
            if not await self._durable(waits):
                return _unavailable(waits)
            if not body.accepted and not body.duplicates:
                return Answer(400, _encode(_nothing_taken(body.rejected)))
            self._metrics.ack_s.observe(time.monotonic() - started_s)
            if waiter is not None:
                body = await self._decided(body, waiter, slot_id, started_s + wait_ms / 1000)
            return Answer(202, _encode(body))
        finally:
            if waiter is not None:
                self._hub.forget(key, waiter)

    def _append(self, batch: Accepted, slot_id: str) -> tuple[AcceptedBody, list[Future[Any]]]:
        """Send what is new; the answer so far, and what its durability hangs on."""
        key = batch.subject.user_key
        rejected, waits = list(batch.rejected), []
        new = duplicates = 0
        for taken in batch.taken:
            verdict, future = self._recent.look((key, taken.event.event_id), taken.digest)
            if verdict is Verdict.NEW:
                future = self._send(taken)
                self._hub.arm(taken.event, batch.site, slot_id)
                new += 1
            elif verdict is Verdict.DUPLICATE:
                duplicates += 1
            else:
                rejected.append(Rejected(taken.index, "event_id", USED_TWICE))
            if future is not None:
                waits.append(future)
        count = self._metrics.count_events
        count("accepted", new)
        count("duplicate", duplicates)
        count("conflict", len(rejected) - len(batch.rejected))
        count("rejected", len(batch.rejected))
        rejected.sort(key=lambda each: each.index)
        subject = batch.subject
        body = AcceptedBody(subject.visitor_id, subject.token, key, new, duplicates, rejected)
        return body, waits

    def _send(self, taken: Taken) -> Future[Any]:
        event = self._with_connection(taken.event)
        try:
            future: Future[Any] = self._log.send(event)
        except LogUnavailable as error:
            future = asyncio.get_running_loop().create_future()
            future.set_exception(error)
        self._recent.start((event.user_key, event.event_id), taken.digest, future)
        return future

    def _with_connection(self, event: Event) -> Event:
        conn_id = self._hub.conn_id(event.user_key, event.session_id, event.tab_id)
        return replace(event, conn_id=conn_id) if conn_id else event

    async def _durable(self, waits: list[Future[Any]]) -> bool:
        """Whether all became durable in time; what is late stays in flight for the re-send."""
        await _settled(waits, self._settings.ack_timeout_ms / 1000)
        return all(each.done() and each.exception() is None for each in waits)

    async def _decided(
        self, body: AcceptedBody, waiter: Future[Reply], slot_id: str, until_s: float
    ) -> AcceptedBody:
        left_s = max(0.0, until_s - time.monotonic())
        await asyncio.wait({waiter}, timeout=left_s)
        if not waiter.done():
            # The slot's deadline may end at this very moment too.
            reason = self._hub.hurry(slot_id)
            if not waiter.done():
                return replace(body, reason=reason)
        reply = waiter.result()
        return replace(body, decision=reply.frame, reason=reply.reason)


def _last_slot(batch: Accepted) -> SlotId:
    """The slot that the batch's last event asks for."""
    key, last = batch.subject.user_key, batch.taken[-1].event
    return event_slot(batch.site.site, key, PLACEMENT, last.event_id)


async def _settled(futures: list[Future[Any]], timeout_s: float) -> None:
    """Wait until all are done or the time is over: `asyncio.wait` without its sets and checks."""
    loop = asyncio.get_running_loop()
    ends_s = loop.time() + timeout_s
    for future in futures:
        if not future.done():
            waiter = loop.create_future()
            future.add_done_callback(partial(_release, waiter))
            timer = loop.call_later(max(0.0, ends_s - loop.time()), _release, waiter)
            try:
                await waiter
            finally:
                timer.cancel()


def _release(waiter: Future[None], _done: Any = None) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _nothing_taken(rejected: list[Rejected]) -> Any:
    body = refusal(400, "no event was acceptable", "events").body
    return replace(body, rejected=tuple(rejected))


def _too_many(retry_s: int) -> Answer:
    body = refusal(429, f"too many events; wait {retry_s} s and send them again").body
    return Answer(429, _encode(body), retry_s)


def _unavailable(waits: list[Future[Any]]) -> Answer:
    """503; what is merely late is worth asking for soon, a full disk is not."""
    text = "not all could be made durable; send the same events again, they count once"
    failures = [each.exception() for each in waits if each.done()]
    known = [each.retry_after_s for each in failures if isinstance(each, LogUnavailable)]
    return Answer(503, _encode(refusal(503, text).body), max(known, default=RETRY_AFTER_S))
