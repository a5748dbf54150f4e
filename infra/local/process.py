"""One process of the stack: started detached, known by pid and start time, stopped by that pid.

A pid alone is not an identity: the kernel hands it out again. Each record therefore holds the
process's start time too, in clock ticks since boot, and nothing is signalled unless both match.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

POLL_S = 0.05
LOG_TAIL_BYTES = 4_000
LOG_BYTES_MAX = 64 * 1024 * 1024


class ProcessFailed(Exception):
    """A process did not start or did not become ready; the message holds its log's last lines."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What to run, so that a supervisor can run it again."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    port: int = 0


@dataclass(frozen=True, slots=True)
class Running:
    """A process as recorded: its pid and its start time in clock ticks since boot."""

    name: str
    pid: int
    start_ticks: int
    port: int = 0


def start_ticks(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; None when dead or a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    # The command in parentheses may contain blanks; the fields after it are fixed.
    fields = text.rsplit(")", 1)[1].split()
    return None if fields[0] in "ZX" else int(fields[19])


def is_alive(process: Running) -> bool:
    """True while that very process runs."""
    _reap(process.pid)
    return start_ticks(process.pid) == process.start_ticks


def _reap(pid: int) -> None:
    """Collects the exit of a child of ours, so that it does not linger as a zombie."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except (ChildProcessError, PermissionError):
        return


def session_members(leader: Running) -> list[Running]:
    """The processes a stack process started: those of its session, without itself."""
    members = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == leader.pid:
            continue
        try:
            text = (entry / "stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            continue
        fields = text.rsplit(")", 1)[1].split()
        if int(fields[3]) == leader.pid:
            members.append(Running(leader.name, int(entry.name), int(fields[19])))
    return members


def rss_mib(pid: int) -> float:
    """Resident memory in MiB; 0 when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    lines = [line for line in text.splitlines() if line.startswith("VmRSS:")]
    return round(int(lines[0].split()[1]) / 1024, 1) if lines else 0.0


class Processes:
    """The processes of one stack, recorded in its `run/` folder."""

    def __init__(self, run: Path, logs: Path) -> None:
        self.run, self.logs = run, logs

    def log_path(self, name: str) -> Path:
        """Where the process writes its output."""
        return self.logs / f"{name}.log"

    def spawn(self, spec: Spec) -> Running:
        """Starts the process in a session of its own and records it."""
        log_path = self.log_path(spec.name)
        if log_path.exists() and log_path.stat().st_size > LOG_BYTES_MAX:
            log_path.replace(log_path.with_suffix(".log.1"))
        with log_path.open("ab") as log:
            child = subprocess.Popen(
                spec.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=spec.cwd,
                env=dict(spec.env),
                start_new_session=True,
            )
        child.returncode = 0  # Popen must not warn: is_alive() reaps, or init does after us.
        running = Running(spec.name, child.pid, start_ticks(child.pid) or 0, spec.port)
        self._record(spec, running)
        return running

    def _record(self, spec: Spec, running: Running) -> None:
        _write_private(self.run / f"{spec.name}.json", json.dumps(asdict(spec)))
        _write_private(self.run / f"{spec.name}.pid", f"{running.pid} {running.start_ticks}\n")

    def spec(self, name: str) -> Spec | None:
        """What was started under the name; None when nothing was, or it was forgotten."""
        try:
            fields = json.loads((self.run / f"{name}.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return Spec(**{**fields, "argv": tuple(fields["argv"])})

    def get(self, name: str) -> Running | None:
        """The recorded process, alive or dead; None when there is no record."""
        spec = self.spec(name)
        try:
            pid, ticks = (self.run / f"{name}.pid").read_text(encoding="ascii").split()
        except (FileNotFoundError, ValueError):
            return None
        return Running(name, int(pid), int(ticks), spec.port if spec else 0)

    def alive(self, name: str) -> Running | None:
        """The process when it runs."""
        process = self.get(name)
        return process if process is not None and is_alive(process) else None

    def names(self) -> list[str]:
        """All recorded names, sorted."""
        return sorted(path.stem for path in self.run.glob("*.pid"))

    def forget(self, name: str) -> None:
        """Drops the record: the supervisor no longer restarts the process."""
        for suffix in (".json", ".pid"):
            (self.run / f"{name}{suffix}").unlink(missing_ok=True)

    def stop(self, name: str, *, grace_s: float = 10.0) -> None:
        """Ends the process and its helpers: SIGTERM, SIGKILL after `grace_s`; then forgets it.

        The specification goes first, so that a supervisor does not bring the process back.
        """
        process = self.get(name)
        (self.run / f"{name}.json").unlink(missing_ok=True)
        if process is not None and is_alive(process):
            helpers = session_members(process)
            _signal(process, signal.SIGTERM)
            wait_until(lambda: not is_alive(process), grace_s)
            for left in (process, *helpers):
                if is_alive(left):
                    _signal(left, signal.SIGKILL)
            wait_until(lambda: not any(map(is_alive, (process, *helpers))), grace_s)
        self.forget(name)

    def tail(self, name: str, lines: int = 12) -> str:
        """The last lines of the process's log."""
        try:
            with self.log_path(name).open("rb") as log:
                log.seek(0, os.SEEK_END)
                log.seek(max(0, log.tell() - LOG_TAIL_BYTES))
                text = log.read().decode("utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def await_ready(self, name: str, ready: Callable[[], bool], timeout_s: float) -> None:
        """Waits until `ready()`. Raises ProcessFailed when the process dies or time runs out."""
        died = False

        def settled() -> bool:
            nonlocal died
            # First: what answers on the port of a dead process is another's.
            died = self.alive(name) is None
            return died or ready()

        if wait_until(settled, timeout_s) and not died:
            return
        what = "ended" if died else f"was not ready within {timeout_s:.0f} s"
        raise ProcessFailed(
            f"{name} {what}; log: {self.log_path(name)}; its last lines:\n{self.tail(name)}"
        )


def wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Polls until the condition holds; False when it does not within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_S)
    return True


def _signal(process: Running, number: signal.Signals) -> None:
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        return


def _write_private(path: Path, text: str) -> None:
    """Writes atomically, readable by the owner only: an environment may hold secrets."""
    part = path.with_name(path.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    part.replace(path)
