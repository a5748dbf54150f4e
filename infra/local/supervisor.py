"""Restarts what dies: `python -m infra.local.supervisor` watches the records of one stack.

A process is wanted as long as its specification lies in `run/`; commands remove it before they
stop a process. Restarts back off from half a second to 30 s; after ATTEMPTS_MAX within the window
the process is left dead and marked `<name>.failed`, which `kairos status` shows.

A stack may have an owner, a test run for instance (KAIROS_OWNER_PID): when the owner is gone, even
by SIGKILL, the supervisor ends the whole stack, so that nothing is left behind. `up` starts it
before anything else: a stack that is only half there ends as well.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from infra.local.layout import Layout, read_layout
from infra.local.lock import StackBusy, stack_lock
from infra.local.process import Processes, Spec, start_ticks
from infra.local.state import read_state, write_state

NAME = "supervisor"
OWNER_ENV = "KAIROS_OWNER_PID"
LOOK_EVERY_S = 0.5
BACKOFF_S_MIN, BACKOFF_S_MAX = 0.5, 30.0
ATTEMPTS_MAX = 10
WINDOW_S = 600.0


def spec(layout: Layout, env: dict[str, str]) -> Spec:
    """How the supervisor itself is started."""
    argv = (str(layout.python), "-m", "infra.local.supervisor")
    return Spec(NAME, argv, env, str(layout.checkout))


def failed_mark(run: Path, name: str) -> Path:
    """The file that says a process was given up."""
    return run / f"{name}.failed"


class Backoff:
    """When a process may be started again; pure but for the clock it is given."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self.now_s = now_s
        self.attempts: dict[str, list[float]] = {}

    def may_start(self, name: str) -> bool:
        """True when the pause after the last attempt is over."""
        recent = self._recent(name)
        pause_s = min(BACKOFF_S_MAX, BACKOFF_S_MIN * 2 ** max(0, len(recent) - 1))
        return not recent or self.now_s() - recent[-1] >= pause_s

    def is_exhausted(self, name: str) -> bool:
        """True after ATTEMPTS_MAX attempts within the window."""
        return len(self._recent(name)) >= ATTEMPTS_MAX

    def note(self, name: str) -> None:
        """Counts an attempt."""
        self.attempts[name] = [*self._recent(name), self.now_s()]

    def _recent(self, name: str) -> list[float]:
        floor = self.now_s() - WINDOW_S
        return [at for at in self.attempts.get(name, []) if at > floor]


class Supervisor:
    """Looks at every record of a stack and brings back what is dead."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.processes = Processes(layout.run, layout.logs)
        self.backoff = Backoff()

    def look(self) -> list[str]:
        """One round; returns what was restarted."""
        dead = [name for name in self.processes.names() if self._is_dead(name)]
        if not dead:
            return []
        try:
            with stack_lock(self.layout.run, wait_s=0):
                return [name for name in dead if self._is_dead(name) and self._restart(name)]
        except StackBusy:
            # `up`, `down` or `deploy` is at work: what is dead now may be meant to be.
            return []

    def _is_dead(self, name: str) -> bool:
        wanted = self.processes.spec(name) is not None and name != NAME
        return wanted and self.processes.alive(name) is None

    def _restart(self, name: str) -> bool:
        wanted = self.processes.spec(name)
        if wanted is None or not self.backoff.may_start(name):
            return False
        if self.backoff.is_exhausted(name):
            failed_mark(self.layout.run, name).touch()
            return False
        self.backoff.note(name)
        running = self.processes.spawn(wanted)
        self._say(f"{name} was dead, restarted as pid {running.pid}")
        state = read_state(self.layout.stack)
        pids = {**state.pids, name: running.pid}
        write_state(self.layout.stack, state.with_pids(pids))
        return True

    def end_all(self) -> bool:
        """Ends every process of the stack, helpers included; False while a command is at work.

        An `up` that outlives the owner would start more behind our back.
        """
        try:
            with stack_lock(self.layout.run, wait_s=0):
                for name in self.processes.names():
                    if name != NAME:
                        self._say(f"{name} ends: the owner of this stack is gone")
                        self.processes.stop(name, grace_s=5.0)
        except StackBusy:
            return False
        return True

    def _say(self, text: str) -> None:
        print(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {text}", flush=True)


def main() -> int:
    """Watches until SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    supervisor = Supervisor(read_layout(os.environ))
    owner = int(os.environ.get(OWNER_ENV) or 0)
    born = start_ticks(owner)
    while not stop.wait(LOOK_EVERY_S):
        if owner and (born is None or start_ticks(owner) != born):
            if supervisor.end_all():
                break
        else:
            supervisor.look()
    return 0


if __name__ == "__main__":
    sys.exit(main())
