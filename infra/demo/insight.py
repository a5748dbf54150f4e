"""What the demo has learned so far, for the drawer: policy, mix of actions, and lift.

It reads the log beside the loop, from the moment it starts; stopping it changes nothing.
"""

from __future__ import annotations

import threading
from typing import Any

from connectors.avro import BadFrame, codec
from connectors.registry import RegistryClient
from connectors.topic_tail import Tailed, TopicTail
from evidence.report import overall
from evidence.report_state import ReportState, decided, happened
from infra.demo.mix import Mix
from schemas.ids import TICK_KEY
from schemas.outcome import outcome_of
from schemas.policy import Policy
from schemas.site import LIVE
from schemas.topics import DECISIONS, EVENTS

LATE_OK_MS = 250
"""A look now and then has no hurry, and each answer of the broker costs both sides."""

HORIZON_MS = 600_000
VISITORS_MAX = 50_000
"""Then the comparison starts anew: this process may run for weeks."""


class Insight:
    """Follows one site's decisions and policies in threads; `look` from any other."""

    def __init__(self, brokers: str, registry: str, site: str) -> None:
        client = RegistryClient(registry)
        self._decisions, self._policies = codec(DECISIONS, client), codec("policy", client)
        self._events = codec(EVENTS, client)
        self._site, self._mix, self._policy = site, Mix(), Policy()
        self._compared = ReportState()
        self._decided = self._explored = 0
        self._lock = threading.Lock()
        self._tails = [
            TopicTail(brokers, DECISIONS, self._decision, LATE_OK_MS),
            TopicTail(brokers, EVENTS, self._event, LATE_OK_MS),
            TopicTail(brokers, "policy", self._learned, LATE_OK_MS),
        ]

    def start(self) -> Insight:
        """Begin to follow. Raises KafkaException."""
        for tail in self._tails:
            tail.start()
        return self

    def stop(self) -> None:
        """Let go of the broker."""
        for tail in self._tails:
            tail.stop()

    def look(self) -> dict[str, Any]:
        """As the drawer reads it; `simulated` because most visitors of the demo are."""
        with self._lock:
            policy = self._policy
            return {
                "simulated": True,
                "lift": lift_told(self._compared),
                "mix": self._mix.get(),
                "explored": round(self._explored / max(self._decided, 1), 4),
                "policy": {
                    "version": policy.version,
                    "effective_at_ms": policy.effective_at_ms,
                    "rewards": sum(each.rewards for each in policy.qualities.values()),
                },
            }

    def _decision(self, record: Tailed) -> None:
        try:
            decision = self._decisions.decode(record.value)
        except BadFrame:
            return
        if decision.site != self._site:
            return
        with self._lock:
            self._mix.update(decision)
            self._decided += decision.render is not None
            self._explored += decision.explored
            if len(self._compared.visitors) >= VISITORS_MAX:
                self._compared = ReportState()
            decided(self._compared, decision, LIVE)

    def _event(self, record: Tailed) -> None:
        if record.key == TICK_KEY.encode():
            return
        try:
            event = self._events.decode(record.value)
        except BadFrame:
            return
        outcome = outcome_of(event) if event.site == self._site else None
        if outcome is not None:
            with self._lock:
                happened(self._compared, event.user_key, outcome, 0)

    def _learned(self, record: Tailed) -> None:
        try:
            policy = self._policies.decode(record.value)
        except BadFrame:
            return
        if policy.site == self._site and policy.version > self._policy.version:
            with self._lock:
                self._policy = policy


def lift_told(state: ReportState) -> str:
    """One sentence: conversion of those shown something against the withheld, at any look."""
    found = overall(state, HORIZON_MS)
    sizes = f"{found['shown']:,} visitors shown actions, {found['withheld']:,} withheld"
    low, high = found["always_valid_ci"] or (None, None)
    if found["lift"] is None or low is None or high is None:
        return f"{sizes}: too few orders to tell the lift (simulated)."
    return (
        f"{sizes}: lift of conversion {found['lift']:+.0%}, "
        f"between {low:+.0%} and {high:+.0%} (95 %, simulated)."
    )
