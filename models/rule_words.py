"""5 Words of a condition: a text cut into tokens, each with its column."""

from __future__ import annotations

import re

from msgspec import Struct

TEXT_MAX = 1000
NUMBER, WORD, QUOTED, SIGN, END = "number", "word", "quoted", "sign", "end"
KEYWORDS = frozenset("and or not in true false".split())

_TOKEN = re.compile(
    r"(?P<number>-?[0-9]{1,15}(?:\.[0-9]{1,9})?(?:%|[A-Za-z]{1,9})?(?![\w.]))"
    r"|(?P<word>[^\W\d][\w-]*)"
    r"|(?P<quoted>'[^'\n]*'|\"[^\"\n]*\")"
    r"|(?P<sign><=|>=|==|!=|<>|[<>=(),\[\]])"
)
_BLANK = re.compile(r"\s*")


class RuleError(ValueError):
    """A condition that does not compile: what is wrong, at which column (from 1), and the fix."""

    def __init__(self, message: str, column: int, fix: str) -> None:
        super().__init__(f"column {column}: {message}; {fix}")
        self.message = message
        self.column = column
        self.fix = fix


class Token(Struct, frozen=True):
    """One word of a condition. `text` is bare (no quotes); `column` counts from 1."""

    kind: str
    text: str
    column: int

    @property
    def keyword(self) -> str:
        """`and or not in true false` in any case, else empty."""
        lowered = self.text.lower()
        return lowered if self.kind == WORD and lowered in KEYWORDS else ""

    def is_sign(self, *signs: str) -> bool:
        """Whether this is one of the given signs."""
        return self.kind == SIGN and self.text in signs


def tokens(text: str) -> list[Token]:
    """The words of `text`, closed by an END token. Raises RuleError."""
    if len(text) > TEXT_MAX:
        raise RuleError(f"{len(text)} characters are too many", TEXT_MAX, f"use at most {TEXT_MAX}")
    out = []
    at = _skip(text, 0)
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _unreadable(text, at)
        kind = match.lastgroup or ""
        word = match.group()
        out.append(Token(kind, word[1:-1] if kind == QUOTED else word, at + 1))
        at = _skip(text, match.end())
    out.append(Token(END, "", len(text) + 1))
    return out


def _skip(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _unreadable(text: str, at: int) -> RuleError:
    if text[at] in "'\"":
        return RuleError("a quote that never ends", at + 1, f"close it with {text[at]}")
    if text[at].isdigit() or text[at] == "-":
        return RuleError("not a number", at + 1, "write numbers like 3, 0.4, 40%, 40.50 or 20s")
    fixes = {"&": "write and", "|": "write or", "!": "write not"}
    fix = fixes.get(text[at], "put texts with such signs in quotes")
    return RuleError(f"unexpected {text[at]!r}", at + 1, fix)
