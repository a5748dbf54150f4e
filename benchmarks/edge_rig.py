"""A gateway that is killed and starved on purpose, visitors who post to it, and what the log got.

Each visitor sends one event at a time and repeats it until it is acknowledged, as the SDK does; so
in the log the first record of each event must be there, readable, and in the visitor's order.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from random import Random
from typing import Any
from urllib.request import urlopen

from confluent_kafka import Consumer, TopicPartition

from connectors.avro import BadFrame, Codec, codec
from connectors.http1 import NoAnswer
from connectors.registry import RegistryClient
from connectors.sdk_client import Http, Tab, wall_ms
from infra.local.layout import CHECKOUT
from infra.local.ports import is_free
from infra.local.probe import http_ok
from infra.local.process import wait_until
from schemas.event import Event
from schemas.topics import EVENTS

READY_WITHIN_S, READ_WITHIN_S, RETRY_S = 60.0, 60.0, 0.02
EVENTS_A_TAB = 1_000
Sent = tuple[str, str, int]
"""(user key, event id, session index)."""


@dataclass
class Edge:
    """One gateway process of our own on its own directory."""

    brokers: str
    registry: str
    wal: Path
    env: Mapping[str, str] = field(default_factory=dict)
    argv: tuple[str, ...] = ("-m", "gateway")

    def __post_init__(self) -> None:
        self.port = next(port for port in range(31_000, 32_000) if is_free(port))
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.log = self.wal.parent / f"gateway-{self.port}.log"

    def start(self, *, wait: bool = True) -> float:
        """Run it; seconds until it was ready."""
        env = {
            **os.environ,
            "PYTHONPATH": str(CHECKOUT),
            "KAIROS_BROKERS": self.brokers,
            "KAIROS_REGISTRY_URL": self.registry,
            "KAIROS_PORT_GATEWAY": str(self.port),
            "KAIROS_WAL_DIR": str(self.wal),
            **self.env,
        }
        began = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.argv], cwd=CHECKOUT, env=env, stdout=log, stderr=log
            )
        if wait and not wait_until(lambda: http_ok(f"{self.url}/readyz"), READY_WITHIN_S):
            raise RuntimeError(f"the gateway is not ready: {self.log.read_text()[-500:]}")
        return time.monotonic() - began

    def metric(self, name: str) -> float:
        """One of its metrics without labels; infinity while it does not answer."""
        try:
            with urlopen(f"{self.url}/metrics", timeout=5) as answer:
                text = answer.read().decode()
        except OSError:
            return inf
        values = [line.split()[1] for line in text.splitlines() if line.startswith(f"{name} ")]
        return float(values[0]) if values else inf

    def end(self, number: int = signal.SIGKILL) -> int:
        """Signal it and wait; its exit code."""
        assert self.process is not None, "started before"
        self.process.send_signal(number)
        return self.process.wait(30)


@dataclass
class Load:
    """Visitors who post until they are told to stop, and what was acknowledged to them."""

    url: str
    seed: int
    visitors: int = 8
    pause_s: float = 0.0

    def __post_init__(self) -> None:
        self.acked: list[Sent] = []
        self.statuses: dict[int, int] = defaultdict(int)
        self.ack_ms: list[float] = []
        self.stopping = False

    async def run(self) -> None:
        """Post until `stopping`; the event in work is still repeated until it is acknowledged."""
        async with Http(self.url) as http:
            await asyncio.gather(*(self._visit(http, number) for number in range(self.visitors)))

    async def _visit(self, http: Http, number: int) -> None:
        chance = Random(self.seed * 1_000 + number)
        while not self.stopping:
            seed = f"{chance.getrandbits(128):032x}"
            tab = Tab(http, "demo", seed=seed, session_id=seed[:16])
            for index in range(EVENTS_A_TAB):
                await self._one(tab, f"{seed[:20]}-{index}", index)
                if self.stopping:
                    return
                await asyncio.sleep(self.pause_s)

    async def _one(self, tab: Tab, event_id: str, index: int) -> None:
        now_ms = int(wall_ms())
        event = {"event_id": event_id, "session_index": index, "type": "scroll", "ts": now_ms}
        while True:
            began_ms = wall_ms()
            try:
                answer = await tab.post([event], now_ms)
            except NoAnswer:
                answer = None
            self.statuses[0 if answer is None else answer["status"]] += 1
            if answer is not None and answer["status"] == 202:
                self.ack_ms.append(wall_ms() - began_ms)
                self.acked.append((answer["user_key"], event_id, index))
                return
            await asyncio.sleep(RETRY_S)


@dataclass
class Arrived:
    """Topic `events` from where it stood: records in order, and those nobody can read."""

    brokers: str
    registry: str
    starts: list[TopicPartition] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._codec: Codec[Event] = codec(EVENTS, RegistryClient(self.registry))
        self._consumer = Consumer(
            {"bootstrap.servers": self.brokers, "group.id": f"rig-{os.getpid()}-{id(self)}"}
        )
        self.starts = self.starts or self._ends()
        self._consumer.assign(self.starts)
        self.events: list[Event] = []
        self.unreadable = 0
        self.ids: set[str] = set()

    def _ends(self) -> list[TopicPartition]:
        partitions = self._consumer.list_topics(timeout=20).topics[EVENTS].partitions
        places = [TopicPartition(EVENTS, each) for each in partitions]
        for place in places:
            place.offset = self._consumer.get_watermark_offsets(place, timeout=20)[1]
        return places

    def fresh(self) -> Arrived:
        """The same, read from its beginning again by another consumer."""
        return Arrived(self.brokers, self.registry, self.starts)

    def read_until(self, wanted: set[str], within_s: float = READ_WITHIN_S) -> set[str]:
        """Read until these event ids came; those that did not."""
        deadline_s = time.monotonic() + within_s
        while not wanted <= self.ids and time.monotonic() < deadline_s:
            for message in self._consumer.consume(2_000, 0.2):
                if message.error() is None:
                    self._take(message.value())
        return wanted - self.ids

    def _take(self, value: bytes) -> None:
        try:
            event = self._codec.decode(value)
        except BadFrame:
            self.unreadable += 1
            return
        if not event.internal:
            self.events.append(event)
            self.ids.add(event.event_id)

    def reordered(self) -> int:
        """Events whose first record comes before that of one their visitor sent earlier."""
        newest: dict[str, int] = {}
        seen: set[str] = set()
        wrong = 0
        for event in self.events:
            if event.event_id in seen:
                continue
            seen.add(event.event_id)
            wrong += event.session_index < newest.get(event.user_key, -1)
            newest[event.user_key] = max(event.session_index, newest.get(event.user_key, -1))
        return wrong

    def close(self) -> None:
        """No more of it."""
        self._consumer.close()


def verdict(load: Load, arrived: Arrived, within_s: float = READ_WITHIN_S) -> dict[str, Any]:
    """What of the acknowledged events is in the log."""
    acked = {event_id for _, event_id, _ in load.acked}
    lost = arrived.read_until(acked, within_s)
    ours = [each for each in arrived.events if each.event_id in acked]
    return {
        "acked": len(acked),
        "lost": len(lost),
        "half": arrived.unreadable,
        "reordered": arrived.reordered(),
        "sent_again": len(ours) - len({each.event_id for each in ours}),
        "statuses": {str(code): count for code, count in sorted(load.statuses.items())},
    }
