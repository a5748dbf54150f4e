"""The gateway as a process: events in, decisions out."""

from __future__ import annotations

from collections.abc import Mapping

from infra.local.layout import Layout
from infra.local.probe import http_ok
from infra.local.service import Service, python_module

NAME = "gateway"


def service(layout: Layout, ports: Mapping[str, int]) -> Service:
    """One gateway with both roles, ingest and push."""
    spec = python_module(layout, ports, NAME, "gateway")
    return Service(spec, lambda: http_ok(f"http://127.0.0.1:{ports[NAME]}/readyz"))
