"""A Flink cluster as processes: one JobManager, single-slot TaskManagers, the submitting client.

They are plain java processes rather than Flink's scripts, so that each is known by its pid.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.local.builds import Build
from infra.local.cluster import Cluster
from infra.local.flink_config import jobmanager_flags, taskmanager_flags
from infra.local.layout import Layout
from infra.local.probe import http_ok
from infra.local.process import Spec
from infra.local.service import Service, base_env, endpoints

BUILD_PARAMETER = "kairos.build"
GATE_ENV = "KAIROS_SUBMIT_GATE"

JOBMANAGER_CLASS = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
TASKMANAGER_CLASS = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
CLIENT_CLASS = "org.apache.flink.client.cli.CliFrontend"


def _java(
    layout: Layout, cluster: Cluster, java: Path, settings: Mapping[str, Any], flags: list[str]
) -> list[str]:
    return [
        str(java),
        *flags,
        *str(settings["env.java.opts.all"]).split(),
        f"-Dlog4j.configurationFile=file:{layout.conf / 'flink-log4j.properties'}",
        # A process that is killed leaves its scratch files: `down` finds and deletes them here.
        f"-Djava.io.tmpdir={cluster.scratch(layout)}",
        "-cp",
        f"{layout.flink_home}/lib/*",
    ]


def _env(layout: Layout, cluster: Cluster, ports: Mapping[str, int]) -> dict[str, str]:
    home = layout.flink_home
    return {
        **base_env(layout, ports),
        "FLINK_HOME": str(home),
        "FLINK_CONF_DIR": str(cluster.conf(layout)),
        "FLINK_BIN_DIR": str(home / "bin"),
        "FLINK_LIB_DIR": str(home / "lib"),
        "FLINK_OPT_DIR": str(home / "opt"),
        "FLINK_PLUGINS_DIR": str(home / "plugins"),
        "FLINK_LOG_DIR": str(layout.logs),
    }


def _build_env(
    layout: Layout, cluster: Cluster, ports: Mapping[str, int], build: Build
) -> dict[str, str]:
    return {
        **_env(layout, cluster, ports),
        "PYTHONPATH": f"{build.path}:{layout.site_packages}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "KAIROS_BUILD_ID": build.build_id,
    }


def jobmanager(
    layout: Layout,
    cluster: Cluster,
    ports: Mapping[str, int],
    java: Path,
    settings: Mapping[str, Any],
) -> Service:
    """The JobManager; with ZooKeeper it brings back the job it had."""
    argv = [
        *_java(layout, cluster, java, settings, jobmanager_flags(settings)),
        JOBMANAGER_CLASS,
        "--configDir",
        str(cluster.conf(layout)),
    ]
    name, port = cluster.jobmanager, ports[cluster.endpoint]
    spec = Spec(name, tuple(argv), _env(layout, cluster, ports), str(layout.stack), port)
    return Service(spec, lambda: http_ok(f"{endpoints(ports)[cluster.endpoint]}/jobs/overview"))


def taskmanager(
    layout: Layout,
    cluster: Cluster,
    ports: Mapping[str, int],
    java: Path,
    settings: Mapping[str, Any],
    build: Build,
    number: int,
    prometheus_port: int,
) -> Spec:
    """One TaskManager with one slot, whose Python code is the build and nothing else."""
    name = f"{cluster.taskmanager}{number}"
    argv = [
        *_java(layout, cluster, java, settings, taskmanager_flags(settings)),
        TASKMANAGER_CLASS,
        "--configDir",
        str(cluster.conf(layout)),
        f"-Dtaskmanager.resource-id={name}-{build.build_id}",
        f"-Dmetrics.reporter.prom.port={prometheus_port}",
    ]
    env = _build_env(layout, cluster, ports, build)
    return Spec(name, tuple(argv), env, str(build.path), prometheus_port)


def client(
    layout: Layout,
    cluster: Cluster,
    ports: Mapping[str, int],
    java: Path,
    settings: Mapping[str, Any],
    build: Build,
    parallelism: int,
) -> Spec:
    """`flink run -d -py jobs/main.py JOB`: builds the plan, then waits at the gate."""
    where = endpoints(ports)
    flags = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    argv = [
        *_java(layout, cluster, java, settings, flags),
        CLIENT_CLASS,
        "run",
        "--detached",
        "--parallelism",
        str(parallelism),
        f"-Dpipeline.global-job-parameters={BUILD_PARAMETER}:{build.build_id}",
        "--python",
        str(build.path / "jobs" / "main.py"),
        cluster.job,
        "--brokers",
        where["brokers"],
        "--registry",
        where["registry"],
        "--build-id",
        build.build_id,
    ]
    env = {**_build_env(layout, cluster, ports, build), GATE_ENV: str(cluster.gate(layout))}
    return Spec(cluster.client, tuple(argv), env, str(build.path))
