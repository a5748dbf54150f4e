"""A gateway in one process: the real routes around a log in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import ClientSession, web

from connectors.avro import Codec, codec
from connectors.memory import MemoryRegistry
from gateway.app import Parts, make_runner
from gateway.front import Front
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
    served: tuple[Front, web.AppRunner]
    port: int

    async def close(self) -> None:
        """Hang up on both sides."""
        front, runner = self.served
        await self.client.close()
        await front.close(1.0)
        await runner.cleanup()

    def decide(self, decision: Decision, headers: dict[str, bytes] | None = None) -> None:
        """Put one record on topic `decisions`."""
        key, value = decision.user_key.encode(), self.decisions.encode(decision)
        self.parts.hub.take([Record(key, value, headers or {})])


async def start_gateway(
    settings: Settings, *sites: Site, registry: MemoryRegistry | None = None
) -> Gateway:
    """A served gateway that knows these sites; two share a registry as they share a log."""
    registry, log = registry or MemoryRegistry(), MemoryLog()
    parts = make_parts(settings, log, registry)
    for site in sites:
        parts.sites.add(site)
    runner = make_runner(parts, shutdown_timeout=1.0)
    await runner.setup()
    assert runner.server is not None
    front = Front(parts.poster, parts.sites, runner.server)
    port = await front.listen("127.0.0.1", 0)
    client = ClientSession(f"http://127.0.0.1:{port}")
    return Gateway(client, parts, log, codec("decisions", registry), (front, runner), port)


@pytest.fixture
def settings() -> Settings:
    """Settings a test may replace."""
    return Settings(ack_timeout_ms=300)


@pytest.fixture
async def gateway(settings: Settings) -> AsyncIterator[Gateway]:
    """A gateway that serves `demo` (minimal) and `full` (pushes everything)."""
    started = await start_gateway(settings, make_site(), make_site(site="full", push="full"))
    yield started
    await started.close()
