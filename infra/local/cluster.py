"""The two Flink clusters of a stack: what each is called, where it keeps things, how big it is.

Decisions and learning share Kafka, the registry and ZooKeeper, and nothing else: a slow learner
holds back no checkpoint of the decisions, and a deploy of one restarts only its own processes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.local.layout import FLINK_FOLDERS, Layout

NO_CHANGES: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster and its one job. `prefix` is before the names of its processes.

    `suffix` is behind the names of its ports, folders and endpoint; `changes` are settings that
    differ from infra/flink/config.yaml.template, each with its reason where it is written.
    """

    job: str
    prefix: str = ""
    suffix: str = ""
    changes: Mapping[str, object] = field(default_factory=dict)

    @property
    def jobmanager(self) -> str:
        """Name of the JobManager's process."""
        return f"{self.prefix}jobmanager"

    @property
    def taskmanager(self) -> str:
        """What the names of its TaskManagers' processes begin with; a number follows."""
        return f"{self.prefix}taskmanager-"

    def own(self, names: Iterable[str]) -> list[str]:
        """Those among processes' names that begin as its own do."""
        return [name for name in names if name.startswith(self.prefix)]

    @property
    def client(self) -> str:
        """Name of the submitting process."""
        return f"{self.prefix}submit"

    @property
    def endpoint(self) -> str:
        """Name of its REST endpoint, and of the port behind it."""
        return f"flink{self.suffix}"

    def port(self, name: str) -> str:
        """The name of one of its ports: jobmanager, prometheus_jobmanager, ..."""
        return f"{name}{self.suffix}"

    def conf(self, layout: Layout) -> Path:
        """Folder of its config.yaml."""
        return layout.conf / self.job if self.suffix else layout.conf

    def data(self, layout: Layout) -> Path:
        """Folder of its checkpoints, savepoints and leaders."""
        return layout.data / f"flink{self.suffix}"

    def scratch(self, layout: Layout) -> Path:
        """Where its processes keep what no restart needs."""
        return self.data(layout) / "tmp"

    def gate(self, layout: Layout) -> Path:
        """Folder in which the submitting client waits (jobs/gate.py)."""
        return layout.run / f"gate{self.suffix}"

    def clean_mark(self, layout: Layout) -> Path:
        """A file: its job ended with a savepoint, so no JobManager will bring one back."""
        return layout.run / f"stopped-clean{self.suffix}"

    def make_folders(self, layout: Layout) -> None:
        """Creates what its processes need."""
        self.conf(layout).mkdir(parents=True, exist_ok=True)
        for name in FLINK_FOLDERS:
            (self.data(layout) / name).mkdir(parents=True, exist_ok=True)


DECISIONING = Cluster("decisioning")

LEARNING = Cluster(
    "learning",
    "learning-",
    "_learning",
    {
        "high-availability.cluster-id": "/kairos-learning",
        # Both clusters and all else stay below 6 GiB. A few MiB of state a site, no model, no
        # catalogue of products: less of everything than decisions need.
        "taskmanager.memory.framework.heap.size": "96m",
        "taskmanager.memory.task.heap.size": "160m",
        "taskmanager.memory.task.off-heap.size": "256m",
        "taskmanager.memory.managed.size": "96m",
        "jobmanager.memory.heap.size": "192m",
        # What is learned is published every two seconds: nobody waits for a single record.
        "execution.buffer-timeout.interval": "20 ms",
        # The changelog shortens checkpoints for the sake of a tail latency that nobody has here.
        "state.changelog.enabled": False,
    },
)

CLUSTERS = (DECISIONING, LEARNING)
"""In the order in which they start."""


def cluster_of(endpoint: str) -> Cluster:
    """The cluster behind an endpoint's name. Raises KeyError."""
    return {each.endpoint: each for each in CLUSTERS}[endpoint]
