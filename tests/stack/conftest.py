"""One set of real servers for all tests of this folder, on free ports, in a temporary folder.

Tests that want them empty come first; then the demo's stack runs on them, which the rest shares.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from infra.local.layout import CHECKOUT, read_layout
from infra.local.ports import DEFAULT_PORTS, ENV_PREFIX, is_free
from infra.local.services import ALL
from infra.local.stack import Stack
from infra.local.supervisor import OWNER_ENV
from operators.build import PACKAGES
from tests.stack.servers import Servers

PATIENT = dict.fromkeys(("KAIROS_DEADLINE_INSTANT_MS", "KAIROS_DEADLINE_STANDARD_MS"), "2000")
"""These tests are about what is decided; on a busy machine a fallback would come before it."""

FIRST_PORTS, SPACE = range(20_000, 31_000, 100), 5
"""Room for several TaskManagers: each further one's metrics are a port behind the first one's."""
Kairos = Callable[..., subprocess.CompletedProcess[str]]


def free_ports() -> dict[str, str]:
    """A free port for every name, as the variables that choose them."""
    candidates = list(FIRST_PORTS)
    random.SystemRandom().shuffle(candidates)
    for first in candidates:
        ports = range(first, first + SPACE * len(DEFAULT_PORTS), SPACE)
        if all(map(is_free, ports)):
            names = zip(DEFAULT_PORTS, ports, strict=True)
            return {f"{ENV_PREFIX}{name.upper()}": str(port) for name, port in names}
    raise AssertionError("no run of free ports between 20000 and 31000")


def stack_env(folder: Path) -> dict[str, str]:
    """The environment of a stack of its own: every command in it works on that stack."""
    chosen = {key: value for key, value in os.environ.items() if not key.startswith(ENV_PREFIX)}
    for name in ("KAIROS_BROKERS", "KAIROS_REGISTRY_URL", "KAIROS_GATEWAY_URL"):
        chosen.pop(name, None)
    # Should this run be killed, its stacks end by themselves.
    owner = {OWNER_ENV: str(os.getpid())}
    return {**chosen, **free_ports(), **owner, **PATIENT, "KAIROS_STACK_DIR": str(folder)}


def left_behind(folder: Path) -> dict[int, str]:
    """Living processes that name the stack's folder or work in it.

    Valkey writes its title over its command line and environment; its working folder stays.
    """
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            text = command + (entry / "environ").read_bytes() + bytes((entry / "cwd").readlink())
        except OSError:
            continue
        if str(folder).encode() in text:
            found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")[:120]
    return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the shared stack behind those that empty its servers."""
    items.sort(key=lambda item: "stack" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def env(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The shared stack's environment, for commands run beside it."""
    return stack_env(tmp_path_factory.mktemp("stack"))


@pytest.fixture(scope="session")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The job's code as it was when the run began: the checkout may change meanwhile."""
    folder = tmp_path_factory.mktemp("code")
    for package in PACKAGES:
        shutil.copytree(CHECKOUT / package, folder / package)
    return folder


@pytest.fixture(scope="session")
def patient() -> Iterator[None]:
    """Gateways of stacks that this process starts wait long for a decision."""
    with pytest.MonkeyPatch.context() as patch:
        for name, limit_ms in PATIENT.items():
            patch.setenv(name, limit_ms)
        yield


@pytest.fixture(scope="session")
def stack(servers: Servers) -> Stack:
    """The shared stack, up with the demo's data; tests may break it but must heal it."""
    return servers.fresh([name for name in ALL if name != "shop"])


@pytest.fixture(scope="session")
def shop(stack: Stack) -> str:
    """The demo shop's URL; an `up` with it adds it to the running stack."""
    return stack.up().endpoints["shop"]


@pytest.fixture(scope="session")
def kairos(env: Mapping[str, str]) -> Kairos:
    """Runs `kairos ARGUMENTS` on the shared stack, or in another environment."""

    def run(*arguments: str, env: Mapping[str, str] = env) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cli.main", *arguments],
            capture_output=True,
            text=True,
            cwd=CHECKOUT,
            env=dict(env),
            timeout=300,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def servers(env: Mapping[str, str], code: Path, kairos: Kairos, patient: None) -> Iterator[Servers]:
    """Started as far as they are asked for, ended with the last test."""
    made = Servers(env, code, kairos)
    try:
        yield made
    finally:
        made.down()
    assert left_behind(read_layout(env).stack) == {}
