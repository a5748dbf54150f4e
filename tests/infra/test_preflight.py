"""What a machine must have before anything starts, and the Flink settings that must not change."""

from __future__ import annotations

from pathlib import Path
from string import Template

import pytest
import yaml

from infra.local.cluster import DECISIONING
from infra.local.flink_config import (
    TEMPLATE,
    jobmanager_flags,
    mib,
    render,
    taskmanager_flags,
)
from infra.local.layout import Layout
from infra.local.ports import DEFAULT_PORTS
from infra.local.preflight import DISK_MIN_BYTES, Refused, check_disk, check_execution_mode
from infra.setup.java import version_problem

LAYOUT = Layout(Path("checkout"), Path("home"), Path("stack"))
SETTINGS = yaml.safe_load(render(LAYOUT, DECISIONING, DEFAULT_PORTS))
MIB = 1024**2
STACK_MIB_MAX = 4096


# Java's version, what the refusal says (None: it starts)
JAVAS = [
    (None, "missing"),
    (11, "too old"),
    (16, "too old"),
    (17, None),
    (21, None),
    (24, "too new"),
    (25, "too new"),
]


@pytest.mark.parametrize(("version", "said"), JAVAS)
def test_java_is_refused_when_missing_too_old_or_too_new(
    version: int | None, said: str | None
) -> None:
    problem = version_problem(version)
    assert (problem is None) if said is None else (problem is not None and said in problem)


def test_a_disk_below_two_gibibytes_is_refused_with_a_fix() -> None:
    with pytest.raises(Refused, match=r"2 GiB are needed.*KAIROS_STACK_DIR"):
        check_disk(Path("stack"), DISK_MIN_BYTES - 1)
    assert check_disk(Path("stack"), DISK_MIN_BYTES) is None


@pytest.mark.parametrize("mode", ["process", "THREAD", "Thread", "threads", "", None])
def test_any_mode_but_exactly_thread_is_refused(mode: str | None) -> None:
    """Flink takes each of these for process mode, silently."""
    with pytest.raises(Refused, match="process mode"):
        check_execution_mode({"python.execution-mode": mode})


def test_the_template_runs_python_in_the_jvm() -> None:
    check_execution_mode(SETTINGS)
    assert SETTINGS["python.execution-mode"] == "thread"


def test_every_placeholder_of_the_template_is_filled() -> None:
    names = Template(TEMPLATE.read_text(encoding="utf-8")).get_identifiers()
    assert set(names) <= {*DEFAULT_PORTS, "python", "data"}
    assert "${" not in render(LAYOUT, DECISIONING, DEFAULT_PORTS)


def test_what_a_savepoint_depends_on_is_fixed() -> None:
    assert SETTINGS["pipeline.max-parallelism"] == 128
    assert SETTINGS["pipeline.auto-generate-uids"] is False


def test_everything_listens_on_loopback() -> None:
    addresses = [value for key, value in SETTINGS.items() if key.endswith(("host", "address"))]
    assert addresses
    assert set(addresses) == {"127.0.0.1"}


def test_no_state_lives_in_memory_only() -> None:
    assert SETTINGS["state.changelog.storage"] == "filesystem"
    assert SETTINGS["high-availability.type"] == "zookeeper"
    retention = SETTINGS["execution.checkpointing.externalized-checkpoint-retention"]
    assert retention == "RETAIN_ON_CANCELLATION"


def test_the_cluster_is_configured_to_less_than_the_stack_may_use() -> None:
    """JobManager and one TaskManager at their limits leave room for broker, registry, gateway."""
    sizes = [
        mib(value)
        for key, value in SETTINGS.items()
        if ".memory." in key and not key.endswith(".min")
    ]
    assert sum(sizes) < STACK_MIB_MAX - 1024


def test_the_jvm_gets_the_sizes_of_the_settings() -> None:
    flags = taskmanager_flags(SETTINGS)
    assert "-Xmx512m" in flags
    assert "-XX:MaxDirectMemorySize=704m" in flags
    assert "-Xmx384m" in jobmanager_flags(SETTINGS)


def test_a_size_in_another_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="384m"):
        mib("1g")
