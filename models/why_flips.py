"""7 Flips: the smallest change of one concept that gives another winner, or other bidders.

The search is exact: every ppm of every concept is looked at, nearest first, so no smaller change
of the same concept does it.

1. A ring is a stretch of values at growing distance, in one direction. Scores along it come from
   models/why_curve.py.
2. Conditions and offers can only change where a moved number meets a number of theirs, so a ring
   falls into segments; one question to the definition in each gives its bidders and bids.
3. Inside a segment only qualities move: the best score, ties as in the auction, names the winner.
4. The ends of a stretch bound every score between them: one that can hold no flip is passed over,
   the rest is halved.
5. What is found is asked of the definition once more, and so is the value one ppm nearer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from models.offers import RISK
from models.why_auction import Lot
from models.why_bounds import Span, bounds, crosses, stays
from models.why_case import Case, Outcome
from models.why_curve import Line, quality_line, score_bounds, score_lines
from schemas.ids import MILLION

WINNER, ELIGIBILITY = "winner", "eligibility"
RING_FIRST, RING_MAX = 1 << 10, 1 << 17
LEAF = 1 << 11
"""Values that are looked at one by one."""

_INT64_SAFE = 1 << 42
"""Bids in micros up to here times a quality stay within 64 bits."""


class Flip(Struct, frozen=True):
    """One concept at `to_ppm` instead of `from_ppm` changes the winner or the bidders.

    `gained` and `lost` are campaigns that bid only after, or only before, the change.
    """

    kind: str
    concept: str
    from_ppm: int
    to_ppm: int
    before: str
    after: str
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()

    @property
    def change_ppm(self) -> int:
        """How far the concept moves, with its sign."""
        return self.to_ppm - self.from_ppm


def flips(case: Case) -> list[Flip]:
    """The smallest change of each concept and kind, the smallest of all first.

    Empty without a model or the facts, and where the slot's winner was drawn by lot.
    """
    model = case.view.model
    concepts = list(case.decision.concepts.values())
    if model is None or case.facts is None or not concepts or case.decision.explored:
        return []
    search = _Search(case, concepts)
    if search.now.winner != case.decision.campaign_id:
        return []
    found = [each for at in range(len(concepts)) for each in search.along(at)]
    order = {name: at for at, name in enumerate(model.concepts)}
    return sorted(found, key=lambda each: (abs(each.change_ppm), order[each.concept], each.kind))


def smallest(found: Sequence[Flip], kind: str) -> Flip | None:
    """The smallest change of a kind."""
    return next((each for each in found if each.kind == kind), None)


class _Search:
    """One case's lines; `now` is the outcome as it was."""

    def __init__(self, case: Case, concepts: list[int]) -> None:
        self.case = case
        self.concepts = concepts
        self.now = case.outcome(case.table(concepts))
        self.contenders = case.contenders()
        self.campaigns = case.campaigns
        self.least = max(case.decision.nothing.score, 1)
        assert case.view.model is not None
        self.model = case.view.model
        knots = [head.calibration_y for head in self.model.heads]
        self.monotone = all(list(each) == sorted(each) for each in knots)

    def along(self, at: int) -> Iterator[Flip]:
        """The nearest flip of each kind along concept number `at`."""
        wanted = {WINNER, ELIGIBILITY}
        for values in _rings(self.concepts[at]):
            found = self._nearest(at, values, wanted)
            for kind, value in sorted(found.items()):
                yield self._flip(kind, at, value)
            wanted -= found.keys()
            if not wanted:
                return

    def _nearest(self, at: int, rings: list[Line], wanted: set[str]) -> dict[str, int]:
        """kind -> value, the nearest in either direction at one distance; up goes first."""
        best: dict[str, int] = {}
        for values in rings:
            for kind, value in self._first(at, values, wanted).items():
                nearer = abs(value - self.concepts[at]) < abs(
                    best.get(kind, 2 * MILLION) - self.concepts[at]
                )
                if nearer or kind not in best:
                    best[kind] = value
        return best

    def _first(self, at: int, values: Line, wanted: set[str]) -> dict[str, int]:
        """kind -> the first of `values` at which it flips; quiet stretches are not looked at."""
        if len(values) > LEAF and self.monotone and self._quiet(at, values):
            return {}
        if len(values) <= LEAF or not self.monotone:
            return self._scan(at, values, wanted)
        half = len(values) // 2
        found = self._first(at, values[:half], wanted)
        missing = wanted - found.keys()
        return {**self._first(at, values[half:], missing), **found} if missing else found

    def _quiet(self, at: int, values: Line) -> bool:
        """Whether nothing can differ from now between the ends, by the bounds of all lines."""
        outcome = self.outcome(at, int(values[0]))
        if outcome != replace(self.now, lots=outcome.lots):
            return False
        lines = self._bounds(at, values)
        if any(crosses(*pair) for pair in self._compared(lines)):
            return False
        return stays(self.now.winner, self._spans(outcome.lots, lines), self.least)

    def _spans(self, lots: tuple[Lot, ...], lines: dict[str, Line]) -> list[Span]:
        """(campaign, smallest and largest score between the ends, override) of each bidder."""
        out = []
        for lot in lots:
            campaign = self.campaigns[lot.campaign_id]
            low = high = campaign.base_ppm * MILLION
            for name, weight in campaign.response.items():
                line = lines.get(name, np.asarray(0))
                ends = (weight * int(line.min()), weight * int(line.max()))
                low, high = low + min(ends), high + max(ends)
            low, high = (min(max(each // MILLION, 0), MILLION) for each in (low, high))
            out.append((lot.campaign_id, lot.bid_micros * low, lot.bid_micros * high, lot.override))
        return out

    def _scan(self, at: int, values: Line, wanted: set[str]) -> dict[str, int]:
        """As `_first`, by looking at every value."""
        found: dict[str, int] = {}
        lines = self._lines(at, values)
        for start, end in _segments(self._marks(lines, len(values)), len(values)):
            outcome = self.outcome(at, int(values[start]))
            if ELIGIBILITY in wanted - found.keys() and outcome.eligible != self.now.eligible:
                found[ELIGIBILITY] = int(values[start])
            if WINNER in wanted - found.keys():
                place = self._other_winner(outcome, lines, start, end)
                if place is not None:
                    found[WINNER] = int(values[place])
            if wanted <= found.keys():
                break
        return found

    def outcome(self, at: int, value: int) -> Outcome:
        """What is decided where concept number `at` has this value."""
        concepts = [*self.concepts]
        concepts[at] = value
        return self.case.outcome(self.case.table(concepts))

    def _lines(self, at: int, values: Line) -> dict[str, Line]:
        """Every score and concept along the values; those that stay are single numbers."""
        moved = score_lines(self.model.heads, self.concepts, at, values)
        return {**self._still(), **moved, self.model.concepts[at]: values}

    def _bounds(self, at: int, values: Line) -> dict[str, Line]:
        """As `_lines`, but the least and the most of each between the first and the last value."""
        ends = (int(values[0]), int(values[-1]))
        moved = score_bounds(self.model.heads, self.concepts, at, ends)
        return {**self._still(), **moved, self.model.concepts[at]: values[[0, -1]]}

    def _still(self) -> dict[str, Line]:
        known = dict(zip(self.model.concepts, self.concepts, strict=True))
        known |= {head.name: self.case.decision.scores[head.name] for head in self.model.heads}
        return {name: np.asarray(value, np.int64) for name, value in known.items()}

    def _marks(self, lines: dict[str, Line], size: int) -> list[Line]:
        """Sides of every bound: where none of them changes, bidders and bids stay."""
        marks = [np.sign(line - bound) for line, bound in self._compared(lines)]
        return [each for each in marks if each.shape == (size,)]

    def _compared(self, lines: dict[str, Line]) -> Iterator[tuple[Line, Line | int]]:
        """(line, bound) of all that conditions and offers compare."""
        for campaign in self.contenders:
            for offer in campaign.offers:
                if RISK in lines and lines[RISK].ndim:
                    yield lines[RISK], offer.risk_ppm
            for name, bound in bounds(campaign, lines, self.case.facts or {}):
                yield lines[name], bound

    def _other_winner(
        self, outcome: Outcome, lines: dict[str, Line], start: int, end: int
    ) -> int | None:
        """The first place in [start, end) with another winner; bids stay there."""
        if not outcome.lots:
            return start if self.now.winner else None
        # Ties go as in the auction: the first of equal scores in this order.
        order = sorted(outcome.lots, key=lambda lot: (-lot.priority, lot.campaign_id.encode()))
        cut = {name: line[start:end] if line.ndim else line for name, line in lines.items()}
        rows = np.array([self._scores(lot, cut, end - start) for lot in order])
        sell = rows >= self.least
        first = sell & np.array([[lot.override] for lot in order])
        # Who goes before by override is compared with its like only; scores stay as they are.
        allowed = np.where(first.any(axis=0), first, sell)
        best = np.where(allowed, rows, -1).argmax(axis=0)
        sells = allowed.any(axis=0)
        names = [lot.campaign_id for lot in order]
        if self.now.winner in names:
            other = ~(sells & (best == names.index(self.now.winner)))
        else:
            other = sells if not self.now.winner else np.ones(end - start, bool)
        places = np.flatnonzero(other)
        return start + int(places[0]) if len(places) else None

    def _scores(self, lot: Lot, lines: dict[str, Line], size: int) -> Line:
        campaign = self.campaigns[lot.campaign_id]
        quality = np.broadcast_to(
            quality_line(campaign.base_ppm, campaign.response, lines), (size,)
        )
        if lot.bid_micros > _INT64_SAFE:
            return np.array([lot.bid_micros * int(each) for each in quality], object)
        return np.asarray(lot.bid_micros * quality)

    def _flip(self, kind: str, at: int, value: int) -> Flip:
        """The flip at a value, confirmed there, and refused one ppm nearer."""
        here = self.concepts[at]
        then = self.outcome(at, value)
        nearer = self.outcome(at, value + (1 if value < here else -1))
        assert _differs(kind, self.now, then) and not _differs(kind, self.now, nearer)
        before, after = set(self.now.eligible), set(then.eligible)
        return Flip(
            kind,
            self.model.concepts[at],
            here,
            value,
            self.now.winner,
            then.winner,
            tuple(sorted(after - before)),
            tuple(sorted(before - after)),
        )


def _differs(kind: str, one: Outcome, two: Outcome) -> bool:
    return one.winner != two.winner if kind == WINNER else one.eligible != two.eligible


def _rings(here: int) -> Iterator[list[Line]]:
    """Values at growing distance from `here`, up and down, nearest first within each."""
    near, size = 0, RING_FIRST
    while near < MILLION:
        far = near + size
        up = np.arange(here + near + 1, min(here + far, MILLION) + 1, dtype=np.int64)
        down = np.arange(here - near - 1, max(here - far, 0) - 1, -1, dtype=np.int64)
        yield [each for each in (up, down) if len(each)]
        near, size = far, min(size * 4, RING_MAX)


def _segments(marks: list[Line], size: int) -> Iterator[tuple[int, int]]:
    """[start, end) stretches in which no mark changes."""
    cuts = {0, size}
    for mark in marks:
        cuts.update((np.flatnonzero(mark[1:] != mark[:-1]) + 1).tolist())
    places = sorted(cuts)
    yield from pairwise(places)
