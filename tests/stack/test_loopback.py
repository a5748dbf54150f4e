"""Nothing of the stack can be reached from another machine."""

from __future__ import annotations

import os
import socket

import pytest

from infra.local.ports import OWNERS
from infra.local.stack import Stack
from tests.stack.conftest import left_behind
from tests.stack.sockets import listeners, reached_from_outside


def test_every_socket_of_the_stack_listens_on_loopback(stack: Stack, shop: str) -> None:
    """All its processes and their helpers; each known port is among what was looked at."""
    found = listeners(left_behind(stack.layout.stack))
    assert reached_from_outside(found) == []
    ports, runs = stack.state.ports, stack.state.pids
    used = {port for name, port in ports.items() if OWNERS.get(name, name) in runs}
    assert ports["gateway"] in used and ports["jobmanager"] in used
    assert used <= {each.port for each in found}


@pytest.mark.parametrize(
    ("family", "host", "outside"),
    [
        (socket.AF_INET, "127.0.0.1", False),
        (socket.AF_INET6, "::1", False),
        (socket.AF_INET6, "::ffff:127.0.0.1", False),
        (socket.AF_INET, "0.0.0.0", True),
        (socket.AF_INET6, "::", True),
    ],
)
def test_a_socket_on_every_interface_is_found(family: int, host: str, outside: bool) -> None:
    """planted: a server of this very process on all interfaces, as Flink's own reporter was."""
    with socket.socket(family) as server:
        server.bind((host, 0))
        server.listen()
        port = server.getsockname()[1]
        found = [each for each in listeners([os.getpid()]) if each.port == port]
        assert len(found) == 1
        assert bool(reached_from_outside(found)) is outside
