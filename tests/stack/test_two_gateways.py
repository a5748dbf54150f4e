"""Two gateways side by side: one is killed in mid-session, its clients go on at the other."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from confluent_kafka import Producer

from connectors.avro import codec
from connectors.registry import RegistryClient
from connectors.sdk_client import Http, Tab
from infra.local.stack import Stack
from schemas.topics import DECISIONS
from tests.gateway.samples import make_decision, make_event
from tests.stack.servers import Servers

SERVICES = ("kafka", "registry", "valkey", "gateway", "gateway-2")
VISITORS, DECISIONS_EACH, PAUSE_S, KILLED_AFTER = 20, 24, 0.2, 8
BACK_WITHIN_S, FIRST_BACKOFF_S, ALL_HEARD_WITHIN_S = 3.0, 0.4, 10.0
LASTS_MS = 60_000


@pytest.fixture(scope="module")
def pair(servers: Servers) -> Stack:
    """Broker, registry, cache and two gateways; no job, since the test says what is decided."""
    return servers.fresh(SERVICES, job=False)


@dataclass
class Client:
    """A visitor's tab as docs/edge.md tells one to write it."""

    token: str
    user_key: str
    session_id: str
    last_seq: int = 0
    epoch: int | None = None
    heard: list[int] = field(default_factory=list)
    welcomes: list[tuple[float, dict[str, Any]]] = field(default_factory=list)

    async def follow(self, http: aiohttp.ClientSession, urls: list[str]) -> None:
        """Hear decisions, at the next gateway whenever one is gone."""
        attempt = 0
        while True:
            try:
                async with http.ws_connect(urls[attempt % len(urls)] + "/v1/stream") as ws:
                    await ws.send_json(self.hello())
                    async for message in ws:
                        self.hear(message.json())
            except (aiohttp.ClientError, OSError):
                pass
            attempt += 1
            await asyncio.sleep(FIRST_BACKOFF_S * random.random())

    def hello(self) -> dict[str, Any]:
        place = {"session_id": self.session_id, "tab_id": "t1"}
        position = {"last_seq": self.last_seq, "epoch": self.epoch}
        return {"type": "hello", "site": "demo", "visitor_token": self.token, **place, **position}

    def hear(self, told: dict[str, Any]) -> None:
        if told["type"] == "welcome":
            self.welcomes.append((time.monotonic(), told))
        if told["type"] == "decision":
            self.heard.append(told["seq"])
            self.last_seq, self.epoch = max(self.last_seq, told["seq"]), told["epoch"]


async def arrive(stack: Stack, number: int) -> Client:
    """A visitor's first post, which brings the token."""
    async with Http(stack.state.endpoints["gateway_2"]) as http:
        session = f"two-{number}"
        tab = Tab(http, "demo", seed=f"{number:032x}", session_id=session)
        event = make_event(event_id=f"two-{number}", ts=int(time.time() * 1000))
        answer = await tab.post([event], int(time.time() * 1000))
        assert answer is not None and answer["status"] == 202, answer
        return Client(answer["visitor_token"], answer["user_key"], session)


class Job:
    """Writes decisions as the job would."""

    def __init__(self, stack: Stack) -> None:
        where = stack.state.endpoints
        self._codec = codec(DECISIONS, RegistryClient(where["registry"]))
        self._producer = Producer(
            {"bootstrap.servers": where["brokers"], "partitioner": "murmur2_random"}
        )

    def decide(self, client: Client, seq: int) -> None:
        now_ms = int(time.time() * 1000)
        made = make_decision(
            client.user_key,
            seq,
            slot_id=f"s_{client.session_id}_{seq}",
            session_id=client.session_id,
            # Of one placement only the newest would be sent again.
            placement=f"place-{seq}",
            decided_at_ms=now_ms,
            expires_at_ms=now_ms + LASTS_MS,
        )
        self._producer.produce(DECISIONS, self._codec.encode(made), client.user_key.encode())
        self._producer.poll(0)


async def until_all_heard(clients: list[Client]) -> None:
    """Wait for the last decision of everybody."""
    ends_s = time.monotonic() + ALL_HEARD_WITHIN_S
    while any(len(client.heard) < DECISIONS_EACH for client in clients):
        assert time.monotonic() < ends_s, [client.heard for client in clients]
        await asyncio.sleep(0.02)


def test_a_client_goes_on_at_the_other_gateway(pair: Stack) -> None:
    """Nothing is lost, nothing comes twice, and everybody is back within three seconds."""
    for client, killed_s in asyncio.run(killed(pair)):
        back_s, welcome = next(each for each in client.welcomes if each[0] > killed_s)
        assert back_s - killed_s < BACK_WITHIN_S
        assert welcome["resumed"] is True and welcome["epoch"] == 1
        assert client.heard == list(range(1, DECISIONS_EACH + 1))


async def killed(stack: Stack) -> list[tuple[Client, float]]:
    """Every client, and when the gateway of all of them was killed."""
    urls = [stack.state.endpoints[name] for name in ("gateway", "gateway_2")]
    clients = [await arrive(stack, number) for number in range(VISITORS)]
    job = Job(stack)
    async with aiohttp.ClientSession() as http:
        followers = [asyncio.create_task(each.follow(http, urls)) for each in clients]
        killed_s = 0.0
        for seq in range(1, DECISIONS_EACH + 1):
            if seq == KILLED_AFTER:
                alive = stack.processes.alive("gateway")
                assert alive is not None and all(each.heard for each in clients)
                os.kill(alive.pid, signal.SIGKILL)
                killed_s = time.monotonic()
            for client in clients:
                job.decide(client, seq)
            await asyncio.sleep(PAUSE_S)
        await until_all_heard(clients)
        for each in followers:
            each.cancel()
        await asyncio.gather(*followers, return_exceptions=True)
    return [(each, killed_s) for each in clients]


def test_a_gateway_that_was_restarted_knows_the_last_minute(pair: Stack) -> None:
    """It reads it from the log before it takes traffic, so a hello there is whole too."""

    async def resumed() -> dict[str, Any]:
        client = await arrive(pair, 999)
        job = Job(pair)
        for seq in (1, 2):
            job.decide(client, seq)
        async with aiohttp.ClientSession() as http:
            other = asyncio.create_task(client.follow(http, [pair.state.endpoints["gateway_2"]]))
            while client.last_seq < 2:
                await asyncio.sleep(0.02)
            other.cancel()
            pair.processes.stop("gateway")
            pair.up(SERVICES, job=False)
            client.last_seq = 1
            again = asyncio.create_task(client.follow(http, [pair.state.endpoints["gateway"]]))
            while len(client.welcomes) < 2:
                await asyncio.sleep(0.02)
            again.cancel()
            await asyncio.gather(other, again, return_exceptions=True)
        return client.welcomes[-1][1]

    assert asyncio.run(asyncio.wait_for(resumed(), 60))["resumed"] is True
