"""Merchant feeds -> products: CSV, Shopify's products JSON, Google's merchant XML and TSV.

Every format is turned into the rows of products.yaml and read by the same table, so a bad price is
refused in the same words everywhere. Feeds that carry a currency must carry the site's. A feed with
a bad row is refused whole and says how many rows are good; only who asks for it gets those alone.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any
from xml.parsers import expat

from connectors.file_fields import ERRORS_MAX, Problems
from connectors.file_tables import PRODUCT
from connectors.files import Read, products_of_rows, read_products
from connectors.yaml_lines import MAP, TEXT, Node
from schemas.products import Products

_CURRENCY = re.compile(r"(?:([A-Z]{3}) )?([0-9][0-9.]*)(?: ([A-Z]{3}))?", re.ASCII)
_GOOGLE = {
    "id": "id",
    "title": "title",
    "link": "url",
    "image_link": "image",
    "product_type": "category",
    "price": "price",
    "quantity": "stock",
    "availability": "availability",
    "sale_price": "sale_price",
}
_COLUMNS = {
    "name": "title",
    "link": "url",
    "image_link": "image",
    "product_type": "category",
    "quantity": "stock",
    "inventory": "stock",
}
_BESIDE = ("availability", "sale_price")
_KNOWN = frozenset((*(each.name for each in PRODUCT), *_BESIDE))
"""Other columns are left out: what a shop exports has many."""

_AVAILABLE = {
    "in_stock": "",
    "preorder": "",
    "backorder": "",
    "available": "",
    "out_of_stock": "0",
    "discontinued": "0",
}
"""Availability -> units in stock where the feed counts none."""

CELL_MAX = 10_000


def read_feed(
    text: str, file: str, currency: str = "EUR", *, skip_bad: bool = False
) -> Read[Products]:
    """The products of a file; its ending says the format: yaml, csv, tsv, json or xml.

    With `skip_bad` the record holds the good rows beside the errors of the others.
    """
    ending = file.rpartition(".")[2].lower()
    if ending in ("yaml", "yml"):
        return read_products(text, file)
    problems = Problems(file)
    readers = {"csv": _csv, "tsv": _csv, "json": _shopify, "xml": _google}
    if ending not in readers:
        problems.add(1, "file", f"of unknown kind .{ending}", "use .yaml, .csv, .json or .xml")
        return Read(None, tuple(problems.errors))
    found = list(readers[ending](text, problems))
    rows = [_row(*each, currency, problems) for each in found]
    if not rows and not problems.errors:
        problems.add(1, "products", "holds no product", "check that this is the feed")
    read = products_of_rows(rows, problems)
    if read.record is not None:
        return read
    good = _good(rows, found, read)
    if skip_bad and good:
        kept = products_of_rows(good, Problems(file))
        return Read(kept.record, read.errors, len(good))
    return Read(None, read.errors, len(good))


def _good(rows: list[Node], found: list[Fields], read: Read[Products]) -> list[Node]:
    """The rows that no error is about; none where there are more errors than are kept."""
    if len(read.errors) >= ERRORS_MAX:
        return []
    bad = {error.line for error in read.errors}
    lines = [{line, *(at for _, at in fields.values())} for fields, line in found]
    return [row for row, own in zip(rows, lines, strict=True) if bad.isdisjoint(own)]


Fields = tuple[dict[str, tuple[str, int]], int]
"""Field -> (text, line) of one product, and the line it starts at."""


def _row(fields: dict[str, tuple[str, int]], line: int, currency: str, problems: Problems) -> Node:
    """One product as the node of products.yaml; prices lose their currency after a check."""
    known = {name: (text.strip(), at) for name, (text, at) in fields.items() if text.strip()}
    if "sale_price" in known:
        known["price"] = known.pop("sale_price")
    if "price" in known:
        known["price"] = _price(*known["price"], currency, problems)
    if "availability" in known:
        _availability(known, *known.pop("availability"), problems)
    entries = tuple((name, at, Node(TEXT, at, text)) for name, (text, at) in known.items())
    return Node(MAP, line, entries=entries)


def _price(text: str, line: int, currency: str, problems: Problems) -> tuple[str, int]:
    price = _CURRENCY.fullmatch(text)
    named = price and (price[1] or price[3])
    if not price or not named:
        return text, line
    if named != currency:
        problems.add(line, "price", f"is in {named}", f"export it in {currency}")
    return price[2], line


def _availability(
    known: dict[str, tuple[str, int]], text: str, line: int, problems: Problems
) -> None:
    """Sold out wins over a counted stock; anything else leaves the count as it is."""
    word = text.lower().replace(" ", "_")
    if word not in _AVAILABLE:
        fix = f"use one of {', '.join(_AVAILABLE)}"
        problems.add(line, "availability", f"is {text[:40]!r}", fix)
    elif _AVAILABLE[word]:
        known["stock"] = (_AVAILABLE[word], line)


def _csv(text: str, problems: Problems) -> Iterator[Fields]:
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter, restkey="")
    try:
        for cells in reader:
            line = reader.line_num
            if "" in cells:
                problems.add(line, "row", "has more cells than the head", "quote commas in texts")
                continue
            named = {_column(name): (value or "", line) for name, value in cells.items()}
            yield {name: value for name, value in named.items() if name in _KNOWN}, line
    except csv.Error as wrong:
        problems.add(reader.line_num or 1, "row", str(wrong), "save it as plain CSV in UTF-8")


def _column(name: str) -> str:
    lowered = name.strip().lower().replace(" ", "_")
    return _COLUMNS.get(lowered, lowered)


def _shopify(text: str, problems: Problems) -> Iterator[Fields]:
    try:
        loaded = json.loads(text)
        products = loaded["products"] if isinstance(loaded, dict) else loaded
        lines = _product_lines(text)
        for product, line in zip(products, [*lines, *[1] * len(products)], strict=False):
            yield {k: (v, line) for k, v in _shopify_product(product).items()}, line
    except json.JSONDecodeError as wrong:
        problems.add(wrong.lineno, "file", wrong.msg, "export it again")
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        fix = "give the answer of /products.json or /admin/api/products.json"
        problems.add(1, "products", "is not Shopify's product JSON", fix)


def _product_lines(text: str) -> list[int]:
    """The line at which each object of the outermost list of objects starts."""
    lines, depth, inside, escaped, line, listed = [], 0, False, False, 1, 0
    for sign in text:
        line += sign == "\n"
        if inside:
            inside = escaped or sign != '"'
            escaped = sign == "\\" and not escaped
        elif sign == '"':
            inside = True
        elif sign in "[{":
            depth += 1
            listed = listed or (depth if sign == "[" else 0)
            if sign == "{" and listed and depth == listed + 1:
                lines.append(line)
        elif sign in "]}":
            depth -= 1
    return lines


def _shopify_product(product: dict[str, Any]) -> dict[str, str]:
    """The cheapest variant's price; stock is the sum, unknown where a variant does not tell."""
    variants = product.get("variants") or [{}]
    stocks = [each.get("inventory_quantity") for each in variants]
    prices = sorted((str(each["price"]) for each in variants if "price" in each), key=float)
    images = product.get("images") or [{}]
    handle = product.get("handle")
    return {
        "id": str(product["id"]),
        "title": str(product.get("title") or ""),
        "category": str(product.get("product_type") or "")[:48],
        "price": prices[0] if prices else "",
        "stock": "-1" if None in stocks else str(max(sum(stocks), 0)),
        "url": f"/products/{handle}" if handle else "",
        "image": str(images[0].get("src") or ""),
    }


