"""10 Neighbours: which products of a site are looked at and bought together, in bounded memory.

1. A group is what one session looked at, or what one order bought. Each pair of its products counts
   its weight divided by the size of the group, so that a wholesale order says no more than a small
   one; an order weighs four looks.
2. What two products share is divided by the root of what each has in all (a cosine): a product that
   goes with everything is nobody's neighbour.
3. A product keeps the counts of at most 2 x `partners_max` others; the smallest go when there are
   more, so a pair that is always among the largest is never lost. The same with products.
4. Where counting never ends, counts fade by FADE_PARTS each day, and what is faint is forgotten.

All counts are integers and ties go by id: the same groups in the same order, the same neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from heapq import nsmallest
from math import isqrt

from msgspec import Struct, field

from schemas.ids import MILLION

LOOKED, BOUGHT = 250, 1_000
"""What a group of each kind weighs, in thousandths of an order."""

GROUP_MAX = 200
"""Products of one group that count, by id."""

PARTNERS_MAX = 400
PRODUCTS_MAX = 20_000
NEWEST = 3
"""Products of a cart that tell what goes with it; more of them tell less (Online Retail)."""

FADE_PARTS, FAINT, DAYS_MAX = 64, 1_000, 2_000
"""A 64th a day is half in 44 days; fainter than a thousandth of an order is nothing."""

KEPT = 8
"""Neighbours of a product that are published."""

FINE = 1_000
"""Counts are kept in millionths of an order."""


class Neighbours(Struct):
    """Counts of one site: `own` by product, `shared` by product and other, both ways."""

    own: dict[str, int] = field(default_factory=dict)
    shared: dict[str, dict[str, int]] = field(default_factory=dict)
    products_max: int = PRODUCTS_MAX
    partners_max: int = PARTNERS_MAX

    def count(self, groups: Iterable[tuple[Sequence[str], int]]) -> None:
        """Count the (products, weight) of one session."""
        for products, weight in groups:
            self.add(products, weight)

    def add(self, products: Iterable[str], weight: int) -> None:
        """Count one group; a group of one product says nothing of any pair but of its count."""
        group = sorted({each for each in products if each})[:GROUP_MAX]
        if not group:
            return
        each_counts = weight * FINE // len(group)
        for one in group:
            self.own[one] = self.own.get(one, 0) + each_counts
            partners = self.shared.setdefault(one, {})
            for other in group:
                if other != one:
                    partners[other] = partners.get(other, 0) + each_counts
            if len(partners) > 2 * self.partners_max:
                self.shared[one] = _largest(partners, self.partners_max)
        if len(self.own) > 2 * self.products_max:
            self._forget()

    def fade(self, days: int) -> None:
        """So many days have gone by."""
        self.own = _faded(self.own, days)
        self.shared = {one: _faded(partners, days) for one, partners in self.shared.items()}
        self._forget()

    def shrink(self) -> None:
        """Down to the bounds themselves, as counts are kept when nobody counts."""
        self._forget()
        for one, partners in self.shared.items():
            self.shared[one] = _largest(partners, self.partners_max)

    def _forget(self) -> None:
        """What is beyond the bound, and pairs of what is no longer counted."""
        self.own = _largest(self.own, self.products_max)
        self.shared = {
            one: {other: count for other, count in partners.items() if other in self.own}
            for one, partners in self.shared.items()
            if one in self.own
        }

    def score_ppm(self, one: str, other: str) -> int:
        """How alike two products are, 0 to 1,000,000."""
        shared = self.shared.get(one, {}).get(other, 0)
        root = isqrt(self.own.get(one, 0) * self.own.get(other, 0))
        return min(shared * MILLION // root, MILLION) if root else 0

    def of(self, product: str, count: int = KEPT) -> list[tuple[str, int]]:
        """(neighbour, score in ppm), the best first."""
        scored = [(other, self.score_ppm(product, other)) for other in self.shared.get(product, ())]
        return nsmallest(count, (each for each in scored if each[1]), key=_best)

    def completing(self, cart: Sequence[str], count: int) -> list[tuple[str, int]]:
        """What goes with a cart, given in the order it was filled: the newest things say most.

        The scores of the NEWEST last are added, so they may exceed 1,000,000.
        """
        sums: dict[str, int] = {}
        for product in cart[-NEWEST:]:
            for other in self.shared.get(product, ()):
                sums[other] = sums.get(other, 0) + self.score_ppm(product, other)
        for product in cart:
            sums.pop(product, None)
        return nsmallest(count, sums.items(), key=_best)


def _best(each: tuple[str, int]) -> tuple[int, str]:
    return -each[1], each[0]


def _largest(counts: Mapping[str, int], count: int) -> dict[str, int]:
    return dict(nsmallest(count, counts.items(), key=_best))


def _faded(counts: Mapping[str, int], days: int) -> dict[str, int]:
    left, of = (FADE_PARTS - 1) ** min(days, DAYS_MAX), FADE_PARTS ** min(days, DAYS_MAX)
    faded = {name: count * left // of for name, count in counts.items()}
    return {name: count for name, count in faded.items() if count >= FAINT}
