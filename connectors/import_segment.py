"""Segment's calls as a warehouse or an archive destination keeps them: JSON Lines.

Names are those of Segment's e-commerce specification, by the table that the live endpoint uses
(gateway/systems/segment.py), so that a call means the same in the past as now.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from connectors.file_fields import Problems
from connectors.import_told import (
    BadCell,
    Row,
    Told,
    json_lines,
    moment_ms,
    money_micros,
    plain_url,
    text,
    whole,
)
from gateway.systems.segment import CALLS, NAMES
from schemas.event import Product, Source


def looks_like(first: str) -> bool:
    """A call has a type and a message id."""
    return '"messageId"' in first and '"type"' in first


def read(path: Path, problems: Problems) -> Iterator[Told]:
    """One event a call; `group` and `alias` tell nothing. Raises OSError."""
    yield from json_lines(path, problems, _told)


def _told(line: int, call: Row) -> Iterator[Told]:
    kind = text(call.get("type"), 16)
    if kind not in CALLS:
        if kind in ("group", "alias"):
            return
        raise BadCell("type", f"{kind!r} is no call", f"want one of {', '.join(CALLS)}")
    visitor, known = text(call.get("anonymousId"), 256), text(call.get("userId"), 256)
    if not visitor and not known:
        raise BadCell("anonymousId", "is missing, and userId too", "export whole calls")
    when = "timestamp" if call.get("timestamp") else "originalTimestamp"
    said, context = _map(call.get("properties")), _map(call.get("context"))
    page = {**_map(context.get("page")), **(said if kind == "page" else {})}
    type_ = _type(kind, text(call.get("event"), 64))
    yield Told(
        line,
        moment_ms(when, call.get(when)),
        type_,
        visitor,
        known,
        event_id=_id(call, said, type_),
        url=plain_url(page.get("url")),
        title=text(page.get("title")),
        product=_product(said) if said.get("product_id") or said.get("sku") else None,
        source=_source(context, page),
        value_micros=_worth(said) if type_ == "purchase" else None,
    )


def _type(kind: str, name: str) -> str:
    if kind == "track":
        return NAMES.get(name.lower(), "custom")
    return "identify" if kind == "identify" else "page_view"


def _id(call: Row, said: Row, type_: str) -> str:
    order = text(said.get("order_id"), 64) if type_ == "purchase" else ""
    return order or text(call.get("messageId"), 128)


def _worth(said: Row) -> int:
    revenue = said.get("revenue")
    field = "properties.total" if revenue is None else "properties.revenue"
    return money_micros(field, said.get("total") if revenue is None else revenue)


def _source(context: Row, page: Row) -> Source | None:
    tags = _map(context.get("campaign"))
    made = Source(plain_url(page.get("referrer")), *(
        text(tags.get(name), 128) for name in ("source", "medium", "name")
    ))  # fmt: skip
    return made if made != Source() else None


def _product(said: Row) -> Product:
    return Product(
        id=text(said.get("product_id") or said.get("sku"), 128),
        name=text(said.get("name"), 256),
        category=text(said.get("category"), 128),
        price_micros=money_micros("properties.price", said.get("price")),
        quantity=whole("properties.quantity", said.get("quantity")),
    )


def _map(value: Any) -> Row:
    return value if isinstance(value, dict) else {}
