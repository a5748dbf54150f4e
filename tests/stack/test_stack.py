"""The real stack: kept by a second `up`, healed after kills, whole again after `down` and `up`."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from confluent_kafka import Producer

from infra.local.cluster import DECISIONING
from infra.local.layout import CHECKOUT, LOOPBACK, read_layout
from infra.local.ports import ENV_PREFIX
from infra.local.probe import http_json, http_ok
from infra.local.process import wait_until
from infra.local.services import ALL
from infra.local.stack import Stack
from infra.local.submission import SubmissionFailed
from operators.build import build_id
from tests import checks
from tests.stack.conftest import left_behind, stack_env
from tests.stack.healing import WAITED_FOR_S, comes_back, job, kill
from tests.stack.planted import code_with
from tests.stack.replaying import end_offset

RESTARTED_S_MAX = 20.0
MARK = "marker"
SMALL = ("registry", "valkey")
SERVICES = [name for name in ALL if name != "shop"]


def contents(stack: Stack) -> dict[str, object]:
    """What the stack holds beside the job's state: records and schemas."""
    subjects = http_json(f"{stack.state.endpoints['registry']}/subjects")
    return {"triggers": end_offset(stack, "triggers"), "schema": MARK in subjects}


def seen_with(stack: Stack, code: Path) -> Stack:
    """The same stack, as one sees it who has that code checked out."""
    return Stack(stack.layout, code=code, env=stack.env, report=print)


def test_everything_runs_within_its_memory(stack: Stack, kairos: Callable) -> None:
    told = kairos("status", "--json")
    assert told.returncode == 0
    assert checks.all_running(json.loads(told.stdout), stack.state.build_id) == []


def test_two_ups_at_once_keep_the_one_job_and_every_process(stack: Stack) -> None:
    before = {"job": job(stack), **stack.state.pids}
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: seen_with(stack, stack.code).up(SERVICES), range(2)))
    after = {"job": job(stack), **stack.state.pids}
    # Each `up` brings a supervisor of its own, made by the code as it is now.
    assert before.pop("supervisor") and after.pop("supervisor")
    assert checks.kept(before, after) == []


@pytest.mark.parametrize(("name", "path"), [("gateway", "/readyz"), ("registry", "/subjects")])
def test_what_is_killed_comes_back(stack: Stack, name: str, path: str) -> None:
    pid = kill(stack, name)
    assert wait_until(lambda: comes_back(stack, name, pid), RESTARTED_S_MAX)
    assert wait_until(lambda: http_ok(stack.state.endpoints[name] + path), RESTARTED_S_MAX)


def test_a_stack_without_a_supervisor_is_seen_not_to_heal(tmp_path: Path) -> None:
    """planted: nobody restarts what dies; real processes, a real kill, the checks above."""
    env = stack_env(tmp_path / "stack")
    small = Stack(read_layout(env), env=env)
    try:
        state = small.up(SMALL, demo=False, job=False)
        small.processes.stop("supervisor")
        pid = kill(small, "registry")
        assert not wait_until(lambda: comes_back(small, "registry", pid), 3.0)
        assert not http_ok(state.endpoints["registry"] + "/subjects")
        assert "not running: ['registry']" in checks.all_running(small.status(), "")
    finally:
        small.down()


def test_a_chosen_port_that_is_taken_is_refused_by_name(tmp_path: Path, kairos: Callable) -> None:
    env = stack_env(tmp_path / "stack")
    with socket.socket() as other:
        other.bind((LOOPBACK, int(env["KAIROS_PORT_GATEWAY"])))
        other.listen()
        told = kairos("up", "--no-learning", env=env)
    assert told.returncode == 1
    assert "KAIROS_PORT_GATEWAY" in told.stderr
    assert left_behind(tmp_path / "stack") == {}


def test_a_default_port_that_is_taken_moves(tmp_path: Path) -> None:
    env = stack_env(tmp_path / "stack")
    wanted = int(env.pop("KAIROS_PORT_REGISTRY"))
    only_registry = Stack(env=env)
    with socket.socket() as other:
        other.bind((LOOPBACK, wanted))
        other.listen()
        (tmp_path / "stack").mkdir()
        remembered = {"version": 1, "ports": {"registry": wanted}}
        (tmp_path / "stack" / "stack.json").write_text(json.dumps(remembered))
        try:
            state = only_registry.up(("registry",), demo=False, job=False)
            assert state.ports["registry"] != wanted
            assert http_ok(state.endpoints["registry"] + "/subjects")
        finally:
            only_registry.down()
    assert left_behind(tmp_path / "stack") == {}


def test_two_stacks_that_start_at_once_do_not_take_each_other_s_ports(tmp_path: Path) -> None:
    """Neither chose its ports; each serves its own registry, on ports of its own."""
    stacks = []
    for name in ("one", "two"):
        env = {k: v for k, v in stack_env(tmp_path / name).items() if not k.startswith(ENV_PREFIX)}
        stacks.append(Stack(read_layout(env), env=env))
    try:
        with ThreadPoolExecutor(2) as pool:
            up = pool.map(lambda each: each.up(SMALL, demo=False, job=False), stacks)
            states = list(up)
        for at, state in enumerate(states):
            address = f"{state.endpoints['registry']}/subjects/mark-{at}/versions"
            http_json(address, method="POST", body={"schema": '{"type": "string"}'})
        for at, state in enumerate(states):
            assert http_json(f"{state.endpoints['registry']}/subjects") == [f"mark-{at}"]
        assert not set(states[0].ports.values()) & set(states[1].ports.values())
    finally:
        for each in stacks:
            each.down()


