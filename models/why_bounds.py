"""7 Bounds: what a stretch of one concept can change, told from its two ends.

Conditions and offers compare moved numbers with their own; the auction compares scores. Where a
line meets none of its bounds, and no rival's best score reaches the winner's worst, nothing in
between differs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.names import NAMES, PPM
from models.rule_values import constant, operand
from models.rule_words import NUMBER, RuleError, tokens
from models.why_case import rule_of
from models.why_curve import Line
from schemas.campaign import Campaign

Span = tuple[str, int, int, bool]
"""Campaign, smallest and largest score, override."""


def stays(winner: str, spans: list[Span], least: int) -> bool:
    """Whether `winner` (empty for none) wins wherever the scores lie within their spans."""
    if any(override for _, _, _, override in spans):
        return False  # Two auctions in one: looked at value by value.
    if not winner:
        return all(high < least for _, _, high, _ in spans)
    (low,) = (low for name, low, _, _ in spans if name == winner)
    rivals = (high for name, _, high, _ in spans if name != winner)
    return low >= least and all(high < low for high in rivals)


def crosses(line: Line, bound: Line | int) -> bool:
    """Whether a line meets or passes its bound between the two ends."""
    low = int(line.min()) - int(np.max(bound))
    high = int(line.max()) - int(np.min(bound))
    return low <= 0 <= high and (low, high) != (0, 0)


def bounds(
    campaign: Campaign, lines: dict[str, Line], facts: dict[str, int | str]
) -> Iterator[tuple[str, Line | int]]:
    """(moved name, what it is compared with) of a condition: its constants, and other names."""
    if not campaign.when:
        return
    rule = rule_of(campaign.when)
    moved = [name for name in rule.names if name in lines and lines[name].ndim]
    if not moved:
        return
    for name in moved:
        for other in rule.names:
            if other != name and NAMES[other].type == PPM:
                known = facts.get(other, 0)
                assert isinstance(known, int)
                yield name, lines.get(other, known)
        for token in tokens(rule.text):
            if token.kind == NUMBER:
                try:
                    bound = constant(operand(token), NAMES[name])
                except RuleError:
                    continue  # A number of another type: a price, a count, a duration.
                assert isinstance(bound, int)
                yield name, bound
