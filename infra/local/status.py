"""What of a stack runs now: processes, job, URLs."""

from __future__ import annotations

from typing import Any

from infra.local.cluster import DECISIONING, LEARNING, Cluster
from infra.local.flink_rest import FlinkRest
from infra.local.process import Processes, rss_mib
from infra.local.services import stop_rank
from infra.local.state import State
from infra.local.supervisor import failed_mark

OWNERS = {
    "brokers": "kafka",
    "cache": "valkey",
    "flink": "jobmanager",
    "flink_learning": "learning-jobmanager",
    "gateway_2": "gateway-2",
    "gateway_3": "gateway-3",
}
"""Endpoint -> process, where their names differ."""


def serves(endpoint: str, processes: Processes) -> bool:
    """True when the process behind the endpoint lives."""
    return processes.alive(OWNERS.get(endpoint, endpoint)) is not None


def show(state: State, processes: Processes) -> dict[str, Any]:
    """The stack as `kairos status --json` prints it."""
    names = sorted(processes.names(), key=lambda name: (-stop_rank(name), name))
    return {
        "processes": [_row(name, processes) for name in names],
        "job": _job(state, processes, DECISIONING),
        "learning": _job(state, processes, LEARNING),
        "urls": {k: v for k, v in state.endpoints.items() if serves(k, processes)},
    }


def _row(name: str, processes: Processes) -> dict[str, Any]:
    alive = processes.alive(name)
    given_up = failed_mark(processes.run, name).exists()
    return {
        "name": name,
        "pid": alive.pid if alive else None,
        "port": alive.port or None if alive else None,
        "state": "running" if alive else "failed" if given_up else "dead",
        "rss_mib": rss_mib(alive.pid) if alive else 0.0,
    }


def _job(state: State, processes: Processes, cluster: Cluster) -> dict[str, str] | None:
    if not serves(cluster.endpoint, processes):
        return None
    rest = FlinkRest(state.endpoints[cluster.endpoint])
    try:
        jobs = rest.active_jobs()
    except OSError:
        build_id = state.build_of(cluster.job)
        return {"id": state.job_of(cluster.job), "state": "UNKNOWN", "build_id": build_id}
    if not jobs:
        return None
    job = jobs[0]
    # Flink calls a job running as soon as it is scheduled; its tasks may still be opening.
    starting = job.state == "RUNNING" and not rest.is_running(job.job_id)
    return {
        "id": job.job_id,
        "state": "STARTING" if starting else job.state,
        "build_id": rest.build_of(job.job_id) or "",
    }
