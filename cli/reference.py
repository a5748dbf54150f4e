"""Tables of docs/campaigns.md, made from the tables the code reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from connectors.file_fields import Field
from connectors.file_tables import CAMPAIGN, PRODUCT, RENDER, SITE
from models.names import HOW_WRITTEN, NAMES
from models.priors import PRIORS

PAGE = Path(__file__).parents[1] / "docs" / "campaigns.md"


def filled(page: str) -> str:
    """The page with every marked table made anew."""
    tables = {
        "priors": _priors(),
        "campaign": _fields(CAMPAIGN),
        "render": _fields(RENDER),
        "site": _fields(SITE),
        "product": _fields(PRODUCT),
        "names": _names(),
    }
    for name, lines in tables.items():
        body = "\n".join((f"<!-- {name} -->", *lines, f"<!-- /{name} -->"))
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, _, rest = page.partition(start)
        page = before + body + rest.partition(end)[2]
    return page


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(each) + " |" for each in lines]


def _fields(fields: tuple[Field, ...]) -> list[str]:
    rows = [
        (f"`{each.name}`", each.doc, "required" if each.required else each.default or "-")
        for each in fields
    ]
    return _table(("field", "meaning", "default"), rows)


def _names() -> list[str]:
    rows = [
        (
            f"`{each.name}`",
            each.type,
            each.doc + (": " + ", ".join(each.choices) if each.choices else ""),
        )
        for each in NAMES.values()
    ]
    types = [(kind, written) for kind, written in HOW_WRITTEN.items()]
    return [*_table(("type", "written"), types), "", *_table(("name", "type", "meaning"), rows)]


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


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
