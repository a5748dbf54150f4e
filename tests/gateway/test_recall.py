"""The resume list is a cache: with it a gateway knows more, without it nothing else changes."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from connectors.memory import MemoryRegistry
from gateway import recall as recalling
from gateway.recall import PREFIX, Breaker, ValkeyRecall
from gateway.settings import BadSettings, Settings, read_settings
from gateway.tail import Record
from infra.local.probe import answers
from infra.local.process import wait_until
from infra.local.valkey import binary_path
from tests.gateway.conftest import Gateway, start_gateway
from tests.gateway.samples import make_decision, make_site
from tests.gateway.test_push import HEARD_WITHIN_S, KEY, fresh, said, until

STARTS_WITHIN_S = 10.0


@dataclass
class Cache:
    """A real server, and a client of its own."""

    url: str
    client: Any
    process: subprocess.Popen[bytes]


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    port = free_port()
    where = ("--bind", "127.0.0.1", "--port", str(port), "--dir", str(tmp_path), "--save", "")
    process = subprocess.Popen([binary_path(), *where], stdout=subprocess.DEVNULL)
    client: Any = Redis(port=port)
    assert wait_until(lambda: answers(port, b"PING\r\n", b"+PONG"), STARTS_WITHIN_S)
    yield Cache(f"redis://127.0.0.1:{port}", client, process)
    client.close()
    process.kill()
    process.wait()


@pytest.fixture
async def pair(cache: Cache) -> AsyncIterator[tuple[Gateway, Gateway]]:
    """Two gateways on one cache: the first reads the decisions, the other has read none."""
    settings = Settings(cache_url=cache.url)
    registry = MemoryRegistry()
    both = [await start_gateway(settings, make_site(), registry=registry) for _ in range(2)]
    yield both[0], both[1]
    for each in both:
        await each.parts.recall.close()
        await each.close()


async def kept(cache: Cache, count: int) -> None:
    """Wait until so many records of the visitor are in the cache."""
    await until(lambda: cache.client.zcard(PREFIX + KEY) == count)


async def resumed(gateway: Gateway, last_seq: int) -> list[dict[str, Any]]:
    """The messages a client gets at once that comes back here after `last_seq` of epoch 1."""
    ws = await said(gateway, last_seq=last_seq, epoch=1)
    heard = [await ws.receive_json(timeout=HEARD_WITHIN_S)]
    await ws.send_json({"type": "pong"})
    while True:
        try:
            heard.append(await ws.receive_json(timeout=0.1))
        except TimeoutError:
            break
    await ws.close()
    return heard


async def test_another_gateway_knows_what_it_has_not_read(
    pair: tuple[Gateway, Gateway], cache: Cache
) -> None:
    first, other = pair
    for number in (1, 2):
        first.decide(make_decision(KEY, number))
    await kept(cache, 2)
    welcome, told = await resumed(other, 1)
    assert (welcome["resumed"], welcome["seq"], welcome["epoch"]) == (True, 2, 1)
    assert (told["type"], told["slot_id"]) == ("decision", "s_2")
    assert 0 < cache.client.ttl(PREFIX + KEY) <= 60


async def test_two_writers_keep_one_copy_and_the_last_eight(
    pair: tuple[Gateway, Gateway], cache: Cache
) -> None:
    for number in range(1, 13):
        for gateway in pair:
            gateway.decide(make_decision(KEY, number))
    await kept(cache, 8)
    (welcome, *_) = await resumed(pair[1], 4)
    assert welcome["resumed"] is True


def wrong_type(cache: Cache) -> None:
    cache.client.delete(PREFIX + KEY)
    cache.client.set(PREFIX + KEY, "text")


def rubbish(cache: Cache) -> None:
    cache.client.delete(PREFIX + KEY)
    cache.client.zadd(PREFIX + KEY, {b"\xff no record": 1, b"": 2})


def full(cache: Cache) -> None:
    cache.client.config_set("maxmemory-policy", "noeviction")
    cache.client.flushall()
    cache.client.config_set("maxmemory", 1)


def stopped(cache: Cache) -> None:
    cache.process.kill()
    cache.process.wait()


def frozen(cache: Cache) -> None:
    cache.process.send_signal(19)


BROKEN = [lambda cache: cache.client.flushall(), wrong_type, rubbish, full, stopped, frozen]
NAMES = ["flushed", "wrong type", "rubbish", "full", "stopped", "frozen"]


@pytest.mark.parametrize("breaks", BROKEN, ids=NAMES)
async def test_whatever_happens_to_the_cache_decisions_arrive(
    pair: tuple[Gateway, Gateway], cache: Cache, breaks: Any
) -> None:
    """A gateway that has read the log answers as without a cache; another says it is not whole."""
    first, other = pair
    first.decide(make_decision(KEY, 1))
    await kept(cache, 1)
    breaks(cache)
    try:
        first.decide(make_decision(KEY, 2))
        began_s = time.monotonic()
        welcome, told = await resumed(first, 1)
        assert (welcome["resumed"], told["slot_id"]) == (True, "s_2")
        (lost, *_) = await resumed(other, 0)
        assert lost["resumed"] is False
        assert time.monotonic() - began_s < 2.0
        ws = await said(other)
        await ws.receive_json(timeout=HEARD_WITHIN_S)
        other.decide(make_decision(KEY, 3))
        assert (await ws.receive_json(timeout=HEARD_WITHIN_S))["slot_id"] == "s_3"
        await ws.close()
    finally:
        with suppress(ProcessLookupError):
            cache.process.send_signal(18)


async def test_nothing_past_its_expiry_comes_out_of_the_cache(
    pair: tuple[Gateway, Gateway], cache: Cache
) -> None:
    first, other = pair
    soon_ms = int(time.time() * 1000) + 300
    first.decide(make_decision(KEY, 1, expires_at_ms=soon_ms))
    await kept(cache, 1)
    await asyncio.sleep(max(0.0, soon_ms / 1000 - time.time()))
    (welcome, *frames) = await resumed(other, 0)
    assert frames == [] and welcome["seq"] == 1


async def test_a_hello_that_memory_answers_asks_nobody(pair: tuple[Gateway, Gateway]) -> None:
    """And neither does a first one, which has nothing to resume."""
    first, _ = pair
    first.decide(make_decision(KEY, 1))
    asked: list[str] = []
    first.parts.streams._recall.of = asked.append  # type: ignore[assignment]
    await resumed(first, 1)
    ws = await said(first)
    await ws.receive_json(timeout=HEARD_WITHIN_S)
    await ws.close()
    assert asked == [] and fresh(KEY)


def test_a_breaker_rests_after_failures_in_a_row() -> None:
    now = [0.0]
    breaker = Breaker(lambda: now[0])
    for good in (False, False, True, False, False):
        breaker.note(good=good)
    assert breaker.open()
    breaker.note(good=False)
    assert not breaker.open()
    now[0] += recalling.PAUSE_S
    assert breaker.open()


async def test_what_waits_to_be_written_is_bounded() -> None:
    lost = ValkeyRecall("redis://127.0.0.1:1")
    record = Record(b"k", b"v", {})
    for _ in range(recalling.WAITING_MAX + 100):
        lost.add("k", record)
    assert len(lost._waiting) == recalling.WAITING_MAX
    await lost.close()


def test_a_cache_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(BadSettings, match="KAIROS_CACHE_URL"):
        read_settings({"KAIROS_CACHE_URL": "http://127.0.0.1:6379"})
