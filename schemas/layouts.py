"""2-7 Layouts: how state bytes of an earlier layout become those of the present one.

Each step takes the plain values of one layout and gives those of the next, so that a state written
by the first build goes through all of them. Values are appended or change their type in place;
what a layout does not have yet takes its default.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schemas.sections import Graph, packed

_INTERESTS, _HIDDEN, _TRENDS = 14, 19, 22
"""Places whose type or meaning changed."""

_FIELDS_1 = 26
"""Values of layout 1; its first builds wrote one fewer, a number."""

CATEGORY = "c"


def upgraded(fields: list[Any], layout: int) -> list[Any]:
    """The values of a profile of `layout` as those of the newest."""
    for step in _STEPS[layout - 1 :]:
        fields = step(fields)
    return fields


def _from_1(fields: list[Any]) -> list[Any]:
    """Interests become the graph's nodes; trends, which knew no time, start anew."""
    fields = fields + [0] * (_FIELDS_1 - len(fields))
    interests: dict[str, int] = fields[_INTERESTS]
    graph = Graph([CATEGORY + name for name in interests], list(interests.values()))
    fields[_INTERESTS] = packed(graph) if interests else b""
    fields[_TRENDS] = []
    top, total = max(interests.values(), default=0), sum(interests.values())
    return [*fields, [], top, total]


def _from_2(fields: list[Any]) -> list[Any]:
    """A hidden state has no mark yet, so the next event starts a new one."""
    fields[_HIDDEN] = b""
    return fields


_STEPS: tuple[Callable[[list[Any]], list[Any]], ...] = (_from_1, _from_2)
