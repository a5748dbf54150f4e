"""The live one-line summary of a running stack: rates, event -> decision times, dead letters."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from dataclasses import dataclass

from benchmarks.percentiles import percentile
from connectors.topic_tail import Tailed, TopicTail
from schemas.ids import TICK_KEY
from schemas.topics import DEAD_LETTERS, DECISIONS, EVENTS

WINDOW_S = 10.0
TICK = TICK_KEY.encode()


@dataclass(frozen=True, slots=True)
class Figures:
    """Rates a second and milliseconds over the last WINDOW_S; dead letters since the start."""

    events_per_s: float
    decisions_per_s: float
    p50_ms: float | None
    p99_ms: float | None
    dead_letters: int

    def line(self) -> str:
        """As one line for a terminal."""
        times = "no decision yet"
        if self.p50_ms is not None and self.p99_ms is not None:
            times = f"event -> decision p50 {self.p50_ms:.0f} ms  p99 {self.p99_ms:.0f} ms"
        return (
            f"{self.events_per_s:5.1f} events/s  {self.decisions_per_s:5.1f} decisions/s  "
            f"{times}  dead letters {self.dead_letters}"
        )


class Live:
    """Follows three topics from now on; `first_decision` is set once something was decided."""

    def __init__(self, brokers: str) -> None:
        self.first_decision = threading.Event()
        self.dead_letters = 0
        self._events: deque[float] = deque()
        self._decisions: deque[tuple[float, float | None]] = deque()
        self._lock = threading.Lock()
        self._tails = [
            TopicTail(brokers, EVENTS, self._event),
            TopicTail(brokers, DECISIONS, self._decision),
            TopicTail(brokers, DEAD_LETTERS, self._letter),
        ]

    def start(self) -> Live:
        """Begin to follow. Raises KafkaException."""
        for tail in self._tails:
            tail.start()
        return self

    def stop(self) -> None:
        """Let go of the broker."""
        for tail in self._tails:
            tail.stop()

    def figures(self) -> Figures:
        """What the last WINDOW_S held."""
        since = time.monotonic() - WINDOW_S
        with self._lock:
            while self._events and self._events[0] < since:
                self._events.popleft()
            while self._decisions and self._decisions[0][0] < since:
                self._decisions.popleft()
            events, decisions = len(self._events), len(self._decisions)
            times = sorted(ms for _, ms in self._decisions if ms is not None)
        return Figures(
            events / WINDOW_S,
            decisions / WINDOW_S,
            percentile(times, 0.50) if times else None,
            percentile(times, 0.99) if times else None,
            self.dead_letters,
        )

    def _event(self, record: Tailed) -> None:
        if record.key != TICK:
            with self._lock:
                self._events.append(time.monotonic())

    def _decision(self, record: Tailed) -> None:
        ledger = json.loads(record.headers.get("kairos.ledger", b"{}"))
        received = ledger.get("received_at_ms")
        took_ms = None if received is None else record.arrived_ms - received
        with self._lock:
            self._decisions.append((time.monotonic(), took_ms))
        self.first_decision.set()

    def _letter(self, record: Tailed) -> None:
        self.dead_letters += 1
