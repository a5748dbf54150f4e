"""What commands print: results on stdout, progress on stderr, errors as one clear sentence."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


class CommandError(Exception):
    """A command failed for a reason its user can act on: one sentence, naming field and fix."""

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def progress(text: str) -> None:
    """Tell how far a command is, on stderr, so that stdout holds the result alone."""
    print(text, file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """One JSON value on one line of stdout; keys keep their order."""
    print(json.dumps(value, ensure_ascii=False, separators=(",", ":")), flush=True)


def print_result(value: Mapping[str, Any], *, as_json: bool, lines: Iterable[str]) -> None:
    """The result of a command: one JSON object with --json, else lines for a person."""
    if as_json:
        print_json(value)
        return
    for line in lines:
        print(line)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Rows as aligned columns under a head; numbers to the right, None as `-`."""
    body = [["-" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    numeric = [_is_numeric(row[i] for row in body) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        fitted = zip(cells, widths, numeric, strict=True)
        return "  ".join(c.rjust(w) if n else c.ljust(w) for c, w, n in fitted).rstrip()

    return [line(head), *(line(row) for row in body)]


def _is_numeric(cells: Iterable[str]) -> bool:
    seen = list(cells)
    return bool(seen) and all(cell.replace(".", "", 1).lstrip("-").isdigit() for cell in seen)
