"""7 What many compared decisions come to: counts by kind and cause, wins and cost, samples.

Totals of disjoint users merge, and no order of users or workers changes them: samples are those
with the smallest slot ids, which are hashes.
"""

from __future__ import annotations

from collections import Counter
from heapq import nsmallest

from msgspec import Struct, field
from msgspec.structs import replace

from models.why_changed import Change, Side, compared

SAMPLES_MAX = 5
"""Samples kept of each (kind, cause)."""

Group = tuple[str, str]
"""(kind, cause) of a change."""


class Totals(Struct):
    """Counts over slots, micros over charges of actions that were shown; a and b side by side."""

    events: int = 0
    users: int = 0
    users_changed: int = 0
    decisions: int = 0
    changed: int = 0
    first: int = 0
    groups: Counter[Group] = field(default_factory=Counter)
    moves: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    wins: tuple[Counter[str], Counter[str]] = field(default_factory=lambda: (Counter(), Counter()))
    charges: tuple[Counter[str], Counter[str]] = field(
        default_factory=lambda: (Counter(), Counter())
    )
    samples: dict[Group, list[Change]] = field(default_factory=dict)

    def add_user(self, pairs: list[tuple[Side | None, Side | None]], events: int) -> None:
        """Count one user's slots, in the order they were decided."""
        self.events += events
        self.users += 1
        self.decisions += len(pairs)
        known = False
        for pair in pairs:
            self._shown(pair)
            change = compared(*pair)
            if change is not None:
                self._changed(replace(change, first=not known))
                known = True
        self.users_changed += known

    def _shown(self, pair: tuple[Side | None, Side | None]) -> None:
        for side, wins, charges in zip(pair, self.wins, self.charges, strict=True):
            if side is not None and side.decision.render is not None:
                wins[side.decision.campaign_id] += 1
                charges[side.decision.campaign_id] += side.decision.charge_micros

    def _changed(self, change: Change) -> None:
        group = (change.kind, change.cause)
        self.changed += 1
        self.first += change.first
        self.groups[group] += 1
        self.moves[*group, change.before, change.after] += 1
        self.samples[group] = _smallest([*self.samples.get(group, ()), change])

    def merge(self, other: Totals) -> None:
        """Add the totals of other users."""
        for name in "events users users_changed decisions changed first".split():
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.groups.update(other.groups)
        self.moves.update(other.moves)
        for mine, theirs in zip(
            (*self.wins, *self.charges), (*other.wins, *other.charges), strict=True
        ):
            mine.update(theirs)
        for group, samples in other.samples.items():
            self.samples[group] = _smallest([*self.samples.get(group, ()), *samples])


def _smallest(changes: list[Change]) -> list[Change]:
    return nsmallest(SAMPLES_MAX, changes, key=lambda each: each.slot_id)
