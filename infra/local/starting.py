"""Starts the services of one stack, each as soon as what it needs is there, and awaits them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from infra.local.process import Processes
from infra.local.publish import publish_demo, register_schemas
from infra.local.service import endpoints
from infra.local.services import Services
from infra.local.supervisor import failed_mark
from infra.local.topics import create_topics, kept_forever, read_topics


@dataclass(frozen=True, slots=True)
class Starting:
    """One start of a stack's services; whoever uses it holds the stack's lock."""

    made: Services
    processes: Processes
    report: Callable[[str], None]

    def spawn(self, names: Sequence[str]) -> list[str]:
        """Starts those that do not run; returns their names."""
        missing = [name for name in names if self.processes.alive(name) is None]
        for name in missing:
            failed_mark(self.made.layout.run, name).unlink(missing_ok=True)
            self.processes.spawn(self.made.get(name).spec)
        return missing

    def await_ready(self, names: Sequence[str]) -> None:
        """Waits until each serves. Raises ProcessFailed."""
        for name in names:
            service = self.made.get(name)
            wait = partial(self.processes.await_ready, name, service.ready, service.ready_timeout_s)
            self.timed(name, wait)

    def fill(self, base: Sequence[str], *, demo: bool, keep_forever: bool) -> None:
        """Topics, schemas and the demo's control records, each as soon as its server is ready."""
        where = endpoints(self.made.ports)
        if "kafka" in base:
            self.await_ready(["kafka"])
            topics = kept_forever(read_topics()) if keep_forever else read_topics()
            self.timed("topics", lambda: create_topics(where["brokers"], topics))
        if "registry" in base:
            self.await_ready(["registry"])
        if {"kafka", "registry"} <= set(base):
            self.timed("schemas", lambda: register_schemas(where["registry"]))
            if demo:
                self.timed("demo data", lambda: publish_demo(self.made.layout, where))
        self.await_ready([name for name in base if name not in ("kafka", "registry")])

    def timed(self, name: str, step: Callable[[], Any]) -> Any:
        """What the step returns; how long it took is reported."""
        started = time.monotonic()
        result = step()
        self.report(f"{name:<12} ready  {time.monotonic() - started:5.1f} s")
        return result
