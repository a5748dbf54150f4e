"""The plan of the job holds embedded Python only, and every state has a name for ever.

Building a plan needs a JVM, so each plan is built in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from operators import uids

pytestmark = pytest.mark.stack
ROOT = Path(__file__).resolve().parents[2]
HOME = Path(os.environ.get("KAIROS_HOME") or ROOT / ".kairos")
PLAN = """
import json, sys
from pyflink.common import Configuration
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.java_gateway import get_gateway
from connectors.kafka import KafkaTopics
from jobs import decisioning, main
from jobs.settings import Settings
from operators.build import IMPORTED

jars, mode = json.loads(sys.argv[1])
given = Configuration()
given.set_string("pipeline.jars", ";".join(jars))
if mode:
    given.set_string("python.execution-mode", mode)
env = StreamExecutionEnvironment.get_execution_environment(given)
settings = Settings(brokers="127.0.0.1:1", registry_url="http://127.0.0.1:1", build_id=IMPORTED)
main.configure(env, settings)
decisioning.build(env, KafkaTopics(settings.brokers, settings.group, 50, {}), settings)
loader = get_gateway().jvm.Thread.currentThread().getContextClassLoader()
nodes = []
for node in env._generate_stream_graph(False).getStreamNodes().toArray():
    factory = node.getOperatorFactory()
    kind = "" if factory is None else factory.getStreamOperatorClass(loader).getName()
    nodes.append([node.getTransformationUID(), kind])
print("PLAN " + json.dumps(nodes))
main.require_thread_mode(env)
print("ACCEPTED")
"""


def plan(mode: str = "") -> subprocess.CompletedProcess[str]:
    """Build the job's plan under an execution mode set by hand."""
    jars = [*(HOME / "jars" / "flink").glob("*.jar"), HOME / "java" / "kairos-bytes.jar"]
    assert all(jar.is_file() for jar in jars), "run `make setup` first"
    given = json.dumps([[jar.resolve().as_uri() for jar in jars], mode])
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-c", PLAN, given],
        capture_output=True, text=True, env=env, timeout=120, check=False,
    )  # fmt: skip


def nodes(done: subprocess.CompletedProcess[str]) -> list[Any]:
    """(uid, operator class) of each node of the plan."""
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("PLAN ")]
    found: list[Any] = json.loads(line.removeprefix("PLAN "))
    return found


@pytest.fixture(scope="module")
def accepted():
    """The plan as `flink run` would submit it."""
    return plan()


def test_all_python_of_the_plan_is_embedded(accepted):
    """One Python operator, in the JVM's own process, between the two sources and the sink."""
    assert "ACCEPTED" in accepted.stdout, accepted.stderr[-2000:]
    python = [kind for _, kind in nodes(accepted) if ".python." in kind]
    assert len(python) == 1 and ".python.embedded." in python[0]


def test_every_operator_with_state_has_its_uid(accepted):
    """A savepoint finds state by these names; one that is missing would be generated anew."""
    found = [uid for uid, _ in nodes(accepted)]
    assert set(uids.ALL) <= set(found)
    assert all(uid for uid in found)


def test_a_wrong_spelling_of_thread_is_refused():
    """`THREAD` silently means process mode in PyFlink; the job says so and does not start."""
    done = plan("THREAD")
    assert done.returncode != 0 and "ACCEPTED" not in done.stdout
    assert "decide" in done.stderr and "exactly `thread`" in done.stderr
