"""Processes known by pid and start time, stopped with their helpers, brought back when dead."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from infra.local.layout import Layout
from infra.local.lock import StackBusy, stack_lock
from infra.local.process import (
    Processes,
    ProcessFailed,
    Running,
    Spec,
    is_alive,
    session_members,
    start_ticks,
    wait_until,
)
from infra.local.supervisor import ATTEMPTS_MAX, WINDOW_S, Backoff, Supervisor

WAIT = "import time\nwhile True: time.sleep(0.1)"
STUBBORN = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up')\n{WAIT}"
PARENT = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {WAIT!r}])\n{WAIT}"
SOON_S = 10.0


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """An empty stack folder; whatever a test left is ended."""
    made = Processes(tmp_path / "run", tmp_path / "logs")
    made.run.mkdir()
    made.logs.mkdir()
    yield made
    for name in made.names():
        made.stop(name, grace_s=0.1)


def spec(name: str, code: str) -> Spec:
    """A Python process running the code."""
    return Spec(name, (sys.executable, "-u", "-c", code), dict(os.environ), os.getcwd(), 1234)


def test_a_process_is_known_by_pid_until_it_is_stopped(processes: Processes) -> None:
    started = processes.spawn(spec("one", WAIT))
    assert processes.alive("one") == started
    processes.stop("one")
    assert (processes.alive("one"), processes.names()) == (None, [])
    assert start_ticks(started.pid) is None


def test_a_process_deaf_to_sigterm_is_killed_after_its_grace(processes: Processes) -> None:
    started = processes.spawn(spec("deaf", STUBBORN))
    assert wait_until(lambda: "up" in processes.tail("deaf"), SOON_S)
    processes.stop("deaf", grace_s=0.2)
    assert not is_alive(started)


def test_helpers_end_with_the_process_that_started_them(processes: Processes) -> None:
    started = processes.spawn(spec("parent", PARENT))
    assert wait_until(lambda: len(session_members(started)) == 1, SOON_S)
    helpers = session_members(started)
    processes.stop("parent")
    assert not any(map(is_alive, helpers))


def test_a_pid_given_out_again_is_never_signalled(processes: Processes) -> None:
    """The record is of an earlier process; a stranger now has its pid."""
    processes.spawn(spec("old", WAIT))
    stranger = subprocess.Popen([sys.executable, "-c", WAIT])
    try:
        old = processes.get("old")
        assert old is not None
        (processes.run / "old.pid").write_text(f"{stranger.pid} {old.start_ticks - 1}\n")
        processes.stop("old")
        assert stranger.poll() is None
        assert processes.get("old") is None
    finally:
        stranger.kill()
        stranger.wait()
        os.kill(old.pid, signal.SIGKILL)
        assert wait_until(lambda: not is_alive(old), SOON_S)


def test_a_zombie_counts_as_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    ticks = start_ticks(child.pid) or 0
    assert wait_until(lambda: start_ticks(child.pid) is None, SOON_S)
    assert not is_alive(Running("child", child.pid, ticks))


def test_a_process_that_ends_at_its_start_is_told_with_its_last_lines(
    processes: Processes,
) -> None:
    processes.spawn(spec("broken", "raise SystemExit('port 1 is taken')"))
    with pytest.raises(ProcessFailed, match="port 1 is taken"):
        processes.await_ready("broken", lambda: False, SOON_S)


def test_another_s_answer_does_not_make_a_dead_process_ready(processes: Processes) -> None:
    """planted: the port was lost to a server that answers as ours would."""
    started = processes.spawn(spec("late", "raise SystemExit('port 1 is taken')"))
    assert wait_until(lambda: not is_alive(started), SOON_S)
    with pytest.raises(ProcessFailed, match="late ended"):
        processes.await_ready("late", lambda: True, SOON_S)


def test_a_process_that_never_serves_is_told_with_its_log(processes: Processes) -> None:
    processes.spawn(spec("slow", WAIT))
    with pytest.raises(ProcessFailed, match=r"not ready within .*slow\.log"):
        processes.await_ready("slow", lambda: False, 0.2)


def test_records_are_readable_by_their_owner_only(processes: Processes) -> None:
    """An environment may hold secrets."""
    processes.spawn(spec("one", WAIT))
    modes = {path.stat().st_mode & 0o777 for path in processes.run.iterdir()}
    assert modes == {0o600}


def layout_of(processes: Processes) -> Layout:
    """The folders around these processes."""
    stack = processes.run.parent
    return Layout(stack, stack, stack)


def test_the_supervisor_brings_back_what_died_but_not_what_was_stopped(
    processes: Processes,
) -> None:
    supervisor = Supervisor(layout_of(processes))
    killed = processes.spawn(spec("killed", WAIT))
    processes.spawn(spec("stopped", WAIT))
    os.kill(killed.pid, signal.SIGKILL)
    assert wait_until(lambda: not is_alive(killed), SOON_S)
    processes.stop("stopped")
    assert supervisor.look() == ["killed"]
    back = processes.alive("killed")
    assert back is not None
    assert back.pid != killed.pid


def test_the_supervisor_keeps_still_while_a_command_holds_the_stack(
    processes: Processes,
) -> None:
    supervisor = Supervisor(layout_of(processes))
    killed = processes.spawn(spec("killed", WAIT))
    os.kill(killed.pid, signal.SIGKILL)
    assert wait_until(lambda: not is_alive(killed), SOON_S)
    with stack_lock(processes.run):
        assert supervisor.look() == []
    assert supervisor.look() == ["killed"]


def test_a_second_command_is_told_that_the_stack_is_busy(tmp_path: Path) -> None:
    with stack_lock(tmp_path), pytest.raises(StackBusy, match="another kairos command"):
        stack_lock(tmp_path, wait_s=0).__enter__()


def test_restarts_back_off_and_end() -> None:
    now = 0.0
    backoff = Backoff(lambda: now)
    starts = []
    while not backoff.is_exhausted("x") and now < WINDOW_S:
        if backoff.may_start("x"):
            backoff.note("x")
            starts.append(now)
        now += 0.5
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert len(starts) == ATTEMPTS_MAX
    assert gaps == sorted(gaps)
    assert (gaps[0], gaps[-1]) == (0.5, 30.0)
