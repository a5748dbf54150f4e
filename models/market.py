"""6 Market: what bids at present, once per set of versions in force.

A catalogue under a policy's pacing and the stock of the assortment: nothing of it depends on the
visitor.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from models.bids import FULL, Paced, paced
from models.catalogue import Catalogue
from schemas.campaign import Campaign
from schemas.policy import Policy
from schemas.products import CatalogueProduct


class Market(Struct, frozen=True):
    """Bids under pacing; masks of the campaigns that have spent their budget, or show what is out.

    `exploration` is the policy's, None for none.
    """

    paced: Paced
    sold_out: int


def market_of(
    catalogue: Catalogue, policy: Policy | None, products: Mapping[str, CatalogueProduct]
) -> Market:
    """Work out bids and stock."""
    return Market(
        paced(catalogue.book, policy.pacing_ppm if policy is not None else FULL),
        sum(entry.bit for entry in catalogue.by_id.values() if _sold_out(entry.campaign, products)),
    )


def _sold_out(campaign: Campaign, products: Mapping[str, CatalogueProduct]) -> bool:
    """Every product that it names is known and has no stock."""
    named = [products.get(product.id) for product in campaign.render.products]
    return bool(named) and all(each is not None and each.stock == 0 for each in named)
