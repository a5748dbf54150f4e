"""One `flink run` in two halves: the plan is built at once, submitted when told (jobs/gate.py)."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from infra.local.process import Processes, ProcessFailed, Spec, wait_until

BUILD_TIMEOUT_S = 180.0
SUBMIT_TIMEOUT_S = 120.0
PYTHON_SAID = " PythonDriver "
LINES_TOLD = 8
JOB_ID = re.compile(r"(?:submitted with JobID |Successfully submitted job .*\()([0-9a-f]{32})")


class SubmissionFailed(Exception):
    """`flink run` ended before it submitted the job; the message holds its last lines."""


class Submission:
    """A running client of that name. `start` it, `await_plan`, then `go` or `abandon`."""

    def __init__(self, processes: Processes, gate: Path, client: str) -> None:
        self.processes, self.gate, self.client = processes, gate, client

    def start(self, spec: Spec) -> None:
        """Starts the client over an empty gate folder and an empty log."""
        shutil.rmtree(self.gate, ignore_errors=True)
        self.gate.mkdir(parents=True)
        self.processes.log_path(self.client).unlink(missing_ok=True)
        self.processes.spawn(spec)
        # The client ends by itself: nobody may restart it.
        (self.processes.run / f"{self.client}.json").unlink()

    def await_plan(self) -> None:
        """Waits until the plan is built and checked. Raises SubmissionFailed."""
        built = self.gate / "built"
        self._await(built.exists, BUILD_TIMEOUT_S, "build the plan")

    def go(self, restore: Path | None) -> str:
        """Submits the job, restored from the path; returns its id. Raises SubmissionFailed."""
        part = self.gate / "go.part"
        part.write_text(restore.as_uri() if restore else "", encoding="utf-8")
        part.rename(self.gate / "go")
        self._await(lambda: self._job_id() is not None, SUBMIT_TIMEOUT_S, "submit the job")
        job_id = self._job_id()
        assert job_id is not None
        self._finish()
        return job_id

    def _finish(self) -> None:
        wait_until(lambda: self.processes.alive(self.client) is None, 10.0)
        self.abandon()

    def abandon(self) -> None:
        """Ends the client without a submission, or cleans up after one."""
        self.processes.stop(self.client, grace_s=2.0)
        shutil.rmtree(self.gate, ignore_errors=True)

    def _job_id(self) -> str | None:
        log = self.processes.log_path(self.client)
        match = JOB_ID.search(log.read_text(encoding="utf-8", errors="replace"))
        return match.group(1) if match else None

    def _await(self, done: Callable[[], bool], timeout_s: float, doing: str) -> None:
        try:
            self.processes.await_ready(self.client, done, timeout_s)
        except ProcessFailed as error:
            # It may have finished its work between two looks.
            if done():
                return
            log = self.processes.log_path(self.client)
            text = log.read_text(encoding="utf-8", errors="replace")
            self.abandon()
            raise SubmissionFailed(
                f"`flink run` could not {doing}; log: {log}; its last lines:\n{told_by(text)}"
            ) from error


def told_by(log: str) -> str:
    """What Python said in a client's log, else the log's last lines without Java's stack."""
    python = [line.split(PYTHON_SAID, 1)[1] for line in log.splitlines() if PYTHON_SAID in line]
    said = [line for line in python if line.strip() and not line.startswith("----")]
    java = [line for line in log.splitlines() if not line.startswith("\tat ")]
    return "\n".join((said or java)[-LINES_TOLD:])
