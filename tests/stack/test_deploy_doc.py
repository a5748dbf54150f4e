"""The command in docs/deploy.md, as it stands there, on a cluster that Flink's scripts start."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from confluent_kafka import Producer
from msgspec.structs import replace

from connectors.avro import RegistryClient, codec
from connectors.topic_tail import Tailed, TopicTail
from infra.local.flink_rest import FlinkRest
from infra.local.layout import CHECKOUT
from infra.local.model_keys import trusted
from infra.local.stack import Stack
from schemas.ids import known_key
from schemas.topics import DECISIONS, EVENTS
from tests.stack.conftest import free_ports
from tests.stack.healing import await_that
from tests.stack.poison import good_event

RUNNING_S = 120.0


def command_of(page: Path) -> str:
    """The page's one block of commands."""
    (block,) = re.findall(r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
    return str(block)


def configure(folder: Path, home: Path, ports: list[str]) -> None:
    """Flink's own configuration with free ports: nothing of ours."""
    settings: dict[str, Any] = yaml.safe_load((home / "conf" / "config.yaml").read_text())
    rpc, rest, *_ = ports
    settings["jobmanager"]["rpc"]["port"] = int(rpc)
    settings["rest"] = {"address": "127.0.0.1", "bind-address": "127.0.0.1", "port": int(rest)}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    for name in ("log4j-console.properties", "log4j-cli.properties"):
        (folder / name).write_text((home / "conf" / name).read_text())


def environment(stack: Stack, folder: Path) -> dict[str, str]:
    """What the page asks for: Flink, a Python, and where Kafka and the registry are."""
    layout, where = stack.layout, stack.state.endpoints
    kept = {key: value for key, value in os.environ.items() if not key.startswith("KAIROS_")}
    return {
        **kept,
        "FLINK_HOME": str(layout.flink_home),
        "FLINK_CONF_DIR": str(folder),
        "FLINK_LOG_DIR": str(folder),
        "FLINK_PID_DIR": str(folder),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(layout.site_packages),
        "KAIROS_CODE": str(folder / "code"),
        "KAIROS_PYTHON": sys.executable,
        "KAIROS_BROKERS": where["brokers"],
        "KAIROS_REGISTRY_URL": where["registry"],
        "KAIROS_MODEL_KEYS": ",".join(trusted(layout.stack, stack.env)),
    }


class Foreign(NamedTuple):
    """A cluster that is none of ours."""

    rest: FlinkRest
    env: dict[str, str]


@pytest.fixture
def cluster(stack: Stack, tmp_path: Path) -> Iterator[Foreign]:
    """One JobManager and one TaskManager, started by Flink's scripts, ended by their pids."""
    ports = list(free_ports().values())
    configure(tmp_path, stack.layout.flink_home, ports)
    env = environment(stack, tmp_path)
    started = []
    try:
        for script in ("jobmanager.sh", "taskmanager.sh"):
            argv = [str(stack.layout.flink_home / "bin" / script), "start-foreground"]
            with (tmp_path / f"{script}.log").open("wb") as log:
                made = subprocess.Popen(argv, env=env, stdout=log, stderr=subprocess.STDOUT)
            started.append(made)
        rest = FlinkRest(f"http://127.0.0.1:{ports[1]}")
        await_that("a TaskManager registers", lambda: has_worker(rest), RUNNING_S)
        yield Foreign(rest, env)
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()


def has_worker(rest: FlinkRest) -> bool:
    """Whether the JobManager answers and knows a TaskManager."""
    try:
        return bool(rest.taskmanagers())
    except OSError:
        return False


@pytest.mark.promise("D8")
def test_the_command_of_the_page_submits_a_job_that_decides(stack: Stack, cluster: Foreign) -> None:
    """Both clusters read the log: the same decision twice, byte for byte."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command_of(CHECKOUT / "docs" / "deploy.md")],
        cwd=CHECKOUT, env=cluster.env, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert "Job has been submitted with JobID" in done.stdout, done.stdout[-3000:] + done.stderr
    (job,) = cluster.rest.active_jobs()
    await_that("the job runs", lambda: cluster.rest.is_running(job.job_id), RUNNING_S)
    key = known_key("demo", b"deploy", str(time.time_ns()))
    found: list[Tailed] = []
    brokers = stack.state.endpoints["brokers"]
    tail = TopicTail(brokers, DECISIONS, found.append).start()
    try:
        send(stack, key)
        await_that("two decisions", lambda: len(answers(found, key)) >= 2, 60.0)
    finally:
        tail.stop()
    assert len(set(answers(found, key))) == 1 and len(answers(found, key)) == 2


def answers(found: list[Tailed], key: str) -> list[bytes]:
    """The decisions of one user."""
    return [each.value or b"" for each in found if each.key == key.encode()]


def send(stack: Stack, key: str) -> None:
    """One page view of this user, straight into the topic."""
    where = stack.state.endpoints
    event = replace(good_event(0), user_key=key, type="page_view")
    producer = Producer({"bootstrap.servers": where["brokers"], "partitioner": "murmur2_random"})
    frame = codec(EVENTS, RegistryClient(where["registry"])).encode(event)
    producer.produce(EVENTS, key=key.encode(), value=frame, timestamp=event.received_at_ms)
    assert producer.flush(20) == 0