def _google(text: str, problems: Problems) -> Iterator[Fields]:
    """Items of an RSS or Atom feed, without entities or document types (they can blow up)."""
    reader = _GoogleReader()
    try:
        reader.parser.Parse(text.encode(), True)
    except _NoDoctype:
        line = reader.parser.CurrentLineNumber
        problems.add(line, "file", "declares a document type", "remove the <!DOCTYPE ...>")
    except expat.ExpatError as wrong:
        problems.add(wrong.lineno, "file", f"is no XML ({wrong})", "export it again")
    yield from reader.items


class _NoDoctype(Exception):
    """The feed declares a document type."""


class _GoogleReader:
    """Collects the fields of each <item> or <entry>, with the line it starts at."""

    def __init__(self) -> None:
        self.items: list[Fields] = []
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._doctype
        self._fields: dict[str, tuple[str, int]] | None = None
        self._line = 0
        self._name = ""

    def _start(self, name: str, _: dict[str, str]) -> None:
        if name in ("item", "entry"):
            self._fields, self._line = {}, self.parser.CurrentLineNumber
        self._name = _GOOGLE.get(name.rpartition(":")[2], "")

    def _end(self, name: str) -> None:
        if name in ("item", "entry") and self._fields is not None:
            self.items.append((self._fields, self._line))
            self._fields = None
        self._name = ""

    def _text(self, text: str) -> None:
        if self._fields is not None and self._name:
            so_far, line = self._fields.get(self._name, ("", self.parser.CurrentLineNumber))
            self._fields[self._name] = ((so_far + text)[:CELL_MAX], line)

    def _doctype(self, *_: Any) -> None:
        raise _NoDoctype
