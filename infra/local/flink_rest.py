"""What kairos asks a JobManager over REST: jobs, TaskManagers, savepoints, cancelling."""

from __future__ import annotations

import urllib.error
from dataclasses import dataclass
from typing import Any

from infra.local.flink import BUILD_PARAMETER
from infra.local.probe import http_json
from infra.local.process import wait_until

TERMINAL = frozenset({"FINISHED", "CANCELED", "FAILED", "SUSPENDED"})
SAVEPOINT_TIMEOUT_S = 90.0
STATE_TIMEOUT_S = 60.0


class FlinkError(Exception):
    """The cluster refused or did not answer; the message holds Flink's own cause."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job the JobManager knows."""

    job_id: str
    name: str
    state: str


class FlinkRest:
    """A client of one JobManager."""

    def __init__(self, url: str) -> None:
        self.url = url

    def _get(self, path: str) -> Any:
        return http_json(f"{self.url}{path}")

    def active_jobs(self) -> list[Job]:
        """Jobs that run, start or restart. Raises OSError when the JobManager is away."""
        jobs = [Job(j["jid"], j["name"], j["state"]) for j in self._get("/jobs/overview")["jobs"]]
        return [job for job in jobs if job.state not in TERMINAL]

    def build_of(self, job_id: str) -> str | None:
        """The build id the job was submitted with."""
        try:
            config = self._get(f"/jobs/{job_id}/config")["execution-config"]
        except (OSError, KeyError):
            return None
        value = config.get("user-config", {}).get(BUILD_PARAMETER)
        return str(value) if value else None

    def is_running(self, job_id: str) -> bool:
        """True when the job and every task of it run: all `open()` calls came back."""
        try:
            job = self._get(f"/jobs/{job_id}")
        except OSError:
            return False
        states = {vertex["status"] for vertex in job["vertices"]}
        return job["state"] == "RUNNING" and states == {"RUNNING"}

    def state(self, job_id: str) -> str:
        """The job's state, `UNKNOWN` when the JobManager does not know it."""
        try:
            return str(self._get(f"/jobs/{job_id}")["state"])
        except OSError:
            return "UNKNOWN"

    def causes(self, job_id: str) -> list[str]:
        """The root exceptions of the job so far, newest first."""
        try:
            history = self._get(f"/jobs/{job_id}/exceptions")["exceptionHistory"]["entries"]
        except (OSError, KeyError):
            return []
        return [str(entry["stacktrace"]) for entry in history]

    def taskmanagers(self) -> list[str]:
        """The resource ids of the registered TaskManagers."""
        try:
            return [str(tm["id"]) for tm in self._get("/taskmanagers")["taskmanagers"]]
        except OSError:
            return []

    def completed_checkpoints(self, job_id: str) -> int:
        """How many checkpoints the running job has completed."""
        try:
            return int(self._get(f"/jobs/{job_id}/checkpoints")["counts"]["completed"])
        except (OSError, KeyError):
            return 0

    def stop_with_savepoint(self, job_id: str, folder: str) -> str:
        """Ends the job after a savepoint; returns its path. Raises FlinkError.

        The format is canonical: it can be restored under another state backend.
        """
        body = {"targetDirectory": folder, "drain": False, "formatType": "CANONICAL"}
        try:
            asked = http_json(f"{self.url}/jobs/{job_id}/stop", method="POST", body=body)
        except urllib.error.HTTPError as error:
            raise FlinkError(f"stop with savepoint refused: {error.read().decode()}") from error
        path = f"/jobs/{job_id}/savepoints/{asked['request-id']}"
        answer: dict[str, Any] = {}

        def done() -> bool:
            answer.update(self._get(path))
            return bool(answer["status"]["id"] == "COMPLETED")

        if not wait_until(done, SAVEPOINT_TIMEOUT_S):
            raise FlinkError(f"the savepoint took longer than {SAVEPOINT_TIMEOUT_S:.0f} s")
        operation = answer["operation"]
        if "location" not in operation:
            cause = str(operation.get("failure-cause", {}).get("stack-trace", operation))
            raise FlinkError(f"savepoint failed: {cause[:600]}")
        self._await_terminal(job_id)
        return str(operation["location"])

    def cancel(self, job_id: str) -> None:
        """Ends the job without a savepoint; its checkpoints stay. Raises FlinkError."""
        try:
            http_json(f"{self.url}/jobs/{job_id}?mode=cancel", method="PATCH")
        except urllib.error.HTTPError as error:
            if error.code not in (404, 409):
                raise FlinkError(f"cancel refused: {error.read().decode()}") from error
        self._await_terminal(job_id)

    def _await_terminal(self, job_id: str) -> None:
        ended = wait_until(lambda: self.state(job_id) in TERMINAL | {"UNKNOWN"}, STATE_TIMEOUT_S)
        if not ended:
            raise FlinkError(f"job {job_id} did not end within {STATE_TIMEOUT_S:.0f} s")
