"""The gateway's write-ahead log with real processes: killed, starved, doubled, on a broken disk."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from benchmarks.edge_faults import FAILING_DISK, broker_paused, kills
from benchmarks.edge_rig import Arrived, Edge
from connectors.sdk_client import ALL_CONSENT, wall_ms
from infra.local.process import wait_until
from infra.local.stack import Stack

KILLS, PAUSE_S, SEED = 3, 3.0, 6
SMALL_DISK = "4m"
ENDED_WITHIN_S = 30


@pytest.fixture
def edge(stack: Stack, tmp_path: Path) -> Iterator[Edge]:
    """A gateway of the test's own, not started."""
    where = stack.state.endpoints
    made = Edge(where["brokers"], where["registry"], tmp_path / "wal")
    yield made
    if made.process is not None and made.process.poll() is None:
        made.end()


@pytest.fixture
def arrived(stack: Stack) -> Iterator[Arrived]:
    where = stack.state.endpoints
    made = Arrived(where["brokers"], where["registry"])
    yield made
    made.close()


async def posted(edge: Edge, filler: str = "") -> tuple[int, str]:
    """Status and Retry-After of one event."""
    event = {"event_id": str(uuid4()), "session_index": 0, "type": "scroll", "ts": int(wall_ms())}
    event["properties"] = {f"p{each}": filler for each in range(16)} if filler else {}
    head: dict[str, Any] = {"site": "demo", "visitor_seed": uuid4().hex, "session_id": "s-1"}
    body = {**head, "consent": ALL_CONSENT, "events": [event] * 1}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{edge.url}/v1/events", json=body) as answer,
    ):
        return answer.status, answer.headers.get("Retry-After", "")


def sound(found: dict[str, Any]) -> dict[str, Any]:
    """What has to be nothing."""
    print(found)
    return {name: found[name] for name in ("lost", "half", "reordered") if found[name]}


@pytest.mark.promise("M6")
def test_a_killed_gateway_loses_nothing_it_acknowledged(edge: Edge, arrived: Arrived) -> None:
    """SIGKILL at random moments of POSTs; 100 of them in `kairos prove edge-kills`."""
    edge.start()
    found = kills(edge, arrived, KILLS, SEED)
    assert sound(found) == {} and found["acked"] > 100


def test_while_the_broker_stands_still_events_are_taken_and_follow_in_order(
    edge: Edge, arrived: Arrived, stack: Stack
) -> None:
    edge.start()
    found = broker_paused(edge, arrived, stack.state.pids["kafka"], PAUSE_S, SEED)
    assert sound(found) == {} and found["acked_meanwhile"] > 100
    assert set(found["statuses"]) == {"202"}


def test_a_second_gateway_on_the_directory_does_not_start(edge: Edge) -> None:
    edge.start()
    other = Edge(edge.brokers, edge.registry, edge.wal)
    other.start(wait=False)
    assert other.process is not None and other.process.wait(ENDED_WITHIN_S) == 1
    assert "another process's write-ahead log" in other.log.read_text()


def test_a_disk_that_fails_a_sync_ends_the_gateway(edge: Edge) -> None:
    """planted: the third sync fails; nothing is acknowledged from then on."""
    edge.argv = ("-c", FAILING_DISK.format(good=2))
    edge.start()

    async def statuses() -> list[int]:
        """Of three posts; 0 where the gateway has ended already."""
        found = []
        for _ in range(3):
            try:
                found.append((await posted(edge))[0])
            except aiohttp.ClientError:
                found.append(0)
        return found

    first, *later = asyncio.run(statuses())
    assert first == 202 and later[-1] in (503, 0)
    assert edge.process is not None and edge.process.wait(ENDED_WITHIN_S) == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few megabytes; mounting one takes root, and without it this says so."""
    path = tmp_path / "small"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "kairos-test", str(path)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no small disk to fill: {done.stderr.strip()} (needs root)")
    yield path
    subprocess.run(["umount", str(path)], check=True)


def test_a_full_disk_is_503_and_passes_by_itself(
    edge: Edge, arrived: Arrived, small_disk: Path
) -> None:
    edge.wal = small_disk / "wal"
    edge.start()
    filler = small_disk / "filler"
    size = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    filler.write_bytes(b"x" * size)

    async def until(status: int) -> str:
        """Post until that is the answer; its Retry-After."""
        async with asyncio.timeout(ENDED_WITHIN_S):
            while (answer := await posted(edge, "x" * 250))[0] != status:
                assert answer[0] in (202, 503)
        return answer[1]

    assert asyncio.run(until(503)) == "5"
    filler.unlink()
    assert asyncio.run(until(202)) == ""
    assert wait_until(lambda: edge.metric("kairos_gateway_wal_undelivered") == 0, ENDED_WITHIN_S)
    assert edge.end(signal.SIGTERM) == 0
