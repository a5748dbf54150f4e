"""campaigns.yaml, sites.yaml and products.yaml -> records, with every error at once.

Reading never raises for what a file says: it yields a record, which is None where anything is
wrong, and the errors, each with file, line, field and fix. Versions, effective times and keys are
not a file's business; connectors/control.py and infra/demo/publish.py add them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from connectors.file_fields import BAD, FileError, Kind, Problems, Schema, shaped
from connectors.file_tables import (
    CAMPAIGN,
    CAMPAIGNS_MAX,
    PRODUCT,
    PRODUCTS_MAX,
    SITE,
    SITE_ID,
    SITES_MAX,
)
from connectors.yaml_lines import LIST, MAP, BadYaml, Node, parse
from models.priors import prior
from schemas.campaign import Campaign, Campaigns
from schemas.products import CatalogueProduct, Products
from schemas.render import Render, RenderProduct
from schemas.site import Site

T = TypeVar("T")
Row = tuple[dict[str, Any], int, str]
"""Fields as read, the line they start at, and the path that names them."""

FILE_BYTES_MAX = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """What a file said: the record, None if it cannot be used, and everything wrong with it."""

    record: T | None
    errors: tuple[FileError, ...]


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
    site, rows = _rows(text, "campaigns", shaped(CAMPAIGN, keep_bad=True), CAMPAIGNS_MAX, problems)
    made = [_campaign(fields, line, path, problems) for fields, line, path in rows]
    return _result(problems, lambda: Campaigns(site=site, campaigns=tuple(made)))


def read_sites(text: str, file: str = "sites.yaml") -> Read[tuple[Site, ...]]:
    """The sites of a file, without keys."""
    problems = Problems(file)
    _, rows = _rows(
        text, "sites", shaped(SITE, keep_bad=True), SITES_MAX, problems, with_site=False
    )
    return _result(problems, lambda: tuple(_site(fields) for fields, _, _ in rows))


def read_products(text: str, file: str = "products.yaml") -> Read[Products]:
    """The assortment of a site; `site` stays empty where the file names none."""
    problems = Problems(file)
    site, rows = _rows(text, "products", shaped(PRODUCT, keep_bad=True), PRODUCTS_MAX, problems)
    return _products(site, rows, problems)


def products_of_rows(nodes: list[Node], problems: Problems) -> Read[Products]:
    """The assortment from rows that another format was turned into."""
    if len(nodes) > PRODUCTS_MAX:
        problems.add(1, "products", f"{len(nodes)} are too many", f"at most {PRODUCTS_MAX}")
        return Read(None, tuple(problems.errors))
    listed = Node(LIST, 1, items=tuple(nodes))
    rows = _distinct(listed, "products", shaped(PRODUCT, keep_bad=True), problems)
    return _products("", rows, problems)


def _products(site: str, rows: list[Row], problems: Problems) -> Read[Products]:
    return _result(
        problems,
        lambda: Products(site=site, products=tuple(product(fields) for fields, _, _ in rows)),
    )


def json_schema(name: str) -> Schema:
    """JSON Schema of `campaigns`, `sites` or `products`.yaml, for editors to complete with."""
    table, rows_max = {
        "campaigns": (CAMPAIGN, CAMPAIGNS_MAX),
        "sites": (SITE, SITES_MAX),
        "products": (PRODUCT, PRODUCTS_MAX),
    }[name]
    rows = {"type": "array", "items": shaped(table).schema, "maxItems": rows_max}
    properties: Schema = {name: rows}
    if name != "sites":
        properties["site"] = {
            **SITE_ID.schema,
            "description": "Site, where there is more than one.",
        }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{name}.yaml of kairos",
        "type": "object",
        "properties": properties,
        "required": [name],
        "additionalProperties": False,
    }


def _result(problems: Problems, make: Callable[[], T]) -> Read[T]:
    errors = tuple(sorted(problems.errors, key=lambda each: each.line))
    return Read(None, errors) if errors else Read(make(), ())


def _rows(
    text: str, name: str, kind: Kind, rows_max: int, problems: Problems, *, with_site: bool = True
) -> tuple[str, list[Row]]:
    """(site, rows as fields with line and path) of a file with one list under `name`."""
    try:
        root = parse(text)
    except BadYaml as bad:
        problems.add(bad.line, name, bad.error, bad.fix)
        return "", []
    if root.kind != MAP:
        problems.add(root.line, name, "is missing", f"start the file with `{name}:`")
        return "", []
    known = ("site", name) if with_site else (name,)
    for key, line, _ in root.entries:
        if key not in known:
            problems.add(line, key, "is not a known field", f"known here: {', '.join(known)}")
    node = root.entry(name)
    if node is None or node.kind != LIST:
        line = root.line if node is None else node.line
        problems.add(line, name, "is no list", f"write `{name}:` and below it `- id: ...`")
        return "", []
    if len(node.items) > rows_max:
        problems.add(node.line, name, f"{len(node.items)} are too many", f"at most {rows_max}")
        return "", []
    written = root.entry("site") if with_site else None
    site = "" if written is None else SITE_ID.read(written, "site", problems)
    return site, _distinct(node, name, kind, problems)


def _distinct(node: Node, name: str, kind: Kind, problems: Problems) -> list[Row]:
    """Each row read; an id that stood before is an error."""
    rows: list[Row] = []
    first: dict[str, int] = {}
    for index, item in enumerate(node.items):
        path = f"{name}[{index}]"
        fields = kind.read(item, path, problems)
        if fields is BAD:
            continue
        row_id = str(fields.get("id"))
        if row_id in first:
            error = f"{row_id!r} stands in line {first[row_id]} already"
            problems.add(item.line, f"{path}.id", error, "give each its own id")
        first.setdefault(row_id, item.line)
        rows.append((fields, item.line, path))
    return rows


def _campaign(fields: dict[str, Any], line: int, path: str, problems: Problems) -> Campaign:
    """The record; where a field was bad the result is thrown away with its error."""
    starts, ends = fields.get("starts", 0), fields.get("ends", 0)
    if isinstance(starts, int) and isinstance(ends, int) and 0 < ends <= starts:
        problems.add(line, f"{path}.ends", "is not after starts", "set ends later than starts")
    if any(value is BAD for value in fields.values()):
        return Campaign()
    default = prior(fields.get("action", ""))
    caps = fields.get("caps", {})
    same = "id on stages placement priority excludes paused fallback".split()
    return Campaign(
        **{name: fields[name] for name in same if name in fields},
        action_type=fields.get("action", ""),
        when=fields.get("when", ""),
        margin_micros=fields.get("margin", 0),
        cap_session=caps.get("session", 1),
        cap_day=caps.get("day", 3),
        budget_micros_day=fields.get("budget", 0),
        holdout_ppm=fields.get("holdout", 0),
        ttl_ms=fields.get("ttl", 30_000),
        starts_at_ms=starts,
        ends_at_ms=ends,
        needs=fields.get("needs", default.needs),
        base_ppm=fields.get("base", default.base_ppm),
        response=fields.get("response", default.response),
        render=_render(fields.get("render", {}), default.kind),
    )


def _render(fields: dict[str, Any], kind: str) -> Render:
    cta = fields.get("cta") or {}
    countdown_ms = fields.get("countdown")
    return Render(
        kind=fields.get("kind", kind),
        title=fields.get("title", ""),
        body=fields.get("body", ""),
        cta_label=cta.get("label", ""),
        cta_url=cta.get("url", ""),
        code=fields.get("code", ""),
        countdown_s=countdown_ms // 1000 if isinstance(countdown_ms, int) else None,
        products=tuple(RenderProduct(**each) for each in fields.get("products", ())),
    )


def _site(fields: dict[str, Any]) -> Site:
    renamed = {
        "id": "site",
        "rollout": "rollout_ppm",
        "holdout": "holdout_ppm",
        "reserve": "reserve_micros",
        "dwell": "dwell_ms",
        "high_intent": "high_intent_ppm",
    }
    return Site(**{renamed.get(name, name): value for name, value in fields.items()})


def product(fields: dict[str, Any]) -> CatalogueProduct:
    """One product from the fields of its row."""
    renamed = {"price": "price_micros", "margin": "margin_micros"}
    return CatalogueProduct(**{renamed.get(name, name): value for name, value in fields.items()})
