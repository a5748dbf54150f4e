"""Gateways as processes: events in, decisions out. Several side by side share nothing but the log.

Which of them a client talks to is a balancer's choice; on one machine it is the port's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from infra.local.layout import Layout
from infra.local.probe import http_ok
from infra.local.service import Service, python_module

NAME = "gateway"
NAMES = (NAME, "gateway-2", "gateway-3")
PORT = "KAIROS_PORT_GATEWAY"


def port_name(name: str) -> str:
    """The name of a gateway's port."""
    return name.replace("-", "_")


def service(layout: Layout, ports: Mapping[str, int], name: str = NAME) -> Service:
    """One gateway with both roles, ingest and push; its log on disk goes by its port."""
    port = ports[port_name(name)]
    spec = python_module(layout, {**ports, name: port}, name, "gateway")
    own = replace(spec, env={**spec.env, PORT: str(port)})
    return Service(own, lambda: http_ok(f"http://127.0.0.1:{port}/readyz"))
