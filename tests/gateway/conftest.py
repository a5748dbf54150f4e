"""A gateway in one process: the real routes around a log in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from connectors.avro import Codec, codec
from connectors.memory import MemoryRegistry
from gateway.app import Parts, make_app
from gateway.memory import MemoryLog
from gateway.server import make_parts
from gateway.settings import Settings
from gateway.tail import Record
from schemas.decision import Decision
from schemas.site import Site
from tests.gateway.samples import make_site


@dataclass
class Gateway:
    """The parts under test and a client that talks to them."""

    client: Any
    parts: Parts
    log: MemoryLog
    decisions: Codec[Decision]

    def decide(self, decision: Decision, headers: dict[str, bytes] | None = None) -> None:
        """Put one record on topic `decisions`."""
        key, value = decision.user_key.encode(), self.decisions.encode(decision)
        self.parts.hub.take([Record(key, value, headers or {})])


async def start_gateway(settings: Settings, *sites: Site) -> Gateway:
    """A served gateway that knows these sites."""
    registry, log = MemoryRegistry(), MemoryLog()
    parts = make_parts(settings, log, registry)
    for site in sites:
        parts.sites.add(site)
    server = TestServer(make_app(parts))
    await server.start_server(auto_decompress=False, access_log=None)
    return Gateway(TestClient(server), parts, log, codec("decisions", registry))


@pytest.fixture
def settings() -> Settings:
    """Settings a test may replace."""
    return Settings(ack_timeout_ms=300)


@pytest.fixture
async def gateway(settings: Settings) -> AsyncIterator[Gateway]:
    """A gateway that serves `demo` (minimal) and `full` (pushes everything)."""
    started = await start_gateway(settings, make_site(), make_site(site="full", push="full"))
    yield started
    await started.client.close()
