"""Feeds: each format, each error at its line with its fix, and nothing half imported."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.feeds import read_feed

XML = """<?xml version="1.0"?>
<rss xmlns:g="http://base.google.com/ns/1.0"><channel>
<item><g:id>p1</g:id><title>Lamp</title>
<g:price>19.90 EUR</g:price>
<g:availability>{availability}</g:availability></item>
<item><g:id>p2</g:id><title>Bulb</title>
<g:price>{price}</g:price><g:sale_price>{sale}</g:sale_price></item>
</channel></rss>"""


def xml(availability: str = "in_stock", price: str = "5 EUR", sale: str = "") -> str:
    return XML.format(availability=availability, price=price, sale=sale)


SHOPIFY = [
    {"id": 1, "title": "Lamp", "variants": [{"price": "19.90", "inventory_quantity": 3}]},
    {"id": 2, "title": 'A "b" {c}', "variants": [{"price": "5.00"}]},
]
SHOPIFY_TEXT = json.dumps({"products": SHOPIFY}, indent=1)

GOOD = [
    # file, text, (id, price in micros, stock) of each product
    ("f.xml", xml(), [("p1", 19_900_000, -1), ("p2", 5_000_000, -1)]),
    ("f.xml", xml("out of stock"), [("p1", 19_900_000, 0), ("p2", 5_000_000, -1)]),
    ("f.xml", xml(sale="4.50 EUR"), [("p1", 19_900_000, -1), ("p2", 4_500_000, -1)]),
    ("f.tsv", "id\ttitle\tprice\tavailability\np1\tLamp\t9 EUR\tout_of_stock\n",
     [("p1", 9_000_000, 0)]),
    ("f.csv", "id;title;price;quantity\np1;Lamp;9;4\n", [("p1", 9_000_000, 4)]),
    ("f.csv", "ID,Name,Price,Colour\np1,Lamp,9,red\n", [("p1", 9_000_000, -1)]),
    ("f.json", SHOPIFY_TEXT, [("1", 19_900_000, 3), ("2", 5_000_000, -1)]),
    ("f.json", json.dumps(SHOPIFY), [("1", 19_900_000, 3), ("2", 5_000_000, -1)]),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text", "expected"), GOOD)
def test_every_format_gives_the_same_products(file, text, expected):
    """Sale prices win, sold out is stock 0, a currency is checked and cut."""
    read = read_feed(text, file)
    assert not read.errors
    found = [(each.id, each.price_micros, each.stock) for each in read.record.products]
    assert found == expected


def shopify(price: str) -> str:
    bad = [SHOPIFY[0], {"id": 2, "title": "B", "variants": [{"price": price}]}]
    return json.dumps({"products": bad}, indent=1)


BAD = [
    # file, text, line, field, part of the fix, good rows
    ("f.xml", xml("maybe"), 5, "availability", "in_stock", 1),
    ("f.xml", xml(price="5 USD"), 7, "price", "EUR", 1),
    ("f.xml", xml(price="cheap"), 7, "products[1].price", "12.50", 1),
    ("f.xml", xml(sale="1 USD"), 7, "price", "EUR", 1),
    ("f.json", shopify("-3"), 13, "products[1].price", "", 1),
    ("f.csv", "id,title,price\np1,Lamp,9\np1,Lamp,9\n", 3, "products[1].id", "its own id", 1),
    ("f.csv", "id,title,price\np1,Lamp,9\np2,,9\np3,Bulb,2\n", 3, "products[1].title", "", 2),
    ("f.csv", "id,title,price\np 1,Lamp,9\n", 2, "products[0].id", "without blanks", 0),
]


@pytest.mark.parametrize(("file", "text", "line", "field", "fix", "good"), BAD)
def test_a_bad_row_is_told_by_line_field_and_fix_and_the_good_ones_counted(
    file, text, line, field, fix, good
):
    """The record is whole or absent, unless the good rows are asked for."""
    read = read_feed(text, file)
    first = read.errors[0]
    assert (read.record, read.good) == (None, good)
    assert (first.line, first.field) == (line, field) and fix in first.fix
    kept = read_feed(text, file, skip_bad=True)
    assert kept.errors == read.errors
    assert len(kept.record.products if kept.record else ()) == good


@given(st.lists(st.sampled_from(("9", "x", "", "3 USD", "4.5 EUR", "1.2.3")), min_size=1))
def test_good_rows_are_those_that_would_be_read_alone(prices):
    """The naive oracle reads each row as a file of its own."""
    head = "id,title,price\n"
    rows = [f"p{n},Lamp,{price}\n" for n, price in enumerate(prices)]
    alone = [row for row in rows if read_feed(head + row, "f.csv").record is not None]
    kept = read_feed(head + "".join(rows), "f.csv", skip_bad=True)
    found = [each.id for each in kept.record.products] if kept.record else []
    assert found == [row.split(",")[0] for row in alone]
    assert bool(kept.errors) == (len(alone) < len(rows))


@given(st.text(max_size=200), st.sampled_from(("csv", "tsv", "json", "xml")))
def test_no_text_makes_a_reader_fail(text, ending):
    """Rubbish is an error with a line, never an exception."""
    read = read_feed(text, f"f.{ending}")
    assert read.errors and all(each.line >= 1 and each.fix for each in read.errors)
