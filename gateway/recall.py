"""The resume list in Valkey: what was pushed lately, for a gateway that has not read it itself.

A cache. Every gateway reads all decisions of the last minute from the log, so this only adds what
one has lost to its own bounds. Whatever happens to it (gone, slow, flushed, full, filled with
other types) a hello is answered from memory, and the answer says whether that is whole.

1. What shows or withdraws something is written in the background: one sorted set a visitor, by
   the time it was read, for KEPT_S. Several gateways write the same bytes, which is one member.
2. A hello that memory cannot answer whole asks, with a time limit; after FAILURES_MAX failures in
   a row nobody asks for PAUSE_S.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from msgspec import Struct
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gateway.held import KEPT_S, PER_VISITOR_MAX
from gateway.tail import Record

PREFIX = "kairos:resume:"
ASK_TIMEOUT_S, CONNECT_TIMEOUT_S = 0.05, 0.5
FAILURES_MAX, PAUSE_S = 3, 1.0
WAITING_MAX, BATCH_MAX, RECORD_BYTES_MAX = 4_096, 128, 64 * 1024
Waiting = tuple[str, int, bytes]
"""Name of the set, when the record was read (epoch ms), the record."""

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(tuple[bytes, dict[str, bytes]]).decode
Failure = (RedisError, OSError, TimeoutError, msgspec.MsgspecError)


class Recall(Protocol):
    """A list of the last records of each visitor that may be lost at any time."""

    counts: Counter[str]

    def add(self, key: str, record: Record) -> None:
        """Keep one more, in the background."""

    async def of(self, key: str) -> tuple[Record, ...]:
        """What is kept for a key, oldest first; empty when the cache does not answer in time."""

    async def close(self) -> None:
        """End; what waits is lost, as a cache may lose it."""


class NoRecall:
    """No cache."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def add(self, key: str, record: Record) -> None:
        """Nothing is kept."""

    async def of(self, key: str) -> tuple[Record, ...]:
        """Nothing was kept."""
        return ()

    async def close(self) -> None:
        """Nothing is open."""


class Breaker(Struct):
    """Whether to ask at all: not for PAUSE_S after FAILURES_MAX failures in a row."""

    clock: Callable[[], float]
    failures: int = 0
    closed_until_s: float = 0.0

    def open(self) -> bool:
        """Whether asking makes sense now."""
        return self.clock() >= self.closed_until_s

    def note(self, *, good: bool) -> None:
        """One more attempt is over."""
        self.failures = 0 if good else self.failures + 1
        if self.failures >= FAILURES_MAX:
            self.closed_until_s = self.clock() + PAUSE_S


class ValkeyRecall:
    """The list in Valkey or Redis."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.counts: Counter[str] = Counter()
        self._redis: Any = Redis.from_url(
            url,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_timeout=CONNECT_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            max_connections=8,
        )
        self._breaker = Breaker(clock)
        self._waiting: deque[Waiting] = deque(maxlen=WAITING_MAX)
        self._wake = asyncio.Event()
        self._writing = asyncio.create_task(self._write())

    def add(self, key: str, record: Record) -> None:
        """Keep one more, in the background; the oldest that waits goes where too many do."""
        value = record.value or b""
        if len(value) <= RECORD_BYTES_MAX:
            now_ms = int(time.time() * 1000)
            self._waiting.append((PREFIX + key, now_ms, _pack((value, record.headers))))
            self._wake.set()

    async def of(self, key: str) -> tuple[Record, ...]:
        """What is kept for a key, oldest first; empty when the cache does not answer in time."""
        if not self._breaker.open():
            self.counts["recall_skipped"] += 1
            return ()
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                found = await self._redis.zrange(PREFIX + key, 0, PER_VISITOR_MAX - 1)
            read = [_unpack(each) for each in found]
        except Failure:
            self._failed()
            return ()
        self._breaker.note(good=True)
        name = key.encode()
        return tuple(Record(name, value, headers) for value, headers in read)

    def _failed(self) -> None:
        self.counts["recall_failed"] += 1
        self._breaker.note(good=False)

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                count = min(len(self._waiting), BATCH_MAX)
                batch = [self._waiting.popleft() for _ in range(count)]
                if self._breaker.open():
                    await self._store(batch)

    async def _store(self, batch: list[Waiting]) -> None:
        pipe = self._redis.pipeline(transaction=False)
        for name, now_ms, packed in batch:
            pipe.zadd(name, {packed: now_ms}, nx=True)
            pipe.zremrangebyrank(name, 0, -1 - PER_VISITOR_MAX)
            pipe.expire(name, int(KEPT_S))
        try:
            answers = await pipe.execute(raise_on_error=False)
        except Failure:
            self._failed()
            return
        refused = sum(isinstance(each, Exception) for each in answers)
        self.counts["recall_refused"] += refused
        self._breaker.note(good=not refused)

    async def close(self) -> None:
        """End; what waits is lost, as a cache may lose it."""
        self._writing.cancel()
        try:
            await self._redis.aclose()
        except Failure:
            return
