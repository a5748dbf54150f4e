"""The archiver as a process: the log as Parquet files by site and day, beside the stack's data."""

from __future__ import annotations

from collections.abc import Mapping

from infra.local.layout import Layout
from infra.local.probe import http_ok
from infra.local.service import Service, python_module

NAME = "archive"


def service(layout: Layout, ports: Mapping[str, int]) -> Service:
    """One archiver; nothing else of the stack waits for it."""
    arguments = ("archive", "run", "--archive", str(layout.data / NAME), "--port", str(ports[NAME]))
    spec = python_module(layout, ports, NAME, "cli.main", *arguments)
    return Service(spec, lambda: http_ok(f"http://127.0.0.1:{ports[NAME]}/metrics"))
