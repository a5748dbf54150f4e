"""A stack without gateway and demo, made new for each recorded log that a test decides again.

Its servers stay, since starting them is most of what a fresh stack costs; the job, its TaskManagers
and state, and every topic go. Nothing of one log can reach the next one's decisions.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from confluent_kafka.admin import AdminClient

from connectors.log_files import read_manifest
from infra.local import supervisor
from infra.local.cluster import DECISIONING
from infra.local.layout import read_layout
from infra.local.services import ALL
from infra.local.stack import Stack
from infra.local.topics import read_topics
from jobs.settings import MODEL_KEYS_ENV
from tests.stack.healing import await_that

if TYPE_CHECKING:
    from tests.stack.conftest import Kairos

QUIET = [name for name in ALL if name not in ("shop", "gateway")]
OURS = {topic.name for topic in read_topics()}


class Bare:
    """The servers; `holding` makes the rest new."""

    def __init__(self, env: Mapping[str, str], kairos: Kairos) -> None:
        self.env, self._kairos = env, kairos
        self._stack = Stack(read_layout(env), env=env, report=print)

    def holding(self, log: Path) -> tuple[Stack, Mapping[str, str]]:
        """The stack with this log in new topics and no job, and the environment it trusts."""
        env = {**self.env, MODEL_KEYS_ENV: ",".join(read_manifest(log).model_keys)}
        self._empty()
        self._stack = Stack(read_layout(env), env=env, report=print)
        self._stack.up(QUIET, demo=False, job=False, keep_forever=True)
        done = self._kairos("log", "import", str(log), "--json", env=env)
        assert done.returncode == 0, done.stderr
        return self._stack, env

    def decide(self, parallelism: int = 1) -> None:
        """Start the job on what it holds."""
        self._stack.up(QUIET, demo=False, parallelism=parallelism, keep_forever=True)

    def down(self) -> None:
        """End the servers."""
        self._stack.down()

    def _empty(self) -> None:
        stack = self._stack
        if not stack.processes.names():
            return
        stack.processes.stop(supervisor.NAME)
        for job in stack.rest.active_jobs():
            stack.rest.cancel(job.job_id)
        for name in stack.processes.names():
            if name.startswith(DECISIONING.taskmanager):
                stack.processes.stop(name)
        for folder in ("checkpoints", "changelog", "restored", "savepoints"):
            shutil.rmtree(DECISIONING.data(stack.layout) / folder, ignore_errors=True)
        self._delete_topics()

    def _delete_topics(self) -> None:
        admin = AdminClient({"bootstrap.servers": self._stack.state.endpoints["brokers"]})

        def there() -> list[str]:
            return sorted(OURS & admin.list_topics(timeout=10).topics.keys())

        for gone in admin.delete_topics(there(), operation_timeout=30).values():
            gone.result(timeout=30)
        await_that("a broker without topics", lambda: not there(), 30)
