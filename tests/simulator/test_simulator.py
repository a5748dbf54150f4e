"""Seeded worlds: every invariant holds, every fault point fires, a seed tells the same twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.simulator.faults import missing
from tests.simulator.run import RETOLD, live, main, many, report

if TYPE_CHECKING:
    from connectors.ports import Connection, EventLog, EventReader, Front, Pushes, Resume
    from gateway.held import Held
    from gateway.outbox import Frame
    from gateway.push import Hub, Welcome
    from gateway.tail import Record
    from tests.simulator.browser import Socket
    from tests.simulator.edge import Gateway
    from tests.simulator.log import MemoryLog

SHARES = 8
"""Tests that play the seeds: each core takes the next one when it is free."""
SEEDS = int(os.environ.get("KAIROS_SIM_SEEDS", "2000"))
HASH_SEEDS = ("1", "2")
SEEDS_TOLD_TWICE = 8


@pytest.mark.long
@pytest.mark.parametrize("share", range(SHARES))
def test_every_invariant_holds_and_every_fault_point_fires(share: int) -> None:
    """Thousands of worlds, each with its own faults; a breach names the command that repeats it."""
    seeds = SEEDS // SHARES
    tally = many(share * seeds, seeds, 1)
    print("\n".join(report(tally)))
    assert tally.failures == [], "\n".join(report(tally))
    assert missing(tally.fired) == []
    assert tally.sizes["rendered"] > seeds and tally.sizes["crashes"] > seeds / 10


def told(hash_seed: str) -> dict[str, Any]:
    """What some seeds come to in a process of its own, whose sets are ordered by `hash_seed`."""
    seeds = ("--seeds", str(SEEDS_TOLD_TWICE), "--workers", "1", "--json")
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulator", *seeds],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    del found["cpu_s"]
    return found


@pytest.mark.long
def test_a_seed_tells_the_same_story_in_every_process() -> None:
    """Chains, faults and sizes are equal, whatever order sets have there."""
    first, second = map(told, HASH_SEEDS)
    assert first == second
    assert (first["failures"], first["seeds"]) == ([], SEEDS_TOLD_TWICE)


@pytest.mark.long
def test_one_seed_alone_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    """The trace says who sent what, what was decided, and how it ended; twice the same."""
    stories = []
    for _ in range(2):
        assert main(["--seed", "1", "--trace"]) == 0
        stories.append(capsys.readouterr().out)
    assert stories[0] == stories[1]
    for words in (" sends page_view ", " -> ", "faults stop", "seed 1: every invariant held"):
        assert words in stories[0]


@pytest.mark.long
def test_two_seeds_tell_two_stories() -> None:
    """The planted fault: a seed that changed nothing would prove nothing."""
    assert len({tuple(sorted(live(seed)[0].checks.chain.heads())) for seed in (1, 2, 3)}) == 3


@pytest.mark.long
def test_a_breach_names_the_command_that_repeats_it() -> None:
    """A reader of a failed run has one line to copy."""
    tally = many(0, 1, 1)
    tally.failures.append((17, "I8 capped: planted"))
    assert f"  again: {RETOLD.format(17)}" in report(tally)


if TYPE_CHECKING:
    # The type checker holds models and real parts to the same ports.
    def _real(held: Held, hub: Hub) -> tuple[Resume[Record], Pushes[Record, Welcome, Frame]]:
        return held, hub

    def _models(
        socket: Socket, gateway: Gateway, log: MemoryLog
    ) -> tuple[Connection[Frame], Front, EventLog, EventReader]:
        return socket, gateway, gateway, log
