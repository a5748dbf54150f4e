"""Killing a process of a running stack, and watching what happens then."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from infra.local.process import wait_until
from infra.local.stack import Stack
from tests.checks import Healing

WAITED_FOR_S = 90.0


def await_that(what: str, holds: Callable[[], bool], within_s: float) -> float:
    """Seconds until the condition held."""
    began = time.monotonic()
    assert wait_until(holds, within_s), f"{what}: not within {within_s:.0f} s"
    return time.monotonic() - began


def running(stack: Stack) -> bool:
    """The one job runs, all of its tasks included."""
    job = stack.status()["job"]
    return job is not None and job["state"] == "RUNNING"


def job(stack: Stack) -> str:
    """The id of the one job."""
    (only,) = stack.rest.active_jobs()
    return only.job_id


def only(stack: Stack, prefix: str) -> str:
    """The one process of that kind; a deploy gives its TaskManager another number."""
    (name,) = [each for each in stack.processes.names() if each.startswith(prefix)]
    return name


def kill(stack: Stack, name: str) -> int:
    """SIGKILL to a process of the stack, known by its record; its pid."""
    process = stack.processes.alive(name)
    assert process is not None, f"{name} does not run"
    os.kill(process.pid, signal.SIGKILL)
    return int(process.pid)


def comes_back(stack: Stack, name: str, pid: int) -> bool:
    """True when another process than that pid serves under the name."""
    process = stack.processes.alive(name)
    return process is not None and process.pid != pid


def healing(stack: Stack, job_id: str, name: str, pid: int) -> Healing:
    """When the job was seen to stop, the killed process to be replaced, the job to run again."""
    return watched(
        lambda: comes_back(stack, name, pid), lambda: bool(stack.rest.is_running(job_id))
    )


def watched(
    replaced: Callable[[], bool], runs: Callable[[], bool], within_s: float = WAITED_FOR_S
) -> Healing:
    """The three moments in seconds from now, which is right after the kill."""
    began = time.monotonic()

    def passed(holds: Callable[[], bool]) -> float | None:
        return time.monotonic() - began if wait_until(holds, within_s) else None

    # Flink notices a dead TaskManager later than the supervisor does: first it must have.
    noticed_s = passed(lambda: not runs())
    replaced_s = passed(replaced) if noticed_s is not None else None
    running_s = passed(runs) if replaced_s is not None else None
    return Healing(noticed_s, replaced_s, running_s)
