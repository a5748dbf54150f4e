"""5 Rule limits: what a condition can ever be, worked out from its text alone.

A part that reads one name changes its verdict only at the values it names, so asking it there and
on both sides answers for all values. If some name has no value at which all parts on it hold, the
condition never holds; if every part holds at every value, it always does. Conditions that weigh
several names against each other are left open: what is said here is certain, but not all is said.
"""

from __future__ import annotations

from collections.abc import Mapping

from models.names import NAMES, TEXT, Name
from models.rule_closures import Part
from models.rule_index import OTHER_TEXT, own_edges
from models.rules import Rule

NEVER, ALWAYS, DEPENDS = "never", "always", "depends"
Allowed = Mapping[str, tuple[str, ...]]
"""Name -> the texts it may have here, from a campaign's other fields."""


def verdict(rule: Rule, allowed: Allowed) -> tuple[str, str]:
    """(never, always or depends, the name that makes it never)."""
    by_name: dict[str, list[Part]] = {}
    surely = True
    for part in rule.parts:
        if len(part.names) == 1:
            by_name.setdefault(next(iter(part.names)), []).append(part)
        elif part.names:
            surely = False
        elif not part.holds({}):
            return NEVER, ""
    for name in sorted(by_name):
        parts = by_name[name]
        verdicts = [
            all(part.holds({name: value}) for part in parts)
            for value in _values(NAMES[name], parts, allowed.get(name, ()))
        ]
        if not any(verdicts):
            return NEVER, name
        surely = surely and all(verdicts)
    return (ALWAYS if surely else DEPENDS), ""


def _values(name: Name, parts: list[Part], allowed: tuple[str, ...]) -> list[int] | list[str]:
    """Values that stand for all that the name can have."""
    if name.type == TEXT:
        if allowed or name.choices:
            return [each for each in name.choices or allowed if each in (allowed or name.choices)]
        named = {str(value) for part in parts for value in part.constants}
        return [*sorted(named), OTHER_TEXT]
    edges = {edge for part in parts for edge in own_edges(part)}
    return sorted({name.low, *(edge for edge in edges if name.low <= edge <= name.high)})
