"""Baskets of Online Retail (UCI, CC BY 4.0): how often neighbours name what came last.

Basket completion: orders by time, the first 80 % to count from, the others to complete. Of each
order of two products or more the last line is hidden; ten products are named from the others, and
a hit is the hidden one among them. Popularity names the ten sold in most orders, without those in
the basket. Cancelled orders, and lines that are no product (postage, samples), are left out.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from models.neighbours import BOUGHT, Neighbours

NAMED = 10
TRAIN_PERCENT = 80
Basket = list[str]


def orders(path: Path) -> list[Basket]:
    """The orders by time, each its products in the order of its lines. Raises OSError."""
    from pyarrow import parquet

    table: dict[str, list[Any]] = parquet.read_table(path).to_pydict()
    columns = ("InvoiceDate", "InvoiceNo", "StockCode", "Quantity", "UnitPrice")
    found: dict[tuple[Any, str], dict[str, None]] = {}
    for at, order, code, quantity, price in zip(*(table[c] for c in columns), strict=True):
        if not order.startswith("C") and quantity > 0 and price > 0 and code[:5].isdigit():
            found.setdefault((at, order), {})[code] = None
    return [list(each) for _, each in sorted(found.items())]


def split(baskets: list[Basket]) -> tuple[list[Basket], list[Basket]]:
    """What came before, and of what came after the orders of two products or more."""
    cut = len(baskets) * TRAIN_PERCENT // 100
    return baskets[:cut], [each for each in baskets[cut:] if len(each) > 1]


def hit_rates(
    train: list[Basket], test: list[Basket], counted: Neighbours | None = None
) -> dict[str, float]:
    """Share of hidden products named, by neighbours and by popularity.

    `counted` are counts under bounds of its own, empty so far.
    """
    counted = counted or Neighbours()
    for basket in train:
        counted.add(basket, BOUGHT)
    sold = Counter(code for basket in train for code in basket)
    ranked = [code for code, _ in sorted(sold.items(), key=lambda each: (-each[1], each[0]))]
    hits = popular = 0
    for *known, hidden in test:
        hits += hidden in [name for name, _ in counted.completing(known, NAMED)]
        there = set(known)
        top = (code for code in ranked if code not in there)
        popular += hidden in [code for code, _ in zip(top, range(NAMED), strict=False)]
    return {
        "baskets": len(test),
        "hit_rate": round(hits / len(test), 4),
        "popularity": round(popular / len(test), 4),
        "products": len(counted.own),
    }
