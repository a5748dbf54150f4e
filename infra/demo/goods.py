"""What simulated visitors look at: the demo shop's products, or a stand-in for training."""

from __future__ import annotations

from typing import NamedTuple


class Item(NamedTuple):
    """One product of the shop; the price is a decimal string as on the wire."""

    id: str
    name: str
    category: str
    price: str
    url: str

    @property
    def price_micros(self) -> int:
        """Price in micros of the shop's currency."""
        whole, _, fraction = self.price.partition(".")
        return int(whole) * 1_000_000 + int((fraction + "000000")[:6])


def demo_goods() -> tuple[Item, ...]:
    """The demo shop's products. Raises ValueError naming the first mistake in its file."""
    # The shop's reader is not installed where models are trained.
    from infra.demo.shop.products import read_products

    return tuple(
        Item(each.id, each.title, each.category, each.price, f"/p/{each.id}")
        for each in read_products()
    )


STAND_IN = tuple(
    Item(f"{category[:2]}{n}", f"{category} {n}", category, price, f"/p/{category[:2]}{n}")
    for category in ("skincare", "kitchen", "outdoor", "audio")
    for n, price in enumerate(("9.90", "14.50", "24.00", "39.00", "59.90", "119.00"), 1)
)
"""Products for tests and training: what matters is that a category has cheap and dear ones."""
