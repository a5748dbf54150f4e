"""SIGKILL in mid-replay: the job comes back by itself, and the counts still meet."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

import pytest

from infra.local.layout import CHECKOUT
from infra.local.process import wait_until
from infra.local.stack import Stack
from tests.stack.test_replay import recorded

BACK_WITHIN_S = 30.0
OPTIONS = ("--sessions", "220", "--rate", "70", "--resend", "0.05", "--json")


def await_that(what: str, holds: Callable[[], bool], within_s: float) -> float:
    """Seconds until the condition held."""
    began = time.monotonic()
    assert wait_until(holds, within_s), f"{what}: not within {within_s:.0f} s"
    return time.monotonic() - began


def running(stack: Stack) -> bool:
    """The one job runs, all of its tasks included."""
    job = stack.status()["job"]
    return job is not None and job["state"] == "RUNNING"


def kill(stack: Stack, name: str) -> int:
    """SIGKILL a process of the stack by its recorded id."""
    alive = stack.processes.alive(name)
    assert alive is not None, f"{name} does not run"
    os.kill(alive.pid, signal.SIGKILL)
    return int(alive.pid)


def replaced(stack: Stack, name: str, pid: int) -> bool:
    """The supervisor has started it again."""
    alive = stack.processes.alive(name)
    return alive is not None and alive.pid != pid


@pytest.mark.promise("D1", "D3", "M11")
@pytest.mark.parametrize("victim", ["taskmanager-1", "jobmanager"])
def test_a_killed_process_costs_no_event_and_no_second_decision(
    victim: str, stack: Stack, env: Mapping[str, str]
) -> None:
    """Killed in mid-replay; running again within 30 s; conservation and one body a slot."""
    argv = [sys.executable, "-m", "cli.main", "replay", recorded(), *OPTIONS]
    replay = subprocess.Popen(
        argv, cwd=CHECKOUT, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        time_to_sink = time.monotonic() + 15
        await_that("mid-replay", lambda: time.monotonic() > time_to_sink, 20)
        pid = kill(stack, victim)
        await_that(f"{victim} replaced", lambda: replaced(stack, victim, pid), BACK_WITHIN_S)
        took_s = await_that("running again", lambda: running(stack), BACK_WITHIN_S)
        print(f"{victim}: running again {took_s:.1f} s after its replacement")
        out, _ = replay.communicate(timeout=240)
    finally:
        replay.kill()
    result = json.loads(out)
    assert result["users_answering"] == result["users"]
    assert result["applied"] == result["acked"] == result["sent"]
    assert result["duplicate"] == result["resent"]
    assert result["slots_with_two_bodies"] == 0
