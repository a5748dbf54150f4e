"""6 Market: what bids at present, once per set of versions in force.

A catalogue under a policy's pacing and learned qualities, and the stock of the assortment: nothing
of it depends on the visitor.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from models.bids import FULL, Book, Paced, learned_book, paced
from models.catalogue import Catalogue
from models.trust import qualities_in_force
from schemas.campaign import Campaign
from schemas.policy import Policy
from schemas.products import CatalogueProduct


class Market(Struct, frozen=True):
    """Qualities and bids in force; mask of the campaigns whose products are all out of stock.

    `learned`: qualities are those that learning found; else they are the campaigns' own.
    """

    book: Book
    paced: Paced
    sold_out: int
    learned: bool = False


def market_of(
    catalogue: Catalogue,
    policy: Policy | None,
    products: Mapping[str, CatalogueProduct],
    now_ms: int = 0,
) -> Market:
    """Work out qualities, bids and stock at an engine time."""
    qualities = qualities_in_force(policy, now_ms)
    campaigns = [entry.campaign for entry in catalogue.by_id.values()]
    return Market(
        learned_book(catalogue.book, campaigns, qualities),
        paced(catalogue.book, policy.pacing_ppm if policy is not None else FULL),
        sum(entry.bit for entry in catalogue.by_id.values() if _sold_out(entry.campaign, products)),
        bool(qualities),
    )


def _sold_out(campaign: Campaign, products: Mapping[str, CatalogueProduct]) -> bool:
    """Every product that it names is known and has no stock."""
    named = [products.get(product.id) for product in campaign.render.products]
    return bool(named) and all(each is not None and each.stock == 0 for each in named)
