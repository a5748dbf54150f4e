"""The Kafka log without a broker: who is told when, and which partitions need a tick."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError

from connectors.avro import codec
from connectors.memory import MemoryRegistry
from gateway import producer
from gateway.log import LogUnavailable, Stamp
from gateway.producer import FRESH_MS, KafkaLog
from schemas.event import Event

NOBODY = "127.0.0.1:1"
HEARD_WITHIN_S = 10.0
NOW_S = 1_712_613_245.0
EVENT = Event(event_id="e1", user_key="demo:v:" + "0a" * 16)


class Delivered:
    """A delivery report."""

    def __init__(self, partition: int, timestamp_ms: int) -> None:
        self._partition, self._timestamp_ms = partition, timestamp_ms

    def partition(self) -> int:
        return self._partition

    def timestamp(self) -> tuple[int, int]:
        return 1, self._timestamp_ms


class Queue:
    """librdkafka as the log sees it: `poll` reports the records that the test let through."""

    def __init__(self) -> None:
        self.produced: list[int] = []
        self._reports: list[Callable[[], None]] = []
        self._held: list[Callable[[], None]] = []
        self.polls = 0

    def produce(self, _topic: str, _value: bytes, _key: bytes, **named: Any) -> None:
        partition, told = named.get("partition", 0), named["on_delivery"]
        report = Delivered(partition, named["timestamp"])
        self.produced.append(partition)
        self._held.append(lambda error=None: told(error, report))  # type: ignore[misc]

    def let_through(self, error: KafkaError | None = None) -> None:
        for told in self._held:
            self._reports.append(lambda told=told: told(error))  # type: ignore[misc]
        self._held.clear()

    def poll(self, timeout_s: float) -> None:
        assert timeout_s == 0, "the event loop never waits here"
        self.polls += 1
        while self._reports:
            self._reports.pop(0)()

    def flush(self, _timeout_s: float) -> int:
        self.poll(0)
        return len(self._held)


class Bench:
    """A log over a queue, with a clock the test holds."""

    def __init__(self) -> None:
        self.now_s = NOW_S
        events = codec("events", MemoryRegistry())
        stamp = Stamp(lambda: self.now_s)
        self.log = KafkaLog(NOBODY, events, asyncio.get_running_loop(), "gw", stamp=stamp)
        self.queue = self.log._producer = Queue()
        self.log._partitions = (0, 1, 2)


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_one_look_tells_all_that_became_durable(bench: Bench) -> None:
    waiting = [bench.log.send(EVENT) for _ in range(100)]
    await asyncio.sleep(producer.POLL_S * 3)
    assert not any(each.done() for each in waiting) and bench.queue.polls
    bench.queue.let_through()
    async with asyncio.timeout(HEARD_WITHIN_S):
        await asyncio.gather(*waiting)
    assert bench.log.healthy


async def test_nothing_is_asked_while_nothing_is_on_its_way(bench: Bench) -> None:
    waiting = bench.log.send(EVENT)
    bench.queue.let_through()
    async with asyncio.timeout(HEARD_WITHIN_S):
        await waiting
    polls = bench.queue.polls
    await asyncio.sleep(producer.POLL_S * 5)
    assert bench.queue.polls == polls and bench.log._polling is None


async def test_a_refused_record_is_told_as_not_durable(bench: Bench) -> None:
    waiting = bench.log.send(EVENT)
    bench.queue.let_through(KafkaError(KafkaError._MSG_TIMED_OUT))
    async with asyncio.timeout(HEARD_WITHIN_S):
        with pytest.raises(LogUnavailable, match="_MSG_TIMED_OUT"):
            await waiting
    assert not bench.log.healthy


@pytest.mark.parametrize(
    ("age_ms", "ticked"),
    [(0, [1, 2]), (FRESH_MS - 1, [1, 2]), (FRESH_MS, [0, 1, 2]), (10_000, [0, 1, 2])],
)
async def test_a_partition_with_a_fresh_durable_record_needs_no_tick(
    bench: Bench, age_ms: int, ticked: list[int]
) -> None:
    bench.log.send(EVENT)
    bench.queue.let_through()
    bench.log.stop(0)
    bench.queue.produced.clear()
    bench.now_s += age_ms / 1000
    bench.log.tick()
    assert bench.queue.produced == ticked


async def test_a_record_that_is_not_durable_spares_no_tick(bench: Bench) -> None:
    bench.log.send(EVENT)
    assert bench.log.stop(0) == 1
    bench.queue.produced.clear()
    bench.log.tick()
    assert bench.queue.produced == [0, 1, 2]
