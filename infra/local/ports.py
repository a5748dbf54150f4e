"""Which port each process listens on: defaults move when taken, chosen ones refuse."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Mapping

from infra.local.layout import LOOPBACK

DEFAULT_PORTS: Mapping[str, int] = {
    "kafka": 19092,
    "kafka_controller": 19093,
    "zookeeper": 12181,
    "registry": 18081,
    "valkey": 16379,
    "flink": 18082,
    "jobmanager": 16123,
    "gateway": 18080,
    "gateway_2": 18090,
    "gateway_3": 18091,
    "shop": 18000,
    "archive": 18092,
    "prometheus_jobmanager": 19248,
    "prometheus_taskmanager": 19249,
    "flink_learning": 18085,
    "jobmanager_learning": 16133,
    "prometheus_jobmanager_learning": 19268,
    "prometheus_taskmanager_learning": 19269,
}
OWNERS: Mapping[str, str] = {
    "kafka_controller": "kafka",
    "flink": "jobmanager",
    "prometheus_jobmanager": "jobmanager",
    "prometheus_taskmanager": "taskmanager-1",
    "flink_learning": "learning-jobmanager",
    "jobmanager_learning": "learning-jobmanager",
    "prometheus_jobmanager_learning": "learning-jobmanager",
    "prometheus_taskmanager_learning": "learning-taskmanager-1",
    "gateway_2": "gateway-2",
    "gateway_3": "gateway-3",
}
"""Port -> process, where their names differ."""

ENV_PREFIX = "KAIROS_PORT_"

STEP = 100
"""A taken default moves by this much, so that one stack's ports stay recognisable."""

PORT_MAX = 32_000
"""Below the range from which Linux hands out ports to outgoing connections."""


class PortTaken(Exception):
    """A port chosen by the user is in use; the message names the variable."""


def is_free(port: int) -> bool:
    """True when a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Servers set this too: a port whose last owner just closed is usable.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def chosen_ports(env: Mapping[str, str]) -> dict[str, int]:
    """The ports set by KAIROS_PORT_<NAME>. Raises ValueError naming a bad variable."""
    chosen = {}
    for name in DEFAULT_PORTS:
        variable = ENV_PREFIX + name.upper()
        text = env.get(variable)
        if not text:
            continue
        if not text.isdigit() or not 1 <= int(text) <= 65_535:
            raise ValueError(f"{variable}={text}: give a port between 1 and 65535")
        chosen[name] = int(text)
    return chosen


def allocate(
    chosen: Mapping[str, int],
    remembered: Mapping[str, int],
    ours: Mapping[str, int],
    *,
    free: Callable[[int], bool] = is_free,
) -> dict[str, int]:
    """A port for every name.

    `chosen` are the user's and refuse when taken; `remembered` are those of the last run and move
    like defaults; `ours` are held by processes of this very stack and stay as they are.
    """
    ports = dict(ours)
    for name, port in chosen.items():
        if ours.get(name) == port:
            continue
        if name in ours:
            raise PortTaken(
                f"{name} already runs on port {ours[name]}, not on {port} as "
                f"{ENV_PREFIX}{name.upper()} says: run `kairos down` first"
            )
        if port in ports.values() or not free(port):
            raise PortTaken(
                f"port {port} for {name} is taken: set {ENV_PREFIX}{name.upper()} to a free one, "
                "or unset it to let kairos choose"
            )
        ports[name] = port
    for name, default in DEFAULT_PORTS.items():
        if name not in ports:
            wanted = remembered.get(name, default)
            ports[name] = _free_from(wanted, set(ports.values()), free)
    return ports


def _free_from(wanted: int, used: set[int], free: Callable[[int], bool]) -> int:
    port: int
    for port in (wanted, *range(wanted + STEP, PORT_MAX, STEP)):
        if port not in used and free(port):
            return port
    raise PortTaken(f"no free port from {wanted} to {PORT_MAX} in steps of {STEP}")


def held_by(remembered: Mapping[str, int], alive: Collection[str]) -> dict[str, int]:
    """The ports that living processes of this stack listen on, by the port's name."""
    return {name: port for name, port in remembered.items() if OWNERS.get(name, name) in alive}
