"""5 Closures of a condition: what runs for each campaign of each slot.

A fact of a wrong type counts as the name's zero in an order, and equals nothing else.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping

from msgspec import Struct

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


class Part(Struct, frozen=True):
    """A piece of a condition: its closure, the names and constants it reads, and its halves.

    `all_of` are the parts of a conjunction, `any_of` those of a disjunction.
    """

    holds: Holds
    names: frozenset[str] = frozenset()
    constants: tuple[int | str, ...] = ()
    all_of: tuple[Part, ...] = ()
    any_of: tuple[Part, ...] = ()


def both(parts: list[Part]) -> Part:
    """All of these parts; conjunctions within become part of the row."""
    if len(parts) == 1:
        return parts[0]
    flat = tuple(inner for each in parts for inner in (each.all_of or (each,)))
    return _joined(parts, conjunction([each.holds for each in parts]), all_of=flat)


def one_of(parts: list[Part]) -> Part:
    """Any of these parts."""
    if len(parts) == 1:
        return parts[0]
    flat = tuple(inner for each in parts for inner in (each.any_of or (each,)))
    return _joined(parts, disjunction([each.holds for each in parts]), any_of=flat)


def reversed_part(part: Part) -> Part:
    """Not this part; not (a or b) is known as not a and not b."""
    all_of = tuple(reversed_part(each) for each in part.any_of)
    any_of = tuple(reversed_part(each) for each in part.all_of)
    return Part(negation(part.holds), part.names, part.constants, all_of, any_of)


def _joined(
    parts: list[Part], holds: Holds, *, all_of: tuple[Part, ...] = (), any_of: tuple[Part, ...] = ()
) -> Part:
    names = frozenset().union(*(each.names for each in parts))
    constants = tuple(value for each in parts for value in each.constants)
    return Part(holds, names, constants, all_of, any_of)


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
