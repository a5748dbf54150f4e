"""The reference: pages and JSON Schemas say what the code reads, and a stale one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.reference import DOCS, PAGES, SCHEMAS, filled, schema_text
from models.names import NAMES

STALE = "run `python -m cli.reference`"


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_a_page_shows_the_tables_the_code_reads(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert filled(text) == text, STALE


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_published_schema_is_the_codes(name: str) -> None:
    published = (DOCS / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8")
    assert published == schema_text(name), STALE


def test_a_page_with_a_line_missing_is_filled_again() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for row in [line for line in text.splitlines(keepends=True) if line.startswith("| `")]:
            assert filled(text.replace(row, "", 1)) == text


def test_every_name_has_its_row() -> None:
    text = (DOCS / "names.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"| `{name}` | {NAMES[name].type} |" not in text] == []
