"""5 Values of a condition: words become names or typed constants, in integers at once."""

from __future__ import annotations

import re
from decimal import Decimal

from msgspec import Struct

from models.names import (
    COUNT,
    DURATION,
    FLAG,
    HOW_WRITTEN,
    MONEY,
    NAMES,
    PPM,
    TEXT,
    TEXT_MAX,
    Name,
    nearest,
)
from models.rule_words import END, NUMBER, QUOTED, SIGN, WORD, RuleError, Token

UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_NUMBER = re.compile(r"(-?[0-9.]+)(.*)", re.ASCII)


class Operand(Struct, frozen=True):
    """One side of a comparison; `name` is None for a constant."""

    token: Token
    name: Name | None

    def unknown(self) -> RuleError:
        """Why this cannot stand where a name is needed."""
        token = self.token
        if token.kind != WORD:
            return RuleError(
                "a value alone is no condition", token.column, "compare a name with it"
            )
        close = nearest(token.text, tuple(NAMES))
        fix = f"did you mean {close}?" if close else "`kairos campaigns names` lists all names"
        return RuleError(f"unknown name {token.text!r}", token.column, fix)


def operand(token: Token) -> Operand:
    """A name or a constant. Raises RuleError where neither stands."""
    if token.kind == END:
        raise RuleError("the condition stops too early", token.column, "finish it")
    if token.kind == SIGN:
        raise RuleError(
            f"a name or a value is missing before {token.text!r}", token.column, "write one there"
        )
    if token.keyword in ("and", "or", "not", "in"):
        raise RuleError(
            f"a name or a value is missing before {token.text!r}",
            token.column,
            f"write one there, or put '{token.text}' in quotes if it is a text",
        )
    return Operand(token, NAMES.get(token.text) if token.kind == WORD else None)


def both_typed(left: Operand, right: Operand, sign: Token) -> tuple[Operand, Operand]:
    """Both sides of a comparison, a name on the left. Raises RuleError if they cannot compare.

    Against a text name a bare word is a text, even one that names something of another type:
    `trigger == dwell`.
    """
    if left.name is None:
        for side in (left, right):
            if side.token.kind == WORD and not side.token.keyword:
                raise side.unknown()
        raise RuleError("this compares two fixed values", sign.column, "put a name on one side")
    if right.name is None or left.name.type == right.name.type:
        return left, right
    if left.name.type == TEXT:
        return left, Operand(right.token, None)
    if right.name.type == TEXT:
        return right, Operand(left.token, None)
    raise RuleError(
        f"{left.name.name} is a {left.name.type}, {right.name.name} is a {right.name.type}",
        sign.column,
        "compare names of one type",
    )


def constant(side: Operand, name: Name) -> int | str:
    """The value of a constant in the units of `name`. Raises RuleError."""
    token = side.token
    if name.type == TEXT:
        return _text(token, name)
    if name.type == FLAG:
        if token.keyword in ("true", "false"):
            return int(token.keyword == "true")
        raise _wrong(token, name)
    if token.kind != NUMBER:
        if token.kind == WORD and nearest(token.text, tuple(NAMES)):
            raise Operand(token, None).unknown()
        raise _wrong(token, name)
    value = _number(token, name)
    if not name.low <= value <= name.high:
        raise RuleError(
            f"{token.text} is outside what {name.name} can be",
            token.column,
            f"write {HOW_WRITTEN[name.type]}"
            if name.type not in (COUNT,)
            else f"write a whole number from {name.low} to {name.high}",
        )
    return value


def _wrong(token: Token, name: Name) -> RuleError:
    return RuleError(
        f"{token.text!r} does not fit {name.name}, a {name.type}",
        token.column,
        f"write {HOW_WRITTEN[name.type]}",
    )


def _text(token: Token, name: Name) -> str:
    if token.kind not in (WORD, QUOTED) or (token.keyword and token.kind == WORD):
        raise RuleError(
            f"{token.text!r} is no text, and {name.name} is one",
            token.column,
            "put it in quotes",
        )
    if len(token.text) > TEXT_MAX:
        raise RuleError(
            f"a text of {len(token.text)} characters never matches",
            token.column,
            f"use at most {TEXT_MAX}: longer ones are cut when they arrive",
        )
    if name.choices and token.text not in name.choices:
        close = nearest(token.text, name.choices)
        fix = f"did you mean {close}?" if close else "use one of " + ", ".join(name.choices)
        raise RuleError(f"{name.name} is never {token.text!r}", token.column, fix)
    return token.text


def _number(token: Token, name: Name) -> int:
    """The number in the units of `name`, exactly."""
    match = _NUMBER.fullmatch(token.text)
    assert match is not None
    digits, unit = Decimal(match[1]), match[2]
    if name.type == PPM and unit in ("", "%"):
        return _whole(digits * (1_000_000 if not unit else 10_000), token, name)
    if name.type == MONEY and not unit:
        return _whole(digits * 1_000_000, token, name)
    if name.type == COUNT and not unit:
        return _whole(digits, token, name)
    if name.type == DURATION and unit in UNITS_MS:
        return _whole(digits * UNITS_MS[unit], token, name)
    raise _wrong(token, name)


def _whole(value: Decimal, token: Token, name: Name) -> int:
    if value != int(value):
        raise RuleError(
            f"{token.text} is finer than {name.name} can be",
            token.column,
            f"write {HOW_WRITTEN[name.type]}",
        )
    return int(value)
