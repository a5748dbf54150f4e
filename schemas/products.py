"""Products: the shop's assortment as one snapshot a site."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import asdict


class CatalogueProduct(Struct, frozen=True, gc=False):
    """One product; money in micros, stock -1 = unknown, popularity in decayed views.

    `neighbours` are ids of products that are looked at and bought with it, the best first.
    """

    id: str = ""
    title: str = ""
    url: str = ""
    image: str = ""
    category: str = ""
    price_micros: int = 0
    stock: int = -1
    margin_micros: int = 0
    popularity: int = 0
    neighbours: tuple[str, ...] = ()


class Products(Struct, frozen=True, kw_only=True):
    """One record of topic `products`, in feed order.

    `learned_until_ms` is 0 in what somebody published. In a snapshot of learning it is the engine
    time up to which visits were counted, and `feed_version` the version that its products are of.
    """

    site: str = ""
    version: int = 0
    effective_at_ms: int = 0
    products: tuple[CatalogueProduct, ...] = ()
    learned_until_ms: int = 0
    feed_version: int = 0

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Products:
        """From a decoded Avro record."""
        products = tuple(
            CatalogueProduct(**{**each, "neighbours": tuple(each["neighbours"])})
            for each in record["products"]
        )
        return cls(**{**record, "products": products})

    def to_record(self) -> dict[str, Any]:
        """The Avro record."""
        return {**asdict(self), "products": [asdict(each) for each in self.products]}
