"""How the job of a cluster ends, and whether one may come back by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from infra.local.cluster import Cluster
from infra.local.flink_rest import FlinkError, FlinkRest
from infra.local.layout import Layout
from infra.local.rollout import local_path
from infra.local.savepoints import prune_after_stop
from infra.local.state import State


def may_have_job(cluster: Cluster, layout: Layout, state: State, started: Sequence[str]) -> bool:
    """True when the JobManager may hold a job already: it ran, or ZooKeeper kept one."""
    mark = cluster.clean_mark(layout)
    clean = mark.exists() or not state.job_of(cluster.job)
    mark.unlink(missing_ok=True)
    return not clean or cluster.jobmanager not in started


def ended_clean(cluster: Cluster, layout: Layout) -> bool:
    """True when its job ended with a savepoint, or when it never had one."""
    return cluster.clean_mark(layout).exists() or not cluster.data(layout).exists()


def stop_jobs(
    cluster: Cluster, layout: Layout, rest: FlinkRest, report: Callable[[str], None]
) -> str:
    """Stops each job with a savepoint, whose path it returns.

    One that cannot take a savepoint is left to its checkpoints.
    """
    savepoint, folder = "", cluster.data(layout)
    name = "job" if not cluster.prefix else cluster.job
    try:
        jobs = rest.active_jobs()
        for job in jobs:
            savepoint = rest.stop_with_savepoint(job.job_id, (folder / "savepoints").as_uri())
            report(f"{name:<12} stopped, savepoint {savepoint}")
    except (FlinkError, OSError) as error:
        report(f"{name:<12} no savepoint ({error}); `up` resumes from a checkpoint")
        return ""
    if savepoint and len(jobs) == 1:
        prune_after_stop(folder, local_path(savepoint))
    cluster.clean_mark(layout).touch()
    return savepoint
