"""The shop's assortment, as people see it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from connectors import files

PRODUCTS_FILE = Path(__file__).parents[1] / "products.yaml"


@dataclass(frozen=True, slots=True)
class ShopProduct:
    """One product; `price` is decimal text in EUR, stock None = unknown."""

    id: str
    title: str
    category: str
    price: str
    stock: int | None


def read_products(path: Path = PRODUCTS_FILE) -> list[ShopProduct]:
    """The products of the demo's file. Raises ValueError naming the first mistake."""
    read = files.read_products(files.text_of(path), str(path))
    if read.record is None:
        first = read.errors[0]
        raise ValueError(f"{first.file}:{first.line}: {first.field}: {first.error}; {first.fix}")
    return [
        ShopProduct(
            id=each.id,
            title=each.title,
            category=each.category,
            price=f"{each.price_micros // 1_000_000}.{each.price_micros // 10_000 % 100:02d}",
            stock=None if each.stock < 0 else each.stock,
        )
        for each in read.record.products
    ]


def by_category(products: list[ShopProduct]) -> dict[str, list[ShopProduct]]:
    """Category -> its products, in the order of the file."""
    out: dict[str, list[ShopProduct]] = {}
    for product in products:
        out.setdefault(product.category, []).append(product)
    return out


def found(products: list[ShopProduct], query: str) -> list[ShopProduct]:
    """Products whose title or category holds every word of the query."""
    words = query.lower().split()
    return [
        product
        for product in products
        if words and all(word in f"{product.title} {product.category}".lower() for word in words)
    ]
