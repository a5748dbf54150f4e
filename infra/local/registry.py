"""Our small schema registry as a process; any Confluent-compatible one can take its place."""

from __future__ import annotations

from collections.abc import Mapping

from infra.local.layout import Layout
from infra.local.probe import http_ok
from infra.local.service import Service, python_module

NAME = "registry"


def service(layout: Layout, ports: Mapping[str, int]) -> Service:
    """The registry over its data folder."""
    data = str(layout.data / NAME)
    spec = python_module(
        layout, ports, NAME, "infra.registry", "--port", str(ports[NAME]), "--data-dir", data
    )
    return Service(spec, lambda: http_ok(f"http://127.0.0.1:{ports[NAME]}/subjects"))
