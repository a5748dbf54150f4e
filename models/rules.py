"""5 Rules: the small, total, typed language of a campaign's `when`.

1. A text is cut into words (models/rule_words.py), parsed by descent, and typed against the one
   table of names (models/names.py): every comparison is between values of one type, and every
   number becomes ppm, micros, milliseconds or a count there and then.
2. What remains is a tree of closures over integers and texts: no lookup by attribute, no
   conversion, no failure at run time. A missing fact, or one of a wrong type, counts as zero.
3. `and` binds stronger than `or`, `not` strongest; both stop at the first answer.
"""

from __future__ import annotations

from msgspec import Struct

from models.names import FLAG, TEXT, Name, nearest
from models.rule_closures import (
    Holds,
    Part,
    always,
    both,
    compared,
    member,
    names_compared,
    never,
    one_of,
    reversed_part,
)
from models.rule_values import Operand, both_typed, constant, operand
from models.rule_words import END, KEYWORDS, SIGN, WORD, RuleError, Token, tokens

DEPTH_MAX = 20
NODES_MAX = 100

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_SPELLED = {"=": "==", "<>": "!="}


class Rule(Struct, frozen=True):
    """A compiled condition: `holds(facts)` never raises; `names` are those it reads, sorted.

    `parts` are what must all hold; models/rule_index.py looks campaigns up by them.
    """

    text: str
    names: tuple[str, ...]
    holds: Holds
    parts: tuple[Part, ...]


def compile_rule(text: str) -> Rule:
    """Compile a condition. Raises RuleError for anything that is not one."""
    parser = _Parser(tokens(text))
    whole = parser.whole()
    return Rule(text, tuple(sorted(whole.names)), whole.holds, whole.all_of or (whole,))