def test_data_and_job_go_on_after_down_and_up(stack: Stack) -> None:
    producer = Producer({"bootstrap.servers": stack.state.endpoints["brokers"]})
    producer.produce("triggers", value=b"x", partition=0)
    assert producer.flush(10) == 0
    registry = stack.state.endpoints["registry"]
    schema = {"schema": '{"type": "string"}'}
    http_json(f"{registry}/subjects/{MARK}/versions", method="POST", body=schema)
    parallelism = stack.state.parallelism
    before = contents(stack)
    assert before["triggers"] and before["schema"]
    assert any(DECISIONING.scratch(stack.layout).iterdir())
    savepoint = stack.down()
    assert left_behind(stack.layout.stack) == {}
    assert list(DECISIONING.scratch(stack.layout).rglob("*")) == []
    stack.up(SERVICES, parallelism=parallelism)
    checkpoints = http_json(f"{stack.rest.url}/jobs/{job(stack)}/checkpoints")
    assert Path(savepoint).name in checkpoints["latest"]["restored"]["external_path"]
    # A restored job may run and yet fail at each checkpoint: only a completed one is proof.
    assert wait_until(lambda: stack.rest.completed_checkpoints(job(stack)) > 0, WAITED_FOR_S)
    assert checks.kept(before, contents(stack)) == []


def test_changed_code_goes_on_from_a_savepoint_and_back(stack: Stack, tmp_path: Path) -> None:
    before = stack.state.build_id
    code = code_with(stack.code, tmp_path / "code", "none, only other bytes")
    told = seen_with(stack, code).deploy()
    print(told)
    runs = stack.rest.build_of(job(stack))
    assert checks.deployed(told, runs, build_id(code), back=False) == []
    assert build_id(code) != before
    back = stack.deploy(rollback=True)
    assert checks.deployed(back, stack.rest.build_of(job(stack)), before, back=True) == []
    assert [name for name in stack.processes.names() if name.startswith("taskmanager")]


def test_code_that_cannot_build_its_plan_leaves_the_running_job_alone(
    stack: Stack, tmp_path: Path
) -> None:
    before = job(stack)
    code = code_with(stack.code, tmp_path / "code", "broken at import")
    with pytest.raises(SubmissionFailed, match="broken at import"):
        seen_with(stack, code).deploy()
    assert job(stack) == before
    assert stack.rest.is_running(before)


def test_code_that_cannot_open_is_rolled_back_by_itself(stack: Stack, tmp_path: Path) -> None:
    before = stack.state.build_id
    code = code_with(stack.code, tmp_path / "code", "broken at open")
    told = seen_with(stack, code).deploy()
    assert "broken at open" in told["error"]
    assert stack.state.build_id == before
    assert checks.deployed(told, stack.rest.build_of(job(stack)), before, back=True) == []


def up_as_owner(folder: Path, at_first_report: str) -> dict[str, str]:
    """A process that owns the stack it brings up does this at the first report, then dies."""
    env = stack_env(folder)
    up = (
        "import os; from infra.local.stack import Stack\n"
        "def report(text):\n"
        f"    {at_first_report}\n"
        "env = {**os.environ, 'KAIROS_OWNER_PID': str(os.getpid())}\n"
        "stack = Stack(env=env, report=report)\n"
        f"stack.up({SMALL}, demo=False, job=False)"
    )
    argv = [sys.executable, "-c", up]
    subprocess.run(argv, env=env, cwd=CHECKOUT, check=False, timeout=60)
    return env


@pytest.mark.parametrize("at_first_report", ["pass", "os.kill(os.getpid(), 9)"])
def test_the_stack_ends_when_its_owner_is_gone(tmp_path: Path, at_first_report: str) -> None:
    """A test run may be killed at any moment, half-way through `up` too: it leaves no process."""
    up_as_owner(tmp_path / "stack", at_first_report)
    assert wait_until(lambda: left_behind(tmp_path / "stack") == {}, RESTARTED_S_MAX)
    assert "owner of this stack is gone" in (tmp_path / "stack/logs/supervisor.log").read_text()


def test_a_stack_that_nobody_watched_yet_is_seen_to_be_left_behind(tmp_path: Path) -> None:
    """planted: `up` is killed before there is a supervisor, as when that starts last."""
    unwatched = "stack.processes.stop('supervisor'); os.kill(os.getpid(), 9)"
    env = up_as_owner(tmp_path / "stack", unwatched)
    try:
        assert not wait_until(lambda: left_behind(tmp_path / "stack") == {}, 3.0)
    finally:
        Stack(read_layout(env), env=env).down()
    assert left_behind(tmp_path / "stack") == {}
