"""Google Analytics 4 as its BigQuery export writes it: a row an event, as JSON Lines.

Field names are those of the export's event schema (support.google.com/analytics/answer/7029846).
BigQuery writes whole numbers as texts; both forms are read.
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
from schemas.event import Product, Source

MICROS_A_MS = 1_000
NAMES = {
    "session_start": "session_start",
    "page_view": "page_view",
    "scroll": "scroll",
    "click": "click",
    "view_item": "product_view",
    "view_item_list": "page_view",
    "select_item": "click",
    "search": "search",
    "view_search_results": "search",
    "add_to_cart": "add_to_cart",
    "remove_from_cart": "remove_from_cart",
    "add_to_wishlist": "wishlist_add",
    "view_cart": "cart_view",
    "begin_checkout": "checkout_start",
    "add_shipping_info": "checkout_step",
    "add_payment_info": "checkout_step",
    "purchase": "purchase",
    "login": "identify",
}
"""Event name of the export -> ours; any other name travels as custom."""

_VALUES = ("string_value", "int_value", "double_value", "float_value")


def looks_like(first: str) -> bool:
    """A row of the export names its event and has a time in microseconds."""
    return '"event_timestamp"' in first and '"event_name"' in first


def read(path: Path, problems: Problems) -> Iterator[Told]:
    """One event a line. Raises OSError."""
    yield from json_lines(path, problems, _told)


def _told(line: int, row: Row) -> Iterator[Told]:
    name = text(row.get("event_name"), 64)
    if not name:
        raise BadCell("event_name", "is missing", "export whole rows of events_*")
    at_ms = moment_ms("event_timestamp", row.get("event_timestamp"), MICROS_A_MS)
    visitor, known = text(row.get("user_pseudo_id"), 256), text(row.get("user_id"), 256)
    if not visitor and not known:
        fix = "rows without consent have none; leave them out with --skip-bad"
        raise BadCell("user_pseudo_id", "is missing, and user_id too", fix)
    said = _params(row.get("event_params"))
    products = [_product(each) for each in _list(row.get("items"))]
    order = _map(row.get("ecommerce"))
    yield Told(
        line,
        at_ms,
        NAMES.get(name, "custom"),
        visitor,
        known,
        session=text(said.get("ga_session_id"), 64),
        event_id=_order_id(order) if name == "purchase" else "",
        url=plain_url(said.get("page_location")),
        title=text(said.get("page_title")),
        product=products[0] if products and name != "purchase" else None,
        source=_source(row, said),
        value_micros=_worth(order, said) if name == "purchase" else None,
    )


def _order_id(order: Row) -> str:
    return text(order.get("transaction_id"), 64).replace("(not set)", "")


def _worth(order: Row, said: Row) -> int:
    revenue = order.get("purchase_revenue")
    return money_micros("ecommerce.purchase_revenue", said.get("value") if revenue is None
                        else revenue)  # fmt: skip


def _params(found: Any) -> Row:
    """event_params as a map: each has one of four typed values."""
    out: Row = {}
    for each in _list(found):
        value = _map(each.get("value"))
        held = [value[name] for name in _VALUES if value.get(name) is not None]
        if held:
            out[text(each.get("key"), 64)] = held[0]
    return out


def _source(row: Row, said: Row) -> Source | None:
    tags = _map(row.get("collected_traffic_source"))
    made = Source(
        plain_url(said.get("page_referrer")),
        text(tags.get("manual_source") or said.get("source"), 128),
        text(tags.get("manual_medium") or said.get("medium"), 128),
        text(tags.get("manual_campaign_name") or said.get("campaign"), 128),
    )
    return made if made != Source() else None


def _product(item: Row) -> Product:
    return Product(
        id=text(item.get("item_id") or item.get("item_name"), 128),
        name=text(item.get("item_name"), 256),
        category=text(item.get("item_category"), 128),
        price_micros=money_micros("items.price", item.get("price")),
        quantity=whole("items.quantity", item.get("quantity")),
    )


def _list(value: Any) -> list[Row]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _map(value: Any) -> Row:
    return value if isinstance(value, dict) else {}
