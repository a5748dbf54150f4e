"""What other systems call their events, in our words: one file a format, all named in one table.

To add a format, write `connectors/import_NAME.py` with `looks_like(first_line)` and
`read(path, problems)`, and name it in FORMATS. A reader yields what happened in the file's order,
with original times; it notes what is wrong with a line and goes on. Nothing personal is taken
over: of a user the id alone, which leaves this package as a keyed hash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct

from connectors import import_csv, import_ga4, import_segment
from connectors.file_fields import Problems
from connectors.import_told import Told

Read = Callable[[Path, Problems], Iterator[Told]]
EVENTS, ORDERS = "events", "orders"
LOOKED_AT_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Format:
    """How a format is known by its first line, and read; `orders` where those lie otherwise."""

    name: str
    doc: str
    looks_like: Callable[[str], bool]
    read: Read
    orders: Read | None = None


FORMATS = {
    each.name: each
    for each in (
        Format(
            "ga4",
            "Google Analytics 4 as BigQuery exports it, one JSON object a line",
            import_ga4.looks_like,
            import_ga4.read,
        ),
        Format(
            "segment",
            "Segment's track, page, screen and identify calls, one JSON object a line",
            import_segment.looks_like,
            import_segment.read,
        ),
        Format(
            "csv",
            "a table with a head line, columns as in docs/import.md",
            import_csv.looks_like,
            import_csv.read_events,
            import_csv.read_orders,
        ),
    )
}


class Reading(Struct, frozen=True):
    """What a file told, in the order of time, and what was wrong with it."""

    format: str
    told: tuple[Told, ...]
    problems: Problems


def format_of(path: Path) -> str:
    """The name of the format that the first line looks like, "" for none. Raises OSError."""
    with path.open("rb") as file:
        first = file.readline(LOOKED_AT_BYTES).decode("utf-8-sig", "replace")
    return next((name for name, each in FORMATS.items() if each.looks_like(first)), "")


def read_file(path: Path, name: str, what: str = EVENTS) -> Reading:
    """All that a file tells; of `orders` nothing but orders. Raises OSError."""
    chosen, problems = FORMATS[name], Problems(str(path))
    if what == ORDERS and chosen.orders is not None:
        told = list(chosen.orders(path, problems))
    else:
        told = list(chosen.read(path, problems))
    if what == ORDERS:
        told = [each for each in told if each.type == "purchase" or chosen.orders is not None]
    told.sort(key=lambda each: (each.at_ms, each.line))
    return Reading(name, tuple(told), problems)
