"""4 Drift: do concepts and scores still look as they did, and do scores still come true?

psi     population stability index over the bins of a reference: sum of (now - then) ln(now / then).
        Below 0.1 nothing has moved, above 0.25 it has.
ece     expected calibration error: over 15 bins of equal mass, how far the mean score is from the
        share that came true, in ppm.

Neither is part of a decision. What follows from them does so through the log: a published
calibration error above ECE_MAX_PPM takes a model out of force (models/context.py).
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import log
from typing import Any

from msgspec import Struct

from schemas.ids import MILLION

ECE_BINS = 15
_KINDS = ("concept", "score")


class Reference(Struct, frozen=True):
    """A distribution at training: cuts in ppm, ascending, and the share of each bin they make."""

    cuts_ppm: tuple[int, ...]
    shares: tuple[float, ...]

    def bin_of(self, ppm: int) -> int:
        """Which bin a value falls into."""
        return bisect_right(self.cuts_ppm, ppm)


def references(card: Mapping[str, Any]) -> dict[str, Reference]:
    """Name -> its distribution by a model card's percentiles; none for a card without them."""
    out = {}
    for kind in _KINDS:
        for name, percentiles in card.get(f"{kind}_percentiles_ppm", {}).items():
            least: dict[int, int] = {}
            # Percentiles of one value make one cut: the bin below holds what is less.
            for percent, value in sorted((int(p[1:]), int(v)) for p, v in percentiles.items()):
                least.setdefault(value, percent)
            ends = [0, *least.values(), 100]
            shares = tuple((b - a) / 100 for a, b in pairwise(ends))
            out[name] = Reference(tuple(least), shares)
    return out


def references_in(card: str) -> dict[str, Reference]:
    """As `references`; none for text that is no such JSON: its maker's, and never an error."""
    try:
        return references(json.loads(card))
    except (ValueError, TypeError, AttributeError, OverflowError):
        return {}


def psi(reference: Reference, counts: Sequence[int]) -> float:
    """How far `counts` by bin have moved from the reference; 0 for no counts at all."""
    total = sum(counts)
    if not total:
        return 0.0
    # An empty bin counts as half of one, or a single missing value would be infinitely far.
    now = [max(count, 0.5) / total for count in counts]
    then = [max(share, 0.5 / total) for share in reference.shares]
    return sum((a - e) * log(a / e) for a, e in zip(now, then, strict=True))


def ece_ppm(said: Sequence[tuple[int, bool]]) -> int:
    """Calibration error of (score in ppm, whether it came true); 0 for none."""
    ordered = sorted(said)
    count, wrong = len(ordered), 0
    for at in range(ECE_BINS):
        part = ordered[at * count // ECE_BINS : (at + 1) * count // ECE_BINS]
        wrong += abs(sum(score for score, _ in part) - MILLION * sum(true for _, true in part))
    return wrong // count if count else 0
