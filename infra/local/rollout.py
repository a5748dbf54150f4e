"""Brings the job to one build: the same one is kept, another is replaced from a savepoint.

The order keeps the gap short and the code true:

1. New TaskManagers start with the new build; the client builds the new plan at the same time.
2. The old job ends with a savepoint (or, if it cannot, is cancelled).
3. The old TaskManagers end, by pid: they hold the old code and must get no new task.
4. The new job starts from the savepoint, else from the newest complete checkpoint.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlparse

from infra.local.builds import Build
from infra.local.flink_rest import FlinkError, FlinkRest, Job
from infra.local.process import Processes, Spec, wait_until
from infra.local.savepoints import METADATA, newest_complete, to_hand_over
from infra.local.submission import Submission, SubmissionFailed

RUNNING_TIMEOUT_S = 180.0
REGISTER_TIMEOUT_S = 120.0
FAILURES_MAX = 3
"""A job that failed this often at its start is a failed rollout, not a slow one."""

Report = Callable[[str], None]


class Cluster(Protocol):
    """What a rollout needs to start processes of its cluster."""

    @property
    def taskmanagers(self) -> str:
        """What the names of its TaskManagers begin with."""

    def taskmanager(self, build: Build, number: int) -> Spec:
        """The specification of a TaskManager with that build."""

    def client(self, build: Build, parallelism: int) -> Spec:
        """The specification of the submitting client."""


class RolloutFailed(Exception):
    """The new job does not run; the message holds Flink's own cause."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rollout did. `gap_ms`: from the request to stop until every new task ran."""

    job_id: str
    build_id: str
    kept: bool
    savepoint: str
    gap_ms: int


