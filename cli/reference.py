"""Tables of campaigns.md, names.md and import.md, and the JSON Schemas, from what the code reads.

`python -m cli.reference` writes all of them; tests hold them to the code.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from connectors import import_csv, import_ga4
from connectors.file_fields import Field
from connectors.file_tables import (
    BOUNDS,
    CAMPAIGN,
    CAPS,
    CATALOGUE,
    CHANNEL_CAPS,
    OFFER,
    PRODUCT,
    RENDER,
    SITE,
)
from connectors.files import json_schema
from gateway.systems.segment import NAMES
from models.names import (
    COUNT,
    COUNT_MAX,
    DURATION,
    FLAG,
    GROUPS,
    HOW_WRITTEN,
    MONEY,
    PPM,
    TEXT,
    TEXT_MAX,
    Name,
)
from models.priors import PRIORS
from models.trigger_rules import rules
from schemas.trigger_bounds import TriggerBounds

DOCS = Path(__file__).parents[1] / "docs"
PAGES = (DOCS / "campaigns.md", DOCS / "names.md", DOCS / "import.md")
SCHEMAS = ("campaigns", "sites", "products")
RANGES: dict[str, Callable[[Name], str]] = {
    PPM: lambda name: "0 to 1",
    MONEY: lambda name: "0 or more",
    COUNT: lambda name: f"{name.low} to {name.high}" if name.high < COUNT_MAX else "0 or more",
    DURATION: lambda name: "0 to 30d",
    TEXT: lambda name: ", ".join(name.choices) or f"at most {TEXT_MAX} characters",
    FLAG: lambda name: "true, false",
}
"""Type -> the values of a name, as people write them."""


def filled(page: str) -> str:
    """The page with every marked table made anew."""
    tables = {
        "priors": _priors(),
        "campaign": _fields(CAMPAIGN),
        "render": _fields(RENDER),
        "site": _fields(SITE),
        "product": _fields(PRODUCT),
        "catalogue": _fields(CATALOGUE),
        "caps": _fields(CAPS),
        "offer": _fields(OFFER),
        "channel": _fields(CHANNEL_CAPS),
        "bounds": _fields(BOUNDS),
        "rules": _rules(),
        "events": _pairs(("column", "meaning"), import_csv.EVENT_COLUMNS),
        "orders": _pairs(("column", "meaning"), import_csv.ORDER_COLUMNS),
        "aliases": _pairs(("column", "is"), import_csv.ALIASES),
        "ga4": _pairs(("event of the export", "ours"), import_ga4.NAMES),
        "segment": _pairs(("call", "ours"), NAMES),
        "types": _table(("type", "written"), tuple(HOW_WRITTEN.items())),
        "names": _names(),
    }
    for name, lines in tables.items():
        body = "\n".join((f"<!-- {name} -->", *lines, f"<!-- /{name} -->"))
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        if start not in page:
            continue
        before, _, rest = page.partition(start)
        page = before + body + rest.partition(end)[2]
    return page


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(each) + " |" for each in lines]


def _pairs(head: Sequence[str], pairs: Mapping[str, str]) -> list[str]:
    return _table(head, [(f"`{name}`", text) for name, text in pairs.items()])


def _fields(fields: tuple[Field, ...]) -> list[str]:
    rows = [
        (f"`{each.name}`", each.doc, "required" if each.required else each.default or "-")
        for each in fields
    ]
    return _table(("field", "meaning", "default"), rows)


def _names() -> list[str]:
    lines: list[str] = []
    for heading, group in GROUPS.items():
        rows = [(f"`{each.name}`", each.type, RANGES[each.type](each), each.doc) for each in group]
        lines += ["", f"## {heading}", "", *_table(("name", "type", "values", "meaning"), rows)]
    return [*lines[1:], ""]


def _rules() -> list[str]:
    rows = [
        (
            str(each.number),
            _range(each.active_ms, lambda value: f"{value / 1_000:g} s"),
            _range(each.interactions, str),
            _range(
                each.scroll_ppm,
                lambda value: f"{value / 10_000:.4f}".rstrip("0").rstrip(".") + " %",
            ),
            each.intent,
            each.trigger,
        )
        for each in rules(TriggerBounds())
    ]
    return _table(("#", "active", "interactions", "scroll", "intent", "trigger"), rows)


def _range(ends: tuple[int, int], written: Callable[[int], str]) -> str:
    low, high = ends
    if high > 10**12:
        return "any" if low == 0 else f"from {written(low)}"
    return f"up to {written(high)}" if low == 0 else f"{written(low)} to {written(high)}"


def _priors() -> list[str]:
    rows = [
        (
            f"`{name}`",
            each.doc,
            each.kind,
            _percent(each.base_ppm),
            ", ".join(f"{score} {_percent(weight)}" for score, weight in each.response.items()),
            ", ".join(each.needs) or "-",
        )
        for name, each in PRIORS.items()
    ]
    return _table(("action", "for", "kind", "base", "response", "needs"), rows)


def _percent(ppm: int) -> str:
    return f"{ppm / 10_000:g}%"


def schema_text(name: str) -> str:
    """The published JSON Schema of a file."""
    return json.dumps(json_schema(name), indent=2) + "\n"


def main() -> None:
    """Write pages and schemas anew."""
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
    for name in SCHEMAS:
        path = DOCS / "schemas" / f"{name}.schema.json"
        path.write_text(schema_text(name), encoding="utf-8")


if __name__ == "__main__":
    main()
