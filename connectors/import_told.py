"""One thing that another system recorded, and how its values are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from connectors.file_fields import Problems
from connectors.human_units import BadValue
from gateway.money import BadMoney, to_micros
from schemas.event import Product, Source

AT_MS_MIN, AT_MS_MAX = 946_684_800_000, 4_102_444_800_000
"""2000 to 2100: a time outside is another unit or a mistake."""

TEXT_MAX = 512
Row = dict[str, Any]


class Told(Struct, frozen=True, gc=False):
    """What happened, in our words. `visitor` is a device's id, `known` a customer's; one is set.

    `session` is the source's own name of a visit, "" where it has none; `event_id` likewise.
    """

    line: int
    at_ms: int
    type: str
    visitor: str = ""
    known: str = ""
    session: str = ""
    event_id: str = ""
    url: str = ""
    title: str = ""
    product: Product | None = None
    source: Source | None = None
    value_micros: int | None = None


class BadCell(Exception):
    """A field that cannot be read; `error` says what it is and `fix` what to do."""

    def __init__(self, field: str, error: str, fix: str) -> None:
        super().__init__(f"{field}: {error}; {fix}")
        self.field, self.error, self.fix = field, error, fix


def json_lines(
    path: Path, problems: Problems, told: Callable[[int, Row], Iterator[Told]]
) -> Iterator[Told]:
    """What each line of a file of JSON objects tells; bad lines are noted. Raises OSError."""
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                yield from told(number, decode(line))
            except msgspec.DecodeError as wrong:
                problems.add(number, "line", str(wrong), "write one JSON object a line")
            except BadCell as wrong:
                problems.add(number, wrong.field, wrong.error, wrong.fix)


def moment_ms(field: str, value: Any, units_a_ms: int = 1) -> int:
    """Epoch time in any unit, or ISO 8601 with its zone. Raises BadCell."""
    text = "" if value is None else str(value).strip()
    fix = "write it like 2026-03-01T12:00:00Z"
    if text.lstrip("-").isdigit():
        at_ms = int(text) // units_a_ms
    else:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise BadCell(field, f"{text[:40]!r} is no time", fix) from None
        if moment.tzinfo is None:
            raise BadCell(field, f"{text!r} has no time zone", f"{fix}, with Z or +01:00")
        at_ms = round(moment.timestamp() * 1000)
    if not AT_MS_MIN <= at_ms < AT_MS_MAX:
        raise BadCell(field, f"{text[:40]} is not between 2000 and 2100", "check its unit")
    return at_ms


def money_micros(field: str, value: Any) -> int:
    """An amount as text or number; nothing is 0. Raises BadCell."""
    if value is None or value == "":
        return 0
    text = f"{value:.6f}" if isinstance(value, float) else str(value).strip()
    try:
        return to_micros(text)
    except (BadMoney, BadValue):
        raise BadCell(field, f"{text[:40]!r} is no amount", "write it like 19.90") from None


def whole(field: str, value: Any, default: int = 1) -> int:
    """A whole number from 0 to 10,000; nothing is `default`. Raises BadCell."""
    if value is None or value == "":
        return default
    text = str(value).strip()
    if not text.isdigit() or int(text) > 10_000:
        raise BadCell(field, f"{text[:40]!r} is no count", "write a whole number up to 10000")
    return int(text)


def text(value: Any, limit: int = TEXT_MAX) -> str:
    """A value as bounded text, "" for none."""
    if value is None or isinstance(value, dict | list | bool):
        return ""
    return str(value).strip()[:limit]


def plain_url(value: Any) -> str:
    """An address without what follows `?` or `#`, which may name a person."""
    return text(value).partition("?")[0].partition("#")[0]
