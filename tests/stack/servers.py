"""One set of servers for all tests with real processes; what they hold is made new in between.

To start them is most of what a fresh stack costs, so broker, registry, ZooKeeper and JobManager
stay. The job, its TaskManagers and state, the gateways with their logs, the cache and every topic
go: nothing that one test wrote can reach the next one's decisions.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from confluent_kafka.admin import AdminClient

from connectors.log_files import read_manifest
from infra.local import supervisor
from infra.local.cluster import DECISIONING
from infra.local.layout import read_layout
from infra.local.services import ALL, stop_rank
from infra.local.stack import Stack
from infra.local.topics import read_topics
from jobs.settings import MODEL_KEYS_ENV
from tests.stack.healing import await_that

if TYPE_CHECKING:
    from tests.stack.conftest import Kairos

SLOW = ("zookeeper", "kafka", "registry", DECISIONING.jobmanager)
QUIET = [name for name in ALL if name not in ("shop", "gateway")]
OURS = {topic.name for topic in read_topics()}


class Servers:
    """The servers of one environment; `code` is where builds of the job are made from."""

    def __init__(self, env: Mapping[str, str], code: Path, kairos: Kairos) -> None:
        self.env, self._code, self._kairos = env, code, kairos
        self._stack = self._seen_with(env)

    def fresh(self, services: Sequence[str], **options: Any) -> Stack:
        """A stack of at least these services without anything from before; options as `up`."""
        self._empty()
        self._stack = self._seen_with(self.env)
        self._stack.up(services, **options)
        return self._stack

    def holding(self, log: Path) -> tuple[Stack, Mapping[str, str]]:
        """A stack with this log in new topics and no job, and the environment it trusts."""
        env = {**self.env, MODEL_KEYS_ENV: ",".join(read_manifest(log).model_keys)}
        self._empty()
        self._stack = self._seen_with(env)
        self._stack.up(QUIET, demo=False, job=False, keep_forever=True)
        done = self._kairos("log", "import", str(log), "--json", env=env)
        assert done.returncode == 0, done.stderr
        return self._stack, env

    def decide(self, parallelism: int = 1) -> None:
        """Start the job on what is held."""
        self._stack.up(QUIET, demo=False, parallelism=parallelism, keep_forever=True)

    def down(self) -> None:
        """End the servers."""
        self._stack.down()

    def _seen_with(self, env: Mapping[str, str]) -> Stack:
        return Stack(read_layout(env), code=self._code, env=env, report=print)

    def _empty(self) -> None:
        stack = self._stack
        stack.processes.stop(supervisor.NAME)
        if stack.processes.alive(DECISIONING.jobmanager):
            for job in stack.rest.active_jobs():
                stack.rest.cancel(job.job_id)
        for name in sorted(set(stack.processes.names()) - set(SLOW), key=stop_rank):
            stack.processes.stop(name)
        for folder in ("checkpoints", "changelog", "restored", "savepoints"):
            shutil.rmtree(DECISIONING.data(stack.layout) / folder, ignore_errors=True)
        for folder in ("wal", "valkey"):
            shutil.rmtree(stack.layout.data / folder, ignore_errors=True)
        if stack.processes.alive("kafka"):
            self._delete_topics()

    def _delete_topics(self) -> None:
        admin = AdminClient({"bootstrap.servers": self._stack.state.endpoints["brokers"]})

        def there() -> list[str]:
            return sorted(OURS & admin.list_topics(timeout=10).topics.keys())

        for gone in admin.delete_topics(there(), operation_timeout=30).values():
            gone.result(timeout=30)
        await_that("a broker without topics", lambda: not there(), 30)
