"""A port that one command has found free is not found free by another until its server runs."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.claims import claims
from infra.local.layout import CHECKOUT, LOOPBACK
from infra.local.ports import DEFAULT_PORTS, STEP, PortTaken, allocate

HOLD = (
    "import sys; from pathlib import Path; from infra.local.claims import claims\n"
    "with claims(Path(sys.argv[1]), lambda port: True) as held:\n"
    "    print(held.claim(20_001), flush=True); sys.stdin.read()"
)


def all_free(port: int) -> bool:
    """A machine on which nothing listens yet: both commands probe before either server binds."""
    return True


def shared(one: dict[str, int], two: dict[str, int]) -> set[int]:
    """Ports that both stacks would bind: must be none."""
    return set(one.values()) & set(two.values())


def test_two_commands_at_the_same_moment_take_different_ports(tmp_path: Path) -> None:
    with claims(tmp_path, all_free) as first, claims(tmp_path, all_free) as second:
        one = allocate({}, {}, {}, free=first.claim)
        two = allocate({}, {}, {}, free=second.claim)
    assert one == DEFAULT_PORTS
    assert shared(one, two) == set()
    assert two["kafka"] == one["kafka"] + STEP


def test_probing_alone_gives_both_the_same_ports() -> None:
    """planted: `up` without claims; the check above sees every port collide."""
    one, two = (allocate({}, {}, {}, free=all_free) for _ in range(2))
    assert shared(one, two) == set(DEFAULT_PORTS.values())


def test_a_chosen_port_that_another_command_is_about_to_use_is_refused(tmp_path: Path) -> None:
    with claims(tmp_path, all_free) as first, claims(tmp_path, all_free) as second:
        assert first.claim(20_001)
        with pytest.raises(PortTaken, match="KAIROS_PORT_GATEWAY"):
            allocate({"gateway": 20_001}, {}, {}, free=second.claim)


def test_a_port_with_a_listener_cannot_be_claimed(tmp_path: Path) -> None:
    with socket.socket() as server, claims(tmp_path) as held:
        server.bind((LOOPBACK, 0))
        server.listen()
        assert not held.claim(server.getsockname()[1])


def test_a_killed_command_holds_nothing(tmp_path: Path) -> None:
    """The kernel lets go of the lock, so that no claim is ever stale."""
    argv = [sys.executable, "-c", HOLD, str(tmp_path)]
    other = subprocess.Popen(
        argv, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with claims(tmp_path, all_free) as held:
        assert other.stdout is not None and other.stdout.readline() == "True\n"
        assert not held.claim(20_001)
        other.kill()
        other.wait()
        assert held.claim(20_001)
    assert other.stdin is not None
    other.stdin.close()
    other.stdout.close()
