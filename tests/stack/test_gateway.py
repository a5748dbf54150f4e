"""The gateway against a real broker: place and time of records, ticks, a clean end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from confluent_kafka import Consumer, Message, TopicPartition

from connectors.avro import Codec, codec
from connectors.registry import RegistryClient
from infra.local.layout import CHECKOUT
from infra.local.ports import is_free
from infra.local.probe import http_ok
from infra.local.process import wait_until
from infra.local.stack import Stack
from schemas.event import TICK, Event
from schemas.ids import TICK_KEY

READ_WITHIN_S = 20.0
TICK_MS, TICKS_WANTED = 100, 5
RESTART = 1012


@dataclass(frozen=True)
class Second:
    """A gateway of the test's own beside the stack's."""

    url: str
    process: subprocess.Popen[bytes]
    brokers: str
    events: Codec[Event]


@pytest.fixture
def second(stack: Stack, tmp_path: Path) -> Iterator[Second]:
    endpoints = stack.state.endpoints
    port = next(port for port in range(31_000, 32_000) if is_free(port))
    env = {
        **os.environ,
        "KAIROS_BROKERS": endpoints["brokers"],
        "KAIROS_REGISTRY_URL": endpoints["registry"],
        "KAIROS_PORT_GATEWAY": str(port),
        "KAIROS_WAL_DIR": str(tmp_path / "wal"),
    }
    process = subprocess.Popen([sys.executable, "-m", "gateway"], cwd=CHECKOUT, env=env)
    url = f"http://127.0.0.1:{port}"
    try:
        assert wait_until(lambda: http_ok(f"{url}/readyz"), 60.0), "the gateway is not ready"
        events: Codec[Event] = codec("events", RegistryClient(endpoints["registry"]))
        yield Second(url, process, endpoints["brokers"], events)
    finally:
        process.kill()
        process.wait()


def batch(*event_ids: str, **changes: Any) -> dict[str, Any]:
    """A batch of a visitor nobody else uses."""
    now_ms = int(time.time() * 1000)
    events = [
        {"event_id": each, "session_index": index, "type": "page_view", "ts": now_ms}
        for index, each in enumerate(event_ids)
    ]
    consent = {"analytics": True, "personalization": True, "marketing": False}
    head = {"site": "demo", "visitor_seed": uuid4().hex, "session_id": uuid4().hex}
    return {**head, "tab_id": "t1", "consent": consent, "events": events, **changes}


async def post(second: Second, body: dict[str, Any]) -> dict[str, Any]:
    async with aiohttp.ClientSession() as http:
        response = await http.post(f"{second.url}/v1/events", json=body)
        answer: dict[str, Any] = await response.json()
        assert response.status == 202, answer
        return answer


async def until_accepted(http: aiohttp.ClientSession, second: Second, count: int) -> None:
    """Returns once the gateway has handed so many events to the log."""
    wanted = f'kairos_gateway_events_total{{outcome="accepted"}} {count}.0'
    deadline_s = time.monotonic() + READ_WITHIN_S
    while wanted not in await (await http.get(f"{second.url}/metrics")).text():
        assert time.monotonic() < deadline_s, "the event was not taken"


def newest(brokers: str) -> Consumer:
    """A consumer of all partitions of `events` that stands at their ends."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": uuid4().hex})
    partitions = consumer.list_topics(timeout=10).topics["events"].partitions
    places = [TopicPartition("events", each) for each in partitions]
    ends = [consumer.get_watermark_offsets(each, timeout=10)[1] for each in places]
    consumer.assign(
        [TopicPartition("events", each, end) for each, end in zip(partitions, ends, strict=True)]
    )
    return consumer


def read_until(consumer: Consumer, enough: Any) -> list[Message]:
    """Records until `enough(records)`, or the assertion says that they did not come."""
    records: list[Message] = []
    deadline_s = time.monotonic() + READ_WITHIN_S
    while not enough(records):
        assert time.monotonic() < deadline_s, f"only {len(records)} records came"
        records += [each for each in consumer.consume(500, 0.2) if each.error() is None]
    consumer.close()
    return records


