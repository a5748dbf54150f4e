"""Events and orders as a table: a head line, then one event, or one line of an order, a row."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from connectors.file_fields import Problems
from connectors.import_told import (
    BadCell,
    Row,
    Told,
    moment_ms,
    money_micros,
    plain_url,
    text,
    whole,
)
from schemas.event import CLIENT_TYPES, Product, Source

T = TypeVar("T")
ALIASES = {
    "timestamp": "time", "ts": "time", "ordered_at": "time", "date": "time", "created_at": "time",
    "visitor_id": "visitor", "anonymous_id": "visitor", "cookie_id": "visitor",
    "user_id": "customer", "customer_id": "customer", "event": "type", "event_type": "type",
    "session_id": "session", "id": "event_id", "sku": "product_id", "name": "product_name",
    "unit_price": "price", "total": "value", "revenue": "value", "order": "order_id",
}  # fmt: skip
EVENT_COLUMNS = {
    "time": "when: ISO 8601 with a zone, or epoch milliseconds; required",
    "type": "one of the public event types, such as product_view; required",
    "visitor": "the device's id; this or `customer` is required",
    "customer": "the customer's own id where known",
    "session": "the visit; without it 30 minutes of silence end one",
    "event_id": "a name of the event, so that a second import is seen",
    "url": "the page; what follows ? or # is dropped",
    "title": "the page's title",
    "product_id": "the product the event is about",
    "product_name": "its name",
    "category": "its category",
    "price": "its price in the site's currency",
    "quantity": "how many",
    "value": "the order's worth, of a purchase",
    "referrer": "where the visit came from",
    "utm_source": "campaign tags of the visit",
    "utm_medium": "likewise",
    "utm_campaign": "likewise",
}
ORDER_COLUMNS = {
    "order_id": "the order; its rows are its lines; required",
    "time": "when it was placed; required",
    "visitor": "the device's id; this or `customer` is required",
    "customer": "the customer's own id",
    "product_id": "the product of the line; required",
    "product_name": "its name",
    "category": "its category",
    "price": "its unit price; required",
    "quantity": "how many",
    "value": "the order's worth; without it the sum of price x quantity of its lines",
}


def looks_like(first: str) -> bool:
    """A head line with a time among its columns."""
    return "time" in {_name(each) for each in first.replace(";", ",").split(",")}


def read_events(path: Path, problems: Problems) -> Iterator[Told]:
    """One event a row. Raises OSError."""
    yield from _rows(path, problems, ("time", "type"), _event)


def read_orders(path: Path, problems: Problems) -> Iterator[Told]:
    """An order as its lines put into the cart, then bought, all at its time. Raises OSError."""
    lines: dict[str, list[Told]] = {}
    values: dict[str, int] = {}
    for told, value in _rows(path, problems, ("order_id", "time", "product_id", "price"), _line):
        lines.setdefault(told.event_id, []).append(told)
        values[told.event_id] = max(values.get(told.event_id, 0), value)
    for order, own in lines.items():
        summed = sum(each.product.price_micros * each.product.quantity for each in own
                     if each.product)  # fmt: skip
        for number, each in enumerate(own):
            yield _of_order(each, f"{order}-{number}", "add_to_cart", None)
        first = own[0]
        yield Told(own[-1].line, first.at_ms, "purchase", first.visitor, first.known,
                   event_id=order, value_micros=values[order] or summed)  # fmt: skip


def _of_order(line: Told, event_id: str, type_: str, value: int | None) -> Told:
    return Told(line.line, line.at_ms, type_, line.visitor, line.known,
                event_id=event_id, product=line.product, value_micros=value)  # fmt: skip


def _rows(
    path: Path, problems: Problems, needed: tuple[str, ...], made: Callable[[int, Row], T]
) -> Iterator[T]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = file.readline()
        file.seek(0)
        reader = csv.DictReader(file, delimiter=max(",;\t", key=head.count), restkey="")
        names = {column: _name(column) for column in reader.fieldnames or ()}
        missing = [each for each in needed if each not in names.values()]
        if missing:
            fix = f"name a column {missing[0]}; docs/import.md lists all"
            problems.add(1, missing[0], "is in no column", fix)
            return
        for cells in reader:
            try:
                if "" in cells:
                    raise BadCell("row", "has more cells than the head", "quote commas in texts")
                yield made(reader.line_num, {names[k]: v for k, v in cells.items() if v})
            except BadCell as wrong:
                problems.add(reader.line_num, wrong.field, wrong.error, wrong.fix)


def _name(column: str) -> str:
    lowered = column.strip().strip('"').lower().replace(" ", "_")
    return ALIASES.get(lowered, lowered)


def _event(line: int, row: Row) -> Told:
    kind = text(row.get("type"), 64)
    if kind not in CLIENT_TYPES:
        raise BadCell("type", f"{kind!r} is no event type", "use one like page_view or purchase")
    source = Source(plain_url(row.get("referrer")), *(
        text(row.get(name), 128) for name in ("utm_source", "utm_medium", "utm_campaign")
    ))  # fmt: skip
    return Told(
        line,
        moment_ms("time", row.get("time")),
        kind,
        *_who(row),
        session=text(row.get("session"), 128),
        event_id=text(row.get("event_id"), 128),
        url=plain_url(row.get("url")),
        title=text(row.get("title")),
        product=_product(row) if row.get("product_id") else None,
        source=source if source != Source() else None,
        value_micros=money_micros("value", row.get("value")) if row.get("value") else None,
    )


def _line(line: int, row: Row) -> tuple[Told, int]:
    for name in ("order_id", "product_id"):
        if not row.get(name):
            raise BadCell(name, "is empty", "every line of an order names it")
    at_ms, order = moment_ms("time", row.get("time")), text(row["order_id"], 64)
    told = Told(line, at_ms, "purchase", *_who(row), event_id=order, product=_product(row))
    return told, money_micros("value", row.get("value"))


def _who(row: Row) -> tuple[str, str]:
    visitor, known = text(row.get("visitor"), 256), text(row.get("customer"), 256)
    if not visitor and not known:
        raise BadCell("visitor", "is empty, and customer too", "say whose event it is")
    return visitor, known


def _product(row: Row) -> Product:
    return Product(
        id=text(row["product_id"], 128),
        name=text(row.get("product_name"), 256),
        category=text(row.get("category"), 128),
        price_micros=money_micros("price", row.get("price")),
        quantity=whole("quantity", row.get("quantity")),
    )
