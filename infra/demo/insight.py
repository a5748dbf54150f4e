"""What the demo has learned so far, for the drawer: the policy in force and the mix of actions.

It reads the log beside the loop, from the moment it starts; stopping it changes nothing.
"""

from __future__ import annotations

import threading
from typing import Any

from connectors.avro import BadFrame, codec
from connectors.registry import RegistryClient
from connectors.topic_tail import Tailed, TopicTail
from infra.demo.mix import Mix
from schemas.policy import Policy
from schemas.topics import DECISIONS

LATE_OK_MS = 250
"""A look now and then has no hurry, and each answer of the broker costs both sides."""


class Insight:
    """Follows one site's decisions and policies in threads; `look` from any other."""

    def __init__(self, brokers: str, registry: str, site: str) -> None:
        client = RegistryClient(registry)
        self._decisions, self._policies = codec(DECISIONS, client), codec("policy", client)
        self._site, self._mix, self._policy = site, Mix(), Policy()
        self._decided = self._explored = 0
        self._lock = threading.Lock()
        self._tails = [
            TopicTail(brokers, DECISIONS, self._decision, LATE_OK_MS),
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

    def _learned(self, record: Tailed) -> None:
        try:
            policy = self._policies.decode(record.value)
        except BadFrame:
            return
        if policy.site == self._site and policy.version > self._policy.version:
            with self._lock:
                self._policy = policy
