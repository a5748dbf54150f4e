"""Distributions of concepts and scores, as counts by bin of the model card's percentiles.

Of every 16th model decision of this process; a monitor that knows the share each bin had in
training gets the population stability index of any window from them (docs/models.md).
"""

from __future__ import annotations

from models.drift import Reference, references_in
from operators.metrics import Meter
from schemas.decision import Decision
from schemas.model import Model

EVERY = 16


class Watch:
    """Counts into a Meter; the references of a model are read from its card once."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._turn = 0
        self._known: tuple[str, dict[str, Reference]] = ("", {})

    def take(self, decision: Decision, model: Model | None) -> None:
        """Count one decision that this model took part in."""
        self._turn += 1
        if model is None or self._turn % EVERY:
            return
        if model.card != self._known[0]:
            self._known = (model.card, references_in(model.card))
        for name, reference in self._known[1].items():
            value = decision.concepts.get(name, decision.scores.get(name))
            if value is not None:
                self._meter.seen(name, reference.bin_of(value))
