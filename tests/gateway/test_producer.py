"""The Kafka log without a broker: who is told when, and which partitions need a tick."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, Producer

from connectors.avro import codec
from connectors.memory import MemoryRegistry
from gateway import producer
from gateway.log import Stamp
from gateway.producer import FRESH_MS, KafkaLog
from schemas.event import Event

NOBODY = "127.0.0.1:1"
HEARD_WITHIN_S = 10.0
NOW_S = 1_712_613_245.0
EVENT = Event(event_id="e1", user_key="demo:v:" + "0a" * 16, received_at_ms=int(NOW_S * 1000))


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
        self.told: list[tuple[str | None, bool]] = []

    def send(self) -> None:
        """One event; what becomes of it is `told`."""
        assert self.log.produce(EVENT, lambda error, at_fault: self.told.append((error, at_fault)))

    async def until_told(self, count: int) -> None:
        """Returns once so many were told of."""
        async with asyncio.timeout(HEARD_WITHIN_S):
            while len(self.told) < count:
                await asyncio.sleep(0.001)


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_one_look_tells_of_all_that_the_broker_has(bench: Bench) -> None:
    for _ in range(100):
        bench.send()
    await asyncio.sleep(producer.POLL_S * 3)
    assert bench.told == [] and bench.queue.polls
    bench.queue.let_through()
    await bench.until_told(100)
    assert set(bench.told) == {(None, False)}


async def test_nothing_is_asked_while_nothing_is_on_its_way(bench: Bench) -> None:
    bench.send()
    bench.queue.let_through()
    await bench.until_told(1)
    polls = bench.queue.polls
    await asyncio.sleep(producer.POLL_S * 5)
    assert bench.queue.polls == polls and bench.log._polling is None


@pytest.mark.parametrize(
    ("code", "at_fault"),
    [
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, False),
        (KafkaError._PURGE_QUEUE, False),
        (KafkaError.MSG_SIZE_TOO_LARGE, True),
        (KafkaError.INVALID_TIMESTAMP, True),
    ],
)
async def test_a_refusal_says_whether_the_record_is_at_fault(
    bench: Bench, code: int, at_fault: bool
) -> None:
    """What is at fault would block all behind it for ever, were it sent again."""
    bench.send()
    bench.queue.let_through(KafkaError(code))
    await bench.until_told(1)
    assert bench.told == [(KafkaError(code).name(), at_fault)]


async def test_a_full_queue_takes_nothing_and_says_so(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise BufferError

    monkeypatch.setattr(bench.queue, "produce", full)
    assert not bench.log.produce(EVENT, lambda _error, _at_fault: None)


@pytest.mark.parametrize(
    ("age_ms", "ticked"),
    [(0, [1, 2]), (FRESH_MS - 1, [1, 2]), (FRESH_MS, [0, 1, 2]), (10_000, [0, 1, 2])],
)
async def test_a_partition_with_a_fresh_durable_record_needs_no_tick(
    bench: Bench, age_ms: int, ticked: list[int]
) -> None:
    bench.send()
    bench.queue.let_through()
    bench.log.stop(0)
    bench.queue.produced.clear()
    bench.now_s += age_ms / 1000
    bench.log.tick()
    assert bench.queue.produced == ticked


async def test_a_record_that_is_not_durable_spares_no_tick(bench: Bench) -> None:
    bench.send()
    assert bench.log.stop(0) == 1
    bench.queue.produced.clear()
    bench.log.tick()
    assert bench.queue.produced == [0, 1, 2]


async def test_the_cluster_is_known_by_its_id() -> None:
    """Asked of the client's own mock of a broker, which has an id as every cluster has."""
    events = codec("events", MemoryRegistry())
    log = KafkaLog(NOBODY, events, asyncio.get_running_loop(), "gw")
    log._producer = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    assert log.cluster_id().startswith("mockCluster")
