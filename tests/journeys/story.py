"""A story: header, prose, steps and what is expected after each, as one text file.

The form is in tests/journeys/README.md. Reading is strict: a line that is no step, no prose and no
expectation is an error with its number.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

STORIES = Path(__file__).parent / "stories"
HEADER = frozenset(("title", "promises", "site", "campaigns", "channels", "model", "policy"))
_UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_TIME = re.compile(r"(?:\d+(?:ms|d|h|m|s))+")
_PART = re.compile(r"(\d+)(ms|d|h|m|s)")


class BadStory(Exception):
    """A story that cannot be read; the message names file, line and fix."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of what happened: at `at_ms` after the beginning, a word, and its arguments."""

    at_ms: int
    word: str
    what: tuple[str, ...]
    named: dict[str, str]


@dataclass(frozen=True, slots=True)
class Story:
    """A file: its header, and its lines, of which steps are `Step` and all others text."""

    name: str
    header: dict[str, Any]
    head: str
    lines: tuple[str | tuple[str, Step], ...] = field(default=())

    @property
    def promises(self) -> tuple[str, ...]:
        """Ids of the rows of docs/promises.yaml that the story shows."""
        return tuple(str(self.header["promises"]).split())

    def section(self, name: str) -> str:
        """One entry of the header as it is written: campaigns.yaml has a reader of its own."""
        found = re.search(rf"^{name}:.*\n(?:[ #].*\n)*", self.head, re.MULTILINE)
        return found[0] if found else ""


def every_story() -> list[Path]:
    """The files, by name."""
    return sorted(STORIES.glob("*.txt"))


def read(path: Path) -> Story:
    """Read a story without what it expects. Raises BadStory."""
    text = path.read_text(encoding="utf-8")
    head, mark, body = text.partition("\n---\n")
    try:
        header = yaml.safe_load(head)
    except yaml.YAMLError as bad:
        raise BadStory(f"{path}:1: the header is no YAML: {bad}") from bad
    if not mark or not isinstance(header, dict) or not {"title", "promises"} <= header.keys():
        raise BadStory(f"{path}:1: begin with title and promises, and end the header with ---")
    unknown = header.keys() - HEADER
    if unknown:
        raise BadStory(f"{path}:1: {min(unknown)}: a header has {', '.join(sorted(HEADER))}")
    first = head.count("\n") + 3
    lines: list[str | tuple[str, Step]] = []
    for number, line in enumerate(body.splitlines(), first):
        if line != line.rstrip():
            raise BadStory(f"{path}:{number}: blanks at the end of the line")
        if line.startswith(" "):
            continue
        lines.append((line, _step(line, f"{path}:{number}")) if line[:1].isdigit() else line)
    return Story(path.stem, header, head + mark, tuple(lines))


def _step(line: str, where: str) -> Step:
    when, *words = shlex.split(line)
    if not _TIME.fullmatch(when) or not words:
        raise BadStory(f"{where}: a step is a time such as 1m05s and what happened")
    word, *rest = words
    named = dict(each.split("=", 1) for each in rest if "=" in each)
    return Step(duration_ms(when), word, tuple(each for each in rest if "=" not in each), named)


def duration_ms(text: str) -> int:
    """`1h5m`, `20s`, `300ms` in milliseconds."""
    return sum(int(number) * _UNITS_MS[unit] for number, unit in _PART.findall(text))


def duration_text(ms: int) -> str:
    """Milliseconds as a story writes them."""
    out = ""
    for unit, size in _UNITS_MS.items():
        number, ms = divmod(ms, size)
        out += f"{number}{unit}" if number else ""
    return out or "0s"
