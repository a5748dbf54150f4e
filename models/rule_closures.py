"""5 Closures of a condition: what runs for each campaign of each slot.

A fact of a wrong type counts as the name's zero in an order, and equals nothing else.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping

from models.names import Name

Facts = Mapping[str, int | str]
Holds = Callable[[Facts], bool]

_ORDERS: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def always(facts: Facts) -> bool:
    """The condition `true`."""
    return True


def never(facts: Facts) -> bool:
    """The condition `false`."""
    return False


def negation(part: Holds) -> Holds:
    """not part"""
    return lambda facts: not part(facts)


def conjunction(parts: list[Holds]) -> Holds:
    """All parts, stopping at the first that fails; a long row becomes a tree of pairs."""
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2:
        first, second = parts
        return lambda facts: first(facts) and second(facts)
    if len(parts) == 3:
        one, two, three = parts
        return lambda facts: one(facts) and two(facts) and three(facts)
    middle = len(parts) // 2
    return conjunction([conjunction(parts[:middle]), conjunction(parts[middle:])])


def disjunction(parts: list[Holds]) -> Holds:
    """Any part, stopping at the first that holds; a long row becomes a tree of pairs."""
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2:
        first, second = parts
        return lambda facts: first(facts) or second(facts)
    middle = len(parts) // 2
    return disjunction([disjunction(parts[:middle]), disjunction(parts[middle:])])


def member(name: Name, values: frozenset[int | str]) -> Holds:
    """name in values"""
    key, zero = name.name, name.zero
    return lambda facts: facts.get(key, zero) in values


def compared(name: Name, sign: str, value: int | str) -> Holds:
    """name sign constant"""
    key, zero = name.name, name.zero
    if sign == "==":
        return lambda facts: facts.get(key, zero) == value
    if sign == "!=":
        return lambda facts: facts.get(key, zero) != value
    order = _ORDERS[sign]
    assert isinstance(value, int)
    bound = value
    with_zero = order(0, bound)

    def holds(facts: Facts) -> bool:
        try:
            return order(facts.get(key, 0), bound)  # type: ignore[arg-type]
        except TypeError:
            return with_zero

    return holds


def names_compared(left: Name, sign: str, right: Name) -> Holds:
    """name sign name, both of one type"""
    one, one_zero, two, two_zero = left.name, left.zero, right.name, right.zero
    if sign == "==":
        return lambda facts: facts.get(one, one_zero) == facts.get(two, two_zero)
    if sign == "!=":
        return lambda facts: facts.get(one, one_zero) != facts.get(two, two_zero)
    order = _ORDERS[sign]

    def holds(facts: Facts) -> bool:
        first, second = facts.get(one, 0), facts.get(two, 0)
        return order(
            first if isinstance(first, int) else 0, second if isinstance(second, int) else 0
        )

    return holds
