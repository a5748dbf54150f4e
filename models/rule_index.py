"""5 Rule index: the conditions of a whole catalogue answered at once, by the names they read.

Bit i of a mask stands for campaign i.

1. A condition is a row of parts that must all hold. A part that reads one name only, against fixed
   values, changes its verdict at those values alone: it is asked once on each side of each of them,
   when the catalogue is compiled.
2. So for each name there is a table from its value to the mask of campaigns that fail by it: a
   sorted list of edges for numbers, a map for texts.
3. A slot costs one look-up a name, whatever the number of campaigns. Parts with `or` over several
   names, or that compare two names, are the rest: they are asked one by one, and only of campaigns
   that nothing else has ruled out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from models.names import NAMES, TEXT
from models.rule_closures import Facts, Holds, Part, conjunction
from models.rules import Rule

OTHER_TEXT = "\0"
"""A text that no condition can name."""


class RuleIndex(Struct, frozen=True):
    """Who fails by what: (name, edges, mask between edges), (name, mask by text, mask of others).

    `rest` holds what is left to ask of a campaign, by its number, and `rest_mask` who has some.
    """

    numbers: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]
    texts: tuple[tuple[str, dict[str, int], int], ...]
    rest: dict[int, Holds]
    rest_mask: int
    never: int

    def failing(self, facts: Facts, among: int) -> int:
        """The mask of campaigns whose condition does not hold; exact for those in `among`."""
        fails = self.never
        for name, edges, masks in self.numbers:
            fails |= masks[bisect_right(edges, facts.get(name, 0))]
        for name, by_text, others in self.texts:
            fails |= by_text.get(facts.get(name, ""), others)  # type: ignore[arg-type]
        asked = among & self.rest_mask & ~fails
        while asked:
            bit = asked & -asked
            if not self.rest[bit.bit_length() - 1](facts):
                fails |= bit
            asked ^= bit
        return fails


def index_of(rules: Sequence[Rule | None]) -> RuleIndex:
    """The index of a catalogue's conditions, None for a campaign without one."""
    by_name: dict[str, list[tuple[int, Part]]] = {}
    rest: dict[int, Holds] = {}
    never = 0
    for number, rule in enumerate(rules):
        left = []
        for part in rule.parts if rule is not None else ():
            if len(part.names) == 1:
                by_name.setdefault(next(iter(part.names)), []).append((1 << number, part))
            elif part.names:
                left.append(part.holds)
            elif not part.holds({}):
                never |= 1 << number
        if left:
            rest[number] = conjunction(left)
    numbers, texts = [], []
    for name in sorted(by_name):
        if NAMES[name].type == TEXT:
            texts.append((name, *_by_text(name, by_name[name])))
        else:
            numbers.append((name, *_by_number(name, by_name[name])))
    mask = sum(1 << number for number in rest)
    return RuleIndex(tuple(numbers), tuple(texts), rest, mask, never)


def _by_number(name: str, parts: list[tuple[int, Part]]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Edges in order, and the failing mask below the first, between two, and from the last on.

    Each part is asked on its own stretches only; from one stretch to the next its bit may toggle.
    One campaign may have several parts on one name, so bits are counted until the end.
    """
    steps: dict[int, dict[int, int]] = {}
    count: dict[int, int] = {}
    for bit, part in parts:
        edges = own_edges(part)
        before = not part.holds({name: edges[0] - 1 if edges else 0})
        count[bit] = count.get(bit, 0) + before
        for edge in edges:
            fails = not part.holds({name: edge})
            if fails != before:
                step = steps.setdefault(edge, {})
                step[bit] = step.get(bit, 0) + fails - before
            before = fails
    mask = sum(bit for bit, failed in count.items() if failed)
    masks = [mask]
    for edge in sorted(steps):
        for bit, change in steps[edge].items():
            count[bit] += change
            mask = mask | bit if count[bit] else mask & ~bit
        masks.append(mask)
    return tuple(sorted(steps)), tuple(masks)


def _by_text(name: str, parts: list[tuple[int, Part]]) -> tuple[dict[str, int], int]:
    """The failing mask of each text that some part names, and of all others."""
    values = sorted({str(value) for _, part in parts for value in part.constants})
    naming: dict[str, list[tuple[int, Part]]] = {value: [] for value in values}
    by_other: dict[int, int] = {}
    for bit, part in parts:
        by_other[bit] = by_other.get(bit, 0) + (not part.holds({name: OTHER_TEXT}))
        for value in set(part.constants):
            naming[str(value)].append((bit, part))
    others = sum(bit for bit, failed in by_other.items() if failed)
    out = {}
    for value in values:
        mask, count = others, dict[int, int]()
        for bit, part in naming[value]:
            now, other = not part.holds({name: value}), not part.holds({name: OTHER_TEXT})
            count[bit] = count.get(bit, by_other[bit]) + now - other
            mask = mask | bit if count[bit] else mask & ~bit
        out[value] = mask
    return out, others


def own_edges(part: Part) -> list[int]:
    """Numbers at which the verdict of a part of one name may change, ascending."""
    values: list[Any] = list(part.constants)
    return sorted({edge for value in values for edge in (value, value + 1)})
