"""Build a job with real connectors and submit it: `flink run -py jobs/main.py decisioning ...`."""

from __future__ import annotations

import os
import sys
from typing import Any

from pyflink.common import Configuration
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.java_gateway import get_gateway

from connectors.kafka import KafkaTopics
from jobs import decisioning, learning
from jobs.gate import wait_at_gate
from jobs.settings import LEARNING, MAX_PARALLELISM, SettingRefused, Settings, read_settings
from operators.build import IMPORTED, WrongBuild, require_build

MODE = "python.execution-mode"
REQUIRED = {
    "pipeline.auto-generate-uids": "false",
    "pipeline.max-parallelism": str(MAX_PARALLELISM),
    "pipeline.object-reuse": "true",
    "pipeline.auto-watermark-interval": "20 ms",
    "execution.buffer-timeout.interval": "0 ms",
}
"""What correctness and latency depend on, whatever the cluster's own configuration says."""

DEFAULTS = {
    MODE: "thread",
    "state.backend.type": "rocksdb",
    "execution.checkpointing.incremental": "true",
    "state.backend.rocksdb.use-bloom-filter": "true",
    "state.backend.rocksdb.memory.partitioned-index-filters": "true",
}
"""Set where the cluster sets nothing.

Without the last two RocksDB unpacks the index of a whole file for almost every user, once their
states outgrow its memory: most of the processor went there with 450,000 users.
"""


def configure(env: StreamExecutionEnvironment, settings: Settings) -> None:
    """Give the environment the keys above. An execution mode set by hand stays, to be refused."""
    wanted = Configuration()
    for key, value in REQUIRED.items():
        wanted.set_string(key, value)
    interval = {"execution.checkpointing.interval": f"{settings.checkpoint_interval_ms} ms"}
    for key, value in {**DEFAULTS, **interval}.items():
        if not _is_set(env, key):
            wanted.set_string(key, value)
    env.configure(wanted)
    if settings.parallelism:
        env.set_parallelism(settings.parallelism)


def _is_set(env: StreamExecutionEnvironment, key: str) -> bool:
    return bool(env._j_stream_execution_environment.getConfiguration().toMap().containsKey(key))


def process_mode_operators(env: StreamExecutionEnvironment) -> list[str]:
    """Names of operators that would run in Python worker processes."""
    loader = get_gateway().jvm.Thread.currentThread().getContextClassLoader()
    found = []
    for node in env._generate_stream_graph(False).getStreamNodes().toArray():
        factory = node.getOperatorFactory()
        name = "" if factory is None else factory.getStreamOperatorClass(loader).getName()
        if ".python.process." in name:
            found.append(node.getOperatorName())
    return found


def require_thread_mode(env: StreamExecutionEnvironment) -> None:
    """Raises SystemExit if any operator would run in process mode: seconds of latency."""
    wrong = process_mode_operators(env)
    if wrong:
        raise SystemExit(
            f"{', '.join(wrong)} would run in process mode: set {MODE} to exactly `thread`"
        )


def prepared(settings: Settings) -> Any:
    """The environment with the job in it, checked and ready to execute."""
    env = StreamExecutionEnvironment.get_execution_environment()
    configure(env, settings)
    topics = KafkaTopics(settings.brokers, settings.group, settings.grace_ms, settings.kafka)
    build = learning.build if settings.job == LEARNING else decisioning.build
    build(env, topics, settings)
    require_thread_mode(env)
    return env


def main(arguments: list[str]) -> None:
    """Read settings, build, wait for the submitter if there is one, submit."""
    try:
        settings = read_settings(arguments, os.environ, IMPORTED)
        require_build(settings.build_id)
    except (SettingRefused, WrongBuild) as refused:
        raise SystemExit(str(refused)) from refused
    env = prepared(settings)
    wait_at_gate(env)
    env.execute(f"kairos {settings.job}")


if __name__ == "__main__":
    main(sys.argv[1:])
