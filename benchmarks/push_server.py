"""A gateway around a log in memory, told what to push by lines on its standard input.

visitors N               mint tokens, one a line, for visitors 0 to N-1
push COUNT RATE FROM TO  so many decisions a second, to visitors FROM to TO-1 in turn
cut                      hang up on everybody
rss                      this process's memory in KiB, and how many sockets are open
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import uvloop

from connectors.avro import codec
from connectors.memory import MemoryRegistry
from gateway import tokens
from gateway.app import Parts, make_runner
from gateway.front import Front
from gateway.memory import MemoryLog
from gateway.server import make_parts
from gateway.settings import Settings
from gateway.tail import Record
from schemas.decision import Decision
from schemas.ids import UserKey
from schemas.render import Render
from schemas.site import Site
from schemas.topics import DECISIONS

SITE = Site(site="bench", version=1, mint_secret=b"m" * 32)
PAGE_BYTES, BODY_BYTES = 4096, 120
FAR_MS = 4_000_000_000_000


def key_of(number: int) -> UserKey:
    """The visitor of a number."""
    return UserKey(f"bench:v:{number:032x}")


class Driver:
    """Carries out the lines."""

    def __init__(self, parts: Parts, registry: MemoryRegistry) -> None:
        self._parts, self._codec = parts, codec(DECISIONS, registry)
        self._seq = 0

    async def obey(self, line: str) -> None:
        """One line; its answer goes to standard output."""
        verb, *numbers = line.split()
        given = [int(each) for each in numbers]
        if verb == "visitors":
            now_ms = int(time.time() * 1000)
            for number in range(given[0]):
                say(tokens.mint("bench", SITE.mint_secret, key_of(number), now_ms=now_ms))
        elif verb == "push":
            await self._push(*given)
            say("pushed")
        elif verb == "cut":
            for each in tuple(self._parts.streams._open):
                each._transport.abort()
            say("cut")
        elif verb == "rss":
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            say(f"{pages * PAGE_BYTES // 1024} {len(self._parts.streams._open)}")

    async def _push(self, count: int, rate: int, first: int, last: int) -> None:
        """An open loop: each decision has its moment, and carries it."""
        begins_s = time.monotonic()
        for at in range(count):
            due_s = begins_s + at / rate
            if due_s > time.monotonic():
                await asyncio.sleep(due_s - time.monotonic())
            key = key_of(first + at % (last - first))
            record = self._codec.encode(self._decision(key, due_s))
            self._parts.hub.take([Record(key.encode(), record, {})])

    def _decision(self, key: UserKey, due_s: float) -> Decision:
        self._seq += 1
        return Decision(
            slot_id=f"s_{self._seq:032x}",
            decision_id=f"d_{self._seq:032x}",
            seq=self._seq,
            epoch_ms=1,
            site="bench",
            user_key=key,
            session_id="s",
            tab_id="t",
            # Of its own place each, so that a client that does not read costs all it can.
            placement=f"place-{self._seq}",
            latency_class="standard",
            source="model",
            campaign_id=str(int(due_s * 1e6)),
            action_type="discount_popup",
            render=Render(kind="modal", title="15 % off", body="x" * BODY_BYTES),
            expires_at_ms=FAR_MS,
        )


def say(text: str) -> None:
    """One line of answer."""
    print(text, flush=True)


async def main() -> None:
    """Serve until the input ends."""
    registry = MemoryRegistry()
    parts = make_parts(Settings(), MemoryLog(), registry)
    parts.sites.add(SITE)
    runner = make_runner(parts)
    await runner.setup()
    assert runner.server is not None
    say(str(await Front(parts.poster, parts.sites, runner.server).listen("127.0.0.1", 0)))
    driver, reader = Driver(parts, registry), asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        await driver.obey(line.decode())


if __name__ == "__main__":
    uvloop.run(main())
