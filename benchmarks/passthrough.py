"""The floor under the job: its source, its keying and its sink around a hop that decides nothing.

benchmarks/drain.py puts this file in place of operators/decide.py in a build of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pyflink.common import Row
from pyflink.datastream import KeyedBroadcastProcessFunction, RuntimeContext

from connectors.routes import read_origin, routed
from jobs.settings import Settings
from schemas.topics import DECISIONS


class Decide(KeyedBroadcastProcessFunction):
    """Every event becomes one record of `decisions`, its bytes unread."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def open(self, runtime_context: RuntimeContext) -> None:
        """Nothing to load."""

    def process_element(self, value: bytes, ctx: Any) -> Iterable[Row]:
        """The event's frame, sent on."""
        origin = read_origin(value)
        return [Row((origin.key or b"").decode(), routed(DECISIONS, {}, origin.value or b""))]

    def process_broadcast_element(self, value: Row, ctx: Any) -> Iterable[Row]:
        """Control records change nothing."""
        return []

    def on_timer(self, timestamp: int, ctx: Any) -> Iterable[Row]:
        """No timer is ever set."""
        return []