class Rollout:
    """One rollout of a build onto a running cluster."""

    def __init__(
        self,
        cluster: Cluster,
        processes: Processes,
        rest: FlinkRest,
        submission: Submission,
        flink_data: Path,
        report: Report,
    ) -> None:
        self.cluster, self.processes, self.rest = cluster, processes, rest
        self.submission, self.flink_data, self.report = submission, flink_data, report

    def taskmanagers(self) -> dict[str, str]:
        """The living TaskManagers, each with the build it serves."""
        found = {}
        for name in self.processes.names():
            spec = self.processes.spec(name)
            if name.startswith(self.cluster.taskmanagers) and spec and self.processes.alive(name):
                found[name] = str(spec.env.get("KAIROS_BUILD_ID", ""))
        return found

    def prepare(self, build: Build, parallelism: int) -> list[str]:
        """Starts the TaskManagers that are missing for the build; returns all of its names."""
        living = self.taskmanagers()
        names = [name for name, serves in living.items() if serves == build.build_id]
        number = 1
        while len(names) < parallelism:
            name = f"{self.cluster.taskmanagers}{number}"
            if name not in living and name not in names:
                self.processes.spawn(self.cluster.taskmanager(build, number))
                names.append(name)
            number += 1
        return names

    def start_client(self, build: Build, parallelism: int) -> None:
        """Starts building the plan."""
        self.submission.start(self.cluster.client(build, parallelism))

    def run(self, build: Build, parallelism: int, *, client_started: bool) -> Outcome:
        """Ends with exactly one job, of this build, running. Raises RolloutFailed."""
        active = self.rest.active_jobs()
        builds = {job.job_id: self.rest.build_of(job.job_id) for job in active}
        wanted = [job for job in active if builds[job.job_id] == build.build_id]
        if len(active) == 1 and wanted:
            if client_started:
                self.submission.abandon()
            job_id = wanted[0].job_id
            self.await_running(job_id, build, parallelism)
            return Outcome(job_id, build.build_id, kept=True, savepoint="", gap_ms=0)
        if not client_started:
            self.start_client(build, parallelism)
        return self._replace(active, build, parallelism)

    def _replace(self, active: list[Job], build: Build, parallelism: int) -> Outcome:
        names = self.prepare(build, parallelism)
        try:
            self.submission.await_plan()
            self._await_registered(build, names)
        except (SubmissionFailed, RolloutFailed):
            self._withdraw(names)
            raise
        self.report(f"build {build.build_id}: plan built, TaskManagers registered")
        started = time.monotonic()
        savepoint = ""
        for job in active:
            savepoint = self._end(job) or savepoint
        if savepoint:
            self._since(started, "old job stopped with a savepoint")
        old = set(self.taskmanagers()) - set(names)
        for name in old:
            self.processes.stop(name)
        self._await_only(build, len(names))
        if old:
            self._since(started, "old TaskManagers gone")
        restore = local_path(savepoint) if savepoint else newest_complete(self.flink_data)
        if restore is not None:
            self.report(f"job restores from {restore.name}")
        owned = to_hand_over(restore, self.flink_data) if restore else None
        job_id = self.submission.go(owned)
        self._since(started, "new job submitted")
        self.await_running(job_id, build, parallelism)
        gap_ms = int((time.monotonic() - started) * 1000)
        restored = str(restore) if restore else ""
        return Outcome(job_id, build.build_id, kept=False, savepoint=restored, gap_ms=gap_ms)

    def _withdraw(self, names: list[str]) -> None:
        """Nothing was stopped yet: the old job goes on, the new TaskManagers end."""
        self.submission.abandon()
        if set(self.taskmanagers()) - set(names):
            for name in names:
                self.processes.stop(name)

    def _since(self, started: float, what: str) -> None:
        self.report(f"{what} ({time.monotonic() - started:.1f} s)")

    def _end(self, job: Job) -> str:
        """Ends a job; the savepoint's path, or nothing when it could take none."""
        if self.rest.is_running(job.job_id):
            try:
                return self.rest.stop_with_savepoint(
                    job.job_id, (self.flink_data / "savepoints").as_uri()
                )
            except (FlinkError, OSError) as error:
                self.report(f"no savepoint ({error}); the newest checkpoint serves")
        self.rest.cancel(job.job_id)
        return ""

    def _await_registered(self, build: Build, names: list[str]) -> None:
        ids = {f"{name}-{build.build_id}" for name in names}
        if wait_until(lambda: ids <= set(self.rest.taskmanagers()), REGISTER_TIMEOUT_S):
            return
        logs = ", ".join(str(self.processes.log_path(name)) for name in names)
        raise RolloutFailed(
            f"TaskManagers did not register within {REGISTER_TIMEOUT_S:.0f} s; logs: {logs}"
        )

    def _await_only(self, build: Build, count: int) -> None:
        """Waits until no TaskManager with other code could be given a task."""

        def only() -> bool:
            ids = self.rest.taskmanagers()
            return len(ids) >= count and all(i.endswith(build.build_id) for i in ids)

        if not wait_until(only, REGISTER_TIMEOUT_S):
            raise RolloutFailed("TaskManagers of another build are still registered")

    def await_running(self, job_id: str, build: Build, parallelism: int) -> None:
        """Waits until every task runs. Raises RolloutFailed with the cause."""
        self.prepare(build, parallelism)
        failed: list[str] = []

        def settled() -> bool:
            if self.rest.is_running(job_id):
                return True
            failed[:] = self.rest.causes(job_id)
            return len(failed) >= FAILURES_MAX or self.rest.state(job_id) == "FAILED"

        wait_until(settled, RUNNING_TIMEOUT_S)
        if not self.rest.is_running(job_id):
            cause = failed[0] if failed else f"state {self.rest.state(job_id)}"
            raise RolloutFailed(f"job {job_id} does not run: {_last_cause(cause)}")


def local_path(location: str) -> Path:
    """The folder of a `file:` location that Flink reported. Raises ValueError when incomplete."""
    path = Path(unquote(urlparse(location).path))
    if not (path / METADATA).exists():
        raise ValueError(f"{path} has no {METADATA}")
    return path


def _last_cause(stacktrace: str) -> str:
    """The innermost cause of a Java stack trace, which is where Python's message stands."""
    causes = [line for line in stacktrace.splitlines() if not line.startswith("\tat ")]
    return "\n".join(causes[-12:])[:2000]
