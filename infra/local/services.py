"""Which processes a stack consists of, and what each needs to be started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from infra.local import (
    archiver,
    flink,
    gateway,
    kafka,
    registry,
    shop,
    supervisor,
    valkey,
    zookeeper,
)
from infra.local.builds import Build
from infra.local.cluster import CLUSTERS, DECISIONING, LEARNING, Cluster
from infra.local.flink_config import write_config
from infra.local.layout import Layout
from infra.local.ports import is_free
from infra.local.process import Spec
from infra.local.service import Service, python_env
from jobs.settings import MODEL_KEYS_ENV

BASE = ("zookeeper", "kafka", "registry", "valkey", "jobmanager")
"""Independent of each other at start-up, so they start at once."""

EDGE = (*gateway.NAMES, "shop", archiver.NAME)
"""Need the base to be ready."""

ALL = (*BASE, gateway.NAME, "shop")
"""What runs unless more gateways are asked for."""

STOP_ORDER = (
    *("shop", "archive", "gateway", LEARNING.taskmanager, LEARNING.jobmanager),
    *(DECISIONING.taskmanager, DECISIONING.jobmanager, "zookeeper", "registry", "valkey"),
)
"""Who depends on others ends before them; what is not listed, the broker, ends last."""


@dataclass(frozen=True, slots=True)
class Services:
    """Makes the specification of each process of one stack."""

    layout: Layout
    ports: Mapping[str, int]
    java: Path
    free: Callable[[int], bool] = is_free
    model_keys: tuple[str, ...] = ()

    def get(self, name: str) -> Service:
        """The service of that name."""
        if name == "kafka":
            return kafka.service(self.layout, self.ports, self.java)
        if name == "zookeeper":
            return zookeeper.service(self.layout, self.ports, self.java)
        for cluster in CLUSTERS:
            if name == cluster.jobmanager:
                return self.of(cluster).jobmanager()
        if name in gateway.NAMES:
            return gateway.service(self.layout, self.ports, name)
        simple = {
            "registry": registry.service,
            "valkey": valkey.service,
            "shop": shop.service,
            archiver.NAME: archiver.service,
        }
        return simple[name](self.layout, self.ports)

    def of(self, cluster: Cluster) -> ClusterServices:
        """The processes of one cluster, whose configuration this writes. Raises Refused."""
        cluster.make_folders(self.layout)
        settings = write_config(self.layout, cluster, self.ports)
        return ClusterServices(self, cluster, settings)

    def supervisor(self, owner_pid: str) -> Spec:
        """The process that restarts the others; it ends them when a given owner is gone."""
        env = python_env(self.layout, self.ports)
        if owner_pid:
            env[supervisor.OWNER_ENV] = owner_pid
        return supervisor.spec(self.layout, env)


@dataclass(frozen=True, slots=True)
class ClusterServices:
    """Makes the specification of each process of one cluster. It is a `rollout.Cluster`."""

    services: Services
    cluster: Cluster
    settings: Mapping[str, Any]

    @property
    def taskmanagers(self) -> str:
        """What the names of its TaskManagers begin with."""
        return self.cluster.taskmanager

    def jobmanager(self) -> Service:
        """The JobManager."""
        made = self.services
        return flink.jobmanager(made.layout, self.cluster, made.ports, made.java, self.settings)

    def taskmanager(self, build: Build, number: int) -> Spec:
        """A TaskManager with that build, its metrics on the next free port."""
        made = self.services
        port = made.ports[self.cluster.port("prometheus_taskmanager")] + number - 1
        while not made.free(port):
            port += 1
        where = (made.layout, self.cluster, made.ports, made.java, self.settings)
        return flink.taskmanager(*where, build, number, port)

    def client(self, build: Build, parallelism: int) -> Spec:
        """The client that submits the job of that build."""
        made = self.services
        where = (made.layout, self.cluster, made.ports, made.java, self.settings)
        spec = flink.client(*where, build, parallelism)
        return replace(spec, env={**spec.env, MODEL_KEYS_ENV: ",".join(made.model_keys)})


def stop_rank(name: str) -> int:
    """The place of a process in the order of stopping."""
    for rank, prefix in enumerate(STOP_ORDER):
        if name.startswith(prefix):
            return rank
    return len(STOP_ORDER)
