"""What an order earned: the shop's word, its products' margins, the site's share, in this order."""

from __future__ import annotations

from typing import Any

import pytest

from models.order_margin import margin_micros, priced
from schemas.event import Event, Product
from schemas.outcome import Outcome, lines_of, outcome_of
from schemas.products import CatalogueProduct

EURO, SHARE = 1_000_000, 300_000
KNOWN = {
    "lamp": CatalogueProduct(id="lamp", price_micros=20 * EURO, margin_micros=8 * EURO),
    "bulb": CatalogueProduct(id="bulb", price_micros=5 * EURO, margin_micros=1 * EURO),
    "rope": CatalogueProduct(id="rope", price_micros=10 * EURO),
}


def purchase(value: int, product: Product | None = None, **properties: Any) -> Outcome:
    made = outcome_of(
        Event(type="purchase", value_micros=value * EURO, product=product, properties=properties)
    )
    assert made is not None
    return made


CASES = [
    # order, what it earns in euros
    (purchase(100), 30),
    (purchase(100, margin=12.5), 12.5),
    (purchase(40, items="lamp*2"), 16),
    (purchase(45, items="lamp*2 bulb"), 17),
    (purchase(55, items="lamp*2 bulb rope"), 20),
    (purchase(55, items="lamp*2 bulb unheard-of"), 20),
    (purchase(36, items="lamp*2", discount=4.0), 12),
    (purchase(36, items="lamp*2", discount=4.0, margin=1.0), 1),
    (purchase(20, Product("lamp")), 8),
    (purchase(60, Product("lamp", quantity=3)), 24),
    (purchase(20, Product("rope")), 6),
    (purchase(10, items="lamp"), 8),
    (purchase(100, items=""), 30),
    (purchase(100, items=7.0), 30),
]


@pytest.mark.parametrize(("order", "euros"), CASES)
def test_lines_of_a_known_margin_earn_it_and_the_rest_the_share(
    order: Outcome, euros: float
) -> None:
    """Planted: without the lines every row but the first two and the unknown ones changes."""
    assert margin_micros(priced(order, KNOWN), SHARE) == euros * EURO
    assert priced(order, KNOWN).lines == ()


def test_without_products_the_share_counts() -> None:
    """A site without a feed."""
    assert margin_micros(priced(purchase(40, items="lamp*2"), {}), SHARE) == 12 * EURO


@pytest.mark.parametrize(
    ("told", "lines"),
    [
        ("a*2 b", (("a", 2), ("b", 1))),
        ("a*b", (("a*b", 1),)),
        ("a*b*3", (("a*b", 3),)),
        ("*3", (("*3", 1),)),
        ("a*-2", (("a*-2", 1),)),
        ("a*99999999999", (("a", 1_000_000),)),
    ],
)
def test_items_name_products_and_units(told: str, lines: tuple[tuple[str, int], ...]) -> None:
    """Whatever a client writes, a line is a name and a number."""
    assert lines_of(Event(type="purchase", properties={"items": told})) == lines