class _Parser:
    """One pass over the words; `nodes` bounds the tree."""

    def __init__(self, words: list[Token]) -> None:
        self.words = words
        self.at = 0
        self.nodes = 0

    def whole(self) -> Part:
        """The condition up to its end."""
        if self.here.kind == END:
            raise RuleError("an empty condition", 1, "leave `when` out to mean always")
        holds = self.either(0)
        if self.here.kind != END:
            raise self._stray()
        return holds

    @property
    def here(self) -> Token:
        """The word to read next."""
        return self.words[self.at]

    def take(self) -> Token:
        """Read one word; the END is never passed."""
        token = self.here
        if token.kind != END:
            self.at += 1
        return token

    def count(self) -> None:
        """One more node of the tree."""
        self.nodes += 1
        if self.nodes > NODES_MAX:
            raise RuleError(
                f"more than {NODES_MAX} parts", self.here.column, "make the condition shorter"
            )

    def either(self, depth: int) -> Part:
        """a or b or ..."""
        if depth > DEPTH_MAX:
            raise RuleError(
                f"nested deeper than {DEPTH_MAX}", self.here.column, "take parentheses out"
            )
        parts = [self.every(depth)]
        while self.here.keyword == "or":
            self.take()
            self.count()
            parts.append(self.every(depth))
        return one_of(parts)

    def every(self, depth: int) -> Part:
        """a and b and ..."""
        parts = [self.negated(depth)]
        while self.here.keyword == "and":
            self.take()
            self.count()
            parts.append(self.negated(depth))
        return both(parts)

    def negated(self, depth: int) -> Part:
        """not a; a row of `not` counts as depth."""
        negations = 0
        while self.here.keyword == "not":
            self.take()
            self.count()
            negations += 1
            if depth + negations > DEPTH_MAX:
                raise RuleError(
                    f"nested deeper than {DEPTH_MAX}", self.here.column, "take `not` out"
                )
        part = self.single(depth + negations)
        return reversed_part(part) if negations % 2 else part

    def single(self, depth: int) -> Part:
        """Parentheses, a comparison, a membership, or a flag by itself."""
        if self.here.is_sign("("):
            return self.parenthesis(depth)
        self.count()
        left = operand(self.take())
        sign = self.here
        if sign.is_sign("<", "<=", ">", ">=", "==", "!=", "=", "<>"):
            self.take()
            right = operand(self.take())
            self.refuse_chain()
            return self.comparison(left, _SPELLED.get(sign.text, sign.text), right, sign)
        if sign.keyword == "in":
            self.take()
            return self.member(left)
        if sign.keyword == "not" and self.words[self.at + 1].keyword == "in":
            self.take()
            self.take()
            return reversed_part(self.member(left))
        return self.flag(left)

    def parenthesis(self, depth: int) -> Part:
        """( condition )"""
        opened = self.take()
        holds = self.either(depth + 1)
        if not self.here.is_sign(")"):
            if self.here.kind == END:
                raise RuleError("a parenthesis that never ends", opened.column, "close it with )")
            raise self._stray()
        self.take()
        return holds

    def refuse_chain(self) -> None:
        """a < b < c reads well but is two comparisons."""
        if self.here.kind == SIGN and self.here.text not in (")", "]", ",", "(", "["):
            raise RuleError("two comparisons in a row", self.here.column, "write a < b and b < c")

    def comparison(self, left: Operand, sign: str, right: Operand, at: Token) -> Part:
        """Both sides typed, the name to the left."""
        if left.name is None and right.name is not None:
            left, right, sign = right, left, _MIRRORED[sign]
        left, right = both_typed(left, right, at)
        assert left.name is not None
        if left.name.type in (TEXT, FLAG) and sign not in ("==", "!="):
            raise RuleError(
                f"{left.name.name} is a {left.name.type} and has no order",
                at.column,
                "compare it with ==, != or in",
            )
        if right.name is not None:
            names = frozenset((left.name.name, right.name.name))
            return Part(names_compared(left.name, sign, right.name), names)
        value = constant(right, left.name)
        return Part(compared(left.name, sign, value), frozenset((left.name.name,)), (value,))

    def member(self, left: Operand) -> Part:
        """name in [a, b]"""
        name = left.name
        if name is None:
            raise (
                left.unknown()
                if left.token.kind == WORD
                else RuleError(
                    "`in` needs a name on its left", left.token.column, "write stage in [cart]"
                )
            )
        if not self.here.is_sign("["):
            raise RuleError("`in` needs a list", self.here.column, "write stage in [cart, browse]")
        self.take()
        values = [self.item(name)]
        while self.here.is_sign(","):
            self.take()
            values.append(self.item(name))
        if not self.here.is_sign("]"):
            raise RuleError("a list that does not end here", self.here.column, "close it with ]")
        self.take()
        known = frozenset(values)
        return Part(member(name, known), frozenset((name.name,)), tuple(known))

    def item(self, name: Name) -> int | str:
        """One value of a list: never a name."""
        self.count()
        return constant(operand(self.take()), name)

    def flag(self, left: Operand) -> Part:
        """A flag stands by itself; `true` and `false` too."""
        if left.token.keyword in ("true", "false"):
            return Part(always if left.token.keyword == "true" else never)
        if left.name is None:
            raise left.unknown()
        if left.name.type != FLAG:
            raise RuleError(
                f"{left.name.name} is a {left.name.type} and needs a comparison",
                left.token.column,
                f"write {left.name.name} == ... or {left.name.name} in [...]"
                if left.name.type == TEXT
                else f"write {left.name.name} >= ...",
            )
        return Part(compared(left.name, "!=", 0), frozenset((left.name.name,)), (0,))

    def _stray(self) -> RuleError:
        here = self.here
        if here.kind == END:
            return RuleError("the condition stops too early", here.column, "finish it")
        close = nearest(here.text, tuple(KEYWORDS)) if here.kind == WORD else ""
        fix = f"write {close}" if close else "join conditions with and, or"
        return RuleError(f"unexpected {here.text!r}", here.column, fix)


__all__ = ["Rule", "RuleError", "compile_rule"]
