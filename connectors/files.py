"""campaigns.yaml, sites.yaml and products.yaml -> records, with every error at once.

Reading never raises for what a file says: it yields a record, which is None where anything is
wrong, and the errors, each with file, line, field and fix. Versions, effective times and keys are
not a file's business; connectors/control.py and infra/demo/publish.py add them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from connectors.file_campaigns import bounds_of, campaigns_of, channels_of
from connectors.file_fields import FileError, Problems, Schema, shaped
from connectors.file_rows import Row, distinct, rows_of
from connectors.file_tables import (
    CAMPAIGN,
    CAMPAIGNS_MAX,
    CATALOGUE,
    OF_SITE,
    PRODUCT,
    PRODUCTS_MAX,
    SITE,
    SITES_MAX,
)
from connectors.yaml_lines import LIST, Node
from schemas.campaign import Campaigns
from schemas.products import CatalogueProduct, Products
from schemas.site import Site

T = TypeVar("T")
FILE_BYTES_MAX = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """What a file said: the record, None if it cannot be used, and everything wrong with it.

    `good` is how many rows of a bad feed have nothing wrong with them; `given` is what each row
    says itself, of a file whose other fields may be known elsewhere.
    """

    record: T | None
    errors: tuple[FileError, ...]
    good: int = 0
    given: tuple[frozenset[str], ...] = ()


def text_of(path: Path) -> str:
    """A file's text. Raises OSError, or ValueError naming the fix."""
    data = path.read_bytes()
    if len(data) > FILE_BYTES_MAX:
        raise ValueError(f"{path}: larger than {FILE_BYTES_MAX >> 20} MiB; split it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        line = data.count(b"\n", 0, wrong.start) + 1
        raise ValueError(f"{path}:{line}: not UTF-8; save the file as UTF-8") from None


def read_campaigns(text: str, file: str = "campaigns.yaml") -> Read[Campaigns]:
    """The catalogue of a site; `site` stays empty where the file names none."""
    problems = Problems(file)
    kind = shaped(CAMPAIGN, keep_bad=True)
    head, rows = rows_of(text, "campaigns", kind, CAMPAIGNS_MAX, problems, CATALOGUE)
    channels = channels_of(head.below("channels").fields)
    bounds = bounds_of(head.below("triggers"), problems)
    made = campaigns_of(rows, channels, problems)
    return _result(
        problems,
        lambda: Campaigns(
            site=head.fields.get("site", ""), campaigns=made, channels=channels, bounds=bounds
        ),
    )


def read_sites(text: str, file: str = "sites.yaml") -> Read[tuple[Site, ...]]:
    """The sites of a file, without keys."""
    problems = Problems(file)
    _, rows = rows_of(text, "sites", shaped(SITE, keep_bad=True), SITES_MAX, problems, ())
    read = _result(problems, lambda: tuple(_site(row.fields) for row in rows))
    return replace(read, given=tuple(frozenset(row.fields) for row in rows))


def read_products(text: str, file: str = "products.yaml") -> Read[Products]:
    """The assortment of a site; `site` stays empty where the file names none."""
    problems = Problems(file)
    kind = shaped(PRODUCT, keep_bad=True)
    head, rows = rows_of(text, "products", kind, PRODUCTS_MAX, problems, OF_SITE)
    return _products(head.fields.get("site", ""), rows, problems)


def products_of_rows(nodes: list[Node], problems: Problems) -> Read[Products]:
    """The assortment from rows that another format was turned into."""
    if len(nodes) > PRODUCTS_MAX:
        problems.add(1, "products", f"{len(nodes)} are too many", f"at most {PRODUCTS_MAX}")
        return Read(None, tuple(problems.errors))
    listed = Node(LIST, 1, items=tuple(nodes))
    rows = distinct(listed, "products", shaped(PRODUCT, keep_bad=True), problems)
    return _products("", rows, problems)


def _products(site: str, rows: list[Row], problems: Problems) -> Read[Products]:
    return _result(
        problems,
        lambda: Products(site=site, products=tuple(product(row.fields) for row in rows)),
    )


def json_schema(name: str) -> Schema:
    """JSON Schema of `campaigns`, `sites` or `products`.yaml, for editors to complete with."""
    table, rows_max, beside = {
        "campaigns": (CAMPAIGN, CAMPAIGNS_MAX, CATALOGUE),
        "sites": (SITE, SITES_MAX, ()),
        "products": (PRODUCT, PRODUCTS_MAX, OF_SITE),
    }[name]
    rows = {"type": "array", "items": shaped(table).schema, "maxItems": rows_max}
    whole = shaped(beside).schema
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{name}.yaml of kairos",
        **whole,
        "properties": {name: rows, **whole["properties"]},
        "required": [name],
    }


def _result(problems: Problems, make: Callable[[], T]) -> Read[T]:
    errors = tuple(sorted(problems.errors, key=lambda each: each.line))
    return Read(None, errors) if errors else Read(make(), ())


def _site(fields: dict[str, Any]) -> Site:
    renamed = {
        "id": "site",
        "rollout": "rollout_ppm",
        "holdout": "holdout_ppm",
        "reserve": "reserve_micros",
        "dwell": "dwell_ms",
        "high_intent": "high_intent_ppm",
        "reward_window": "reward_window_ms",
        "reward_horizon": "reward_horizon_ms",
        "margin": "margin_ppm",
    }
    return Site(**{renamed.get(name, name): value for name, value in fields.items()})


def product(fields: dict[str, Any]) -> CatalogueProduct:
    """One product from the fields of its row."""
    renamed = {"price": "price_micros", "margin": "margin_micros"}
    return CatalogueProduct(**{renamed.get(name, name): value for name, value in fields.items()})
