"""Bytes <-> types of the topics that the hop reads and writes."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.avro import Codec
from schemas.dead_letter import DeadLetter
from schemas.decision import Decision
from schemas.event import Event
from schemas.handoff import ProfileMerge
from schemas.trigger import Trigger


@dataclass(frozen=True, slots=True)
class Codecs:
    """Bytes <-> types of the topics the hop reads and writes."""

    events: Codec[Event]
    decisions: Codec[Decision]
    letters: Codec[DeadLetter]
    triggers: Codec[Trigger]
    merges: Codec[ProfileMerge]

    def languages(self) -> tuple[str, str]:
        """What reads events and what writes decisions: C or Python."""
        return self.events.language, self.decisions.language
