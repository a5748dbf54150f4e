"""7 Coverage: what the campaigns of a catalogue did over many decisions, each counted by itself.

Fed with decision records alone, so it says what the engine said. For each slot of its placement a
campaign goes as far as the checks let it: asked (its condition was put), held, eligible, won.
The rest says by what reason or by whom it was stopped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

from msgspec import Struct, field

from models.eligibility import REASONS
from schemas.decision import Decision

CONDITION = "when"
NO_SLOT = frozenset(("paused", "placement"))
UNASKED = frozenset(REASONS[: REASONS.index(CONDITION)])
LOST = ("outbid", "below_reserve", "not_drawn")
"""Reasons that the auction gives: who has one was eligible."""

OFTEN = 20
"""Moments from which a count is worth a finding."""

SAMPLES_MAX = 3


class Reach(Struct):
    """How far one campaign came; `stopped` counts reasons, `beaten_by` winners, at their slots."""

    slots: int = 0
    asked: int = 0
    held: int = 0
    eligible: int = 0
    won: int = 0
    stopped: Counter[str] = field(default_factory=Counter)
    beaten_by: Counter[str] = field(default_factory=Counter)
    samples: list[str] = field(default_factory=list)

    def merge(self, other: Reach) -> None:
        """Add another's counts; samples are filled up."""
        for name in ("slots", "asked", "held", "eligible", "won"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.stopped.update(other.stopped)
        self.beaten_by.update(other.beaten_by)
        self.samples = [*self.samples, *other.samples][:SAMPLES_MAX]


class Coverage:
    """Counts over the decisions of one catalogue, whose ids name the bits of a reason."""

    def __init__(self, ids: tuple[str, ...]) -> None:
        self.ids = ids
        self.decisions = 0
        self.campaigns = {name: Reach() for name in ids}
        self.moments: Counter[tuple[str, str]] = Counter()
        self.answered: Counter[tuple[str, str]] = Counter()
        self.together: Counter[tuple[str, str]] = Counter()

    def add(self, decision: Decision) -> None:
        """Count one decision; one that no auction took (a probe, a bot) counts for nothing."""
        if decision.reason not in ("won", "withheld", "no_eligible", "below_reserve", "explored"):
            return
        self.decisions += 1
        moment = (decision.stage, decision.trigger.kind)
        self.moments[moment] += 1
        why = dict(self._reasons(decision))
        for name, reach in self.campaigns.items():
            reason = why.get(name, "")
            if reason not in NO_SLOT:
                _count(reach, reason, name, decision)
        able = [each.campaign_id for each in decision.candidates]
        self.answered[moment] += bool(able)
        self.together.update(combinations(sorted(able), 2))

    def merge(self, other: Coverage) -> None:
        """Add the counts of other decisions of the same catalogue."""
        self.decisions += other.decisions
        for name, reach in other.campaigns.items():
            self.campaigns[name].merge(reach)
        for counts in ("moments", "answered", "together"):
            getattr(self, counts).update(getattr(other, counts))

    def _reasons(self, decision: Decision) -> Iterator[tuple[str, str]]:
        """(campaign, the reason that stopped it)."""
        for code, data in decision.reasons.items():
            mask = int.from_bytes(data, "little")
            while mask:
                bit = mask & -mask
                yield self.ids[bit.bit_length() - 1], code
                mask ^= bit


def _count(reach: Reach, reason: str, name: str, decision: Decision) -> None:
    reach.slots += 1
    if reason:
        reach.stopped[reason] += 1
    if reason in UNASKED:
        return
    reach.asked += 1
    if reason == CONDITION:
        return
    reach.held += 1
    if len(reach.samples) < SAMPLES_MAX:
        reach.samples.append(decision.slot_id)
    won = decision.campaign_id == name
    reach.won += won
    if won or reason in LOST:
        reach.eligible += 1
    if reason in LOST:
        reach.beaten_by[decision.campaign_id or "nothing"] += 1
