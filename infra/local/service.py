"""What every long-running process of the stack has in common, and the small servers of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from infra.local.layout import Layout
from infra.local.process import Spec

PASSED_ON = (
    *("HOME", "LANG", "TZ", "TMPDIR", "JAVA_HOME", "KAIROS_DATA"),
    *("KAIROS_DEADLINE_INSTANT_MS", "KAIROS_DEADLINE_STANDARD_MS"),
)


@dataclass(frozen=True, slots=True)
class Service:
    """A process to run and how to tell that it serves."""

    spec: Spec
    ready: Callable[[], bool]
    ready_timeout_s: float = 120.0


def base_env(layout: Layout, ports: Mapping[str, int]) -> dict[str, str]:
    """The environment of every process: little of the caller's, all endpoints of this stack."""
    env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    env.update(endpoint_env(ports))
    env["PATH"] = f"{layout.python.parent}:{os.environ.get('PATH', '/usr/bin:/bin')}"
    env["KAIROS_HOME"] = str(layout.home)
    env["KAIROS_STACK_DIR"] = str(layout.stack)
    return env


def python_env(layout: Layout, ports: Mapping[str, int]) -> dict[str, str]:
    """The environment of a Python process that runs from the checkout."""
    return {
        **base_env(layout, ports),
        "PYTHONPATH": str(layout.checkout),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def endpoints(ports: Mapping[str, int]) -> dict[str, str]:
    """Where each server of the stack is reached."""
    return {
        "brokers": f"127.0.0.1:{ports['kafka']}",
        "registry": f"http://127.0.0.1:{ports['registry']}",
        "cache": f"redis://127.0.0.1:{ports['valkey']}",
        "flink": f"http://127.0.0.1:{ports['flink']}",
        "flink_learning": f"http://127.0.0.1:{ports['flink_learning']}",
        "gateway": f"http://127.0.0.1:{ports['gateway']}",
        "gateway_2": f"http://127.0.0.1:{ports['gateway_2']}",
        "gateway_3": f"http://127.0.0.1:{ports['gateway_3']}",
        "shop": f"http://127.0.0.1:{ports['shop']}",
    }


def endpoint_env(ports: Mapping[str, int]) -> dict[str, str]:
    """The same as environment variables, and each port by its own name."""
    where = endpoints(ports)
    env = {f"KAIROS_PORT_{name.upper()}": str(port) for name, port in ports.items()}
    env["KAIROS_BROKERS"] = where["brokers"]
    for name in ("registry", "cache", "gateway", "shop", "flink"):
        env[f"KAIROS_{name.upper()}_URL"] = where[name]
    return env


def python_module(
    layout: Layout, ports: Mapping[str, int], name: str, module: str, *arguments: str
) -> Spec:
    """A service that is a Python module of the checkout."""
    return Spec(
        name=name,
        argv=(str(layout.python), "-m", module, *arguments),
        env=python_env(layout, ports),
        cwd=str(layout.checkout),
        port=ports[name],
    )