def murmur2(data: bytes) -> int:
    """Kafka's hash of a key, written down once more from its published description."""
    size, multiplier = len(data), 0x5BD1E995
    value = 0x9747B28C ^ size
    for start in range(0, size - size % 4, 4):
        word = int.from_bytes(data[start : start + 4], "little") * multiplier & 0xFFFFFFFF
        word = (word ^ word >> 24) * multiplier & 0xFFFFFFFF
        value = value * multiplier & 0xFFFFFFFF ^ word
    if size % 4:
        value ^= int.from_bytes(data[size - size % 4 :], "little")
        value = value * multiplier & 0xFFFFFFFF
    value = (value ^ value >> 13) * multiplier & 0xFFFFFFFF
    return value ^ value >> 15


@pytest.mark.promise("M8")
async def test_an_acknowledged_event_lies_in_its_keys_partition_under_its_stamp(
    second: Second,
) -> None:
    consumer = newest(second.brokers)
    bodies = [batch(f"{uuid4()}", f"{uuid4()}") for _ in range(10)]
    keys = {(await post(second, body))["user_key"].encode() for body in bodies}
    sent = {event["event_id"] for body in bodies for event in body["events"]}
    records = read_until(
        consumer, lambda seen: sum(each.key() in keys for each in seen) >= len(sent)
    )
    ours = [each for each in records if each.key() in keys]
    events = [second.events.decode(each.value()) for each in ours]
    assert {event.event_id for event in events} == sent
    for record, event in zip(ours, events, strict=True):
        assert record.partition() == (murmur2(record.key()) & 0x7FFFFFFF) % 12
        assert record.timestamp()[1] == event.received_at_ms == event.accepted_at_ms
        assert event.user_key.encode() == record.key() and event.gateway_id


async def test_time_passes_in_every_partition_and_never_backwards(second: Second) -> None:
    consumer = newest(second.brokers)
    gateway_id = ""

    def ticks(records: list[Message]) -> dict[int, list[Event]]:
        out: dict[int, list[Event]] = {}
        for each in records:
            if each.key() == TICK_KEY.encode():
                out.setdefault(each.partition(), []).append(second.events.decode(each.value()))
        return out

    await post(second, batch(str(uuid4())))
    records = read_until(
        consumer,
        lambda seen: (
            len(ticks(seen)) == 12
            and all(len(each) >= 2 * TICKS_WANTED for each in ticks(seen).values())
        ),
    )
    for partition, events in ticks(records).items():
        assert all(event.internal == TICK for event in events)
        for gateway_id in {event.gateway_id for event in events}:
            stamps = [each.received_at_ms for each in events if each.gateway_id == gateway_id]
            assert stamps == sorted(stamps), f"time went back in partition {partition}"


async def test_a_terminated_gateway_answers_what_it_took_and_says_goodbye(
    second: Second,
) -> None:
    body = batch(str(uuid4()))
    token = (await post(second, body))["visitor_token"]
    async with aiohttp.ClientSession() as http:
        socket = await http.ws_connect(f"{second.url}/v1/stream")
        hello = {name: body[name] for name in ("site", "session_id", "tab_id")}
        await socket.send_json({"type": "hello", "visitor_token": token, **hello})
        assert (await socket.receive_json(timeout=10))["type"] == "welcome"
        # Nobody decides a scroll, so this request is still waiting when the signal comes.
        late = batch(str(uuid4()), visitor_seed=uuid4().hex)
        late["events"][0]["type"] = "scroll"
        waiting = asyncio.create_task(http.post(f"{second.url}/v1/events?wait=1500", json=late))
        await until_accepted(http, second, 2)
        second.process.send_signal(signal.SIGTERM)
        heard = []
        while (message := await socket.receive(timeout=10)).type is aiohttp.WSMsgType.TEXT:
            heard.append(json.loads(message.data))
        assert heard[-1]["type"] == "reconnect" and socket.close_code == RESTART
        answer = await waiting
        assert answer.status == 202 and (await answer.json())["accepted"] == 1
    assert await asyncio.to_thread(second.process.wait, 15) == 0
