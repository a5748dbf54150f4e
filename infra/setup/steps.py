"""A set-up step: skipped while its inputs are unchanged, timed, and explained when it fails.

1. `inputs` hashes everything a step depends on; the hash of the last good run is its stamp.
2. A step is skipped when the stamp equals the hash and all its outputs exist.
3. A command's output goes to the step's log; its last line shows as progress.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from infra.setup.home import Home

PROGRESS_EVERY_S = 5.0
POLL_S = 0.1
TAIL_BYTES = 8192
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# How Maven, pip, apt, npm, Node and javac begin the line that names the cause.
ERROR_LINE = re.compile(r"^(\[ERROR\]|ERROR|E: |npm error|[A-Za-z]*Error: )|: error: ")


class StepFailed(Exception):
    """A step could not be done. `fix` is one sentence that tells what to do about it."""

    def __init__(self, cause: str, fix: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Step:
    """One unit of set-up. `inputs` of None means: always run (a check without output)."""

    name: str
    run: Callable[[Home, Shell], str | None]
    inputs: Callable[[Home], str] | None = None
    outputs: Callable[[Home], Sequence[Path]] = field(default=lambda home: ())


@dataclass(frozen=True, slots=True)
class Shell:
    """Runs commands for one step and keeps their output in the step's log."""

    step: str
    log: Path
    tell: Callable[[str], None]

    def run(
        self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None, fix: str
    ) -> None:
        """Run a command to its end; a non-zero exit raises StepFailed with the log's last line."""
        with self.log.open("a", encoding="utf-8") as out:
            out.write("$ " + " ".join(command) + "\n")
            out.flush()
            full_env = {**os.environ, **(env or {})}
            process = subprocess.Popen(
                list(command),
                cwd=cwd,
                env=full_env,
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
            )
            code = self._wait(process)
        if code:
            raise StepFailed(
                f"`{Path(command[0]).name}` exited {code}: {cause_line(self.log)}", fix
            )

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        started_s = told_s = time.monotonic()
        try:
            while process.poll() is None:
                now_s = time.monotonic()
                if now_s - told_s >= PROGRESS_EVERY_S:
                    told_s = now_s
                    self.tell(f"  {now_s - started_s:4.0f} s  {tail(self.log)[-1][:76]}")
                time.sleep(POLL_S)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        return process.returncode


def tail(log: Path) -> list[str]:
    """The non-empty lines at the end of a log, stripped."""
    with log.open("rb") as handle:
        handle.seek(max(0, log.stat().st_size - TAIL_BYTES))
        lines = handle.read().decode("utf-8", "replace").splitlines()
    said = (COLOUR.sub("", line).strip() for line in lines)
    return [line for line in said if line] or ["no output"]


def cause_line(log: Path) -> str:
    """The first line at the end of a log that names an error, else its last line."""
    lines = tail(log)
    return next((line for line in lines if ERROR_LINE.search(line)), lines[-1])


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def inputs_hash(base: Path, paths: Iterable[Path], *facts: str) -> str:
    """SHA-256 over the named facts and each file's relative path and bytes, in path order."""
    digest = hashlib.sha256()
    for fact in facts:
        digest.update(f"{fact}\0".encode())
    for path in sorted(paths):
        digest.update(f"{path.relative_to(base)}\0{file_hash(path)}\0".encode())
    return digest.hexdigest()


def is_current(step: Step, home: Home, wanted: str) -> bool:
    """Whether the step's stamp names these inputs and everything it makes is still there."""
    stamp = home.stamps / step.name
    if not stamp.is_file() or stamp.read_text(encoding="utf-8").strip() != wanted:
        return False
    return all(path.exists() for path in step.outputs(home))


def run_step(step: Step, home: Home, tell: Callable[[str], None]) -> None:
    """Run one step unless it is current; write its stamp after it succeeded."""
    started_s = time.monotonic()
    wanted = step.inputs(home) if step.inputs else None
    if wanted is not None and is_current(step, home, wanted):
        tell(f"{step.name:<10} unchanged")
        return
    home.logs.mkdir(parents=True, exist_ok=True)
    home.stamps.mkdir(parents=True, exist_ok=True)
    (home.stamps / step.name).unlink(missing_ok=True)
    log = home.logs / f"setup-{step.name}.log"
    log.write_text("", encoding="utf-8")
    if wanted is not None:
        tell(f"{step.name:<10} ...")
    said = step.run(home, Shell(step.name, log, tell))
    if wanted is not None:
        (home.stamps / step.name).write_text(wanted + "\n", encoding="utf-8")
    tell(f"{step.name:<10} {said or 'done'} ({time.monotonic() - started_s:.1f} s)")


def tell_labelled(label: str, line: str) -> None:
    """One line of progress, on stderr."""
    print(label + line, file=sys.stderr, flush=True)


def run_all(steps: Sequence[Step], home: Home) -> int:
    """Run the steps in order; print cause, log and fix of the first that fails and return 1."""

    for number, step in enumerate(steps, start=1):
        label = f"[{number}/{len(steps)}] "
        try:
            run_step(step, home, partial(tell_labelled, label))
        except StepFailed as failure:
            tell_labelled(label, f"{step.name} failed: {failure.cause}")
            log = home.logs / f"setup-{step.name}.log"
            if log.is_file() and log.stat().st_size:
                tell_labelled("  log: ", str(log))
            tell_labelled("  fix: ", failure.fix)
            return 1
    return 0
