"""The demo shop as a process: a small storefront with the SDK on its pages."""

from __future__ import annotations

from collections.abc import Mapping

from infra.local.layout import Layout
from infra.local.probe import http_ok
from infra.local.service import Service, python_module

NAME = "shop"


def service(layout: Layout, ports: Mapping[str, int]) -> Service:
    """The storefront."""
    spec = python_module(layout, ports, NAME, "infra.demo.shop")
    return Service(spec, lambda: http_ok(f"http://127.0.0.1:{ports[NAME]}/"))
