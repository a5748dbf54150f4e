"""7 Assortment: the products of a site made ready: prices by category, and who leads where.

A carousel looks at no more than 300 products however many the shop has: the 16 most popular of
each category a visitor may be interested in (at most 16), and the 44 most popular of all. What is
sold out leads nowhere.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from msgspec import Struct

from models.interests import band
from schemas.products import CatalogueProduct, Products

LEADERS_MAX = 16
POPULAR_MAX = 44
CANDIDATES_MAX = 300
SOLD_OUT = 0
UNKNOWN_PPM = 500_000
MILLION = 1_000_000


class Candidate(Struct, frozen=True):
    """One product in stock: its price band in its category, popularity in ppm of the largest."""

    product: CatalogueProduct
    band: int
    popularity_ppm: int


class Assortment(Struct, frozen=True):
    """The products of a site by id, and prices by category in ascending order.

    `leaders` are the most popular of each category, `popular` of all, best first, in stock;
    `popularity_max` is that of the first.
    """

    by_id: dict[str, CatalogueProduct] = {}
    prices: dict[str, list[int]] = {}
    leaders: dict[str, tuple[Candidate, ...]] = {}
    popular: tuple[Candidate, ...] = ()
    popularity_max: int = 0

    def percentile_ppm(self, category: str, price_micros: int) -> int:
        """Share of the category's products that are cheaper, in ppm; 500,000 if unknown."""
        prices = self.prices.get(category)
        if not prices:
            return UNKNOWN_PPM
        return bisect_left(prices, price_micros) * MILLION // len(prices)

    def quantile_micros(self, category: str, share_ppm: int) -> int:
        """The price that `share_ppm` of the category's products lie below; 0 if unknown."""
        prices = self.prices.get(category)
        if not prices:
            return 0
        return prices[min(len(prices) * share_ppm // MILLION, len(prices) - 1)]

    def candidate(self, product: CatalogueProduct) -> Candidate:
        """A product with its price band and its share of the largest popularity."""
        place = band(self.percentile_ppm(product.category, product.price_micros))
        most = self.popularity_max
        return Candidate(product, place, product.popularity * MILLION // most if most > 0 else 0)

    def candidates(self, categories: Iterable[str], near: Iterable[str] = ()) -> list[Candidate]:
        """These products in stock, leaders of these categories and of the shop, each once.

        At most CANDIDATES_MAX; ids of `near` that the shop no longer has are left out.
        """
        products = (self.by_id[name] for name in near if name in self.by_id)
        found = {each.id: self.candidate(each) for each in products if each.stock != SOLD_OUT}
        for each in self.popular:
            found.setdefault(each.product.id, each)
        for category in categories:
            for each in self.leaders.get(category, ()):
                found.setdefault(each.product.id, each)
        return list(found.values())[:CANDIDATES_MAX]


NO_ASSORTMENT = Assortment()


def assortment(record: Products) -> Assortment:
    """A snapshot made ready."""
    prices: dict[str, list[int]] = {}
    for product in record.products:
        prices.setdefault(product.category, []).append(product.price_micros)
    ordered = {name: sorted(each) for name, each in prices.items()}
    most = max((each.popularity for each in record.products), default=0)
    by_id = {each.id: each for each in record.products}
    bare = Assortment(by_id=by_id, prices=ordered, popularity_max=most)
    ranked = [
        bare.candidate(each)
        for each in sorted(record.products, key=lambda each: (-each.popularity, each.id))
        if each.stock != SOLD_OUT
    ]
    leaders: dict[str, list[Candidate]] = {}
    for candidate in ranked:
        leading = leaders.setdefault(candidate.product.category, [])
        if len(leading) < LEADERS_MAX:
            leading.append(candidate)
    return Assortment(
        by_id=bare.by_id,
        prices=ordered,
        leaders={name: tuple(each) for name, each in leaders.items()},
        popular=tuple(ranked[:POPULAR_MAX]),
        popularity_max=most,
    )
