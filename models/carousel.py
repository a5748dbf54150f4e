"""7 Carousel: which products a recommendation shows.

In stock, not in the cart, not the one being looked at; by the visitor's interest in the category
plus popularity, ties by id; each with its reason.
"""

from __future__ import annotations

from msgspec.structs import replace

from models.context import View
from models.interests import vector
from models.tally import cart_lines
from schemas.campaign import Campaign
from schemas.products import CatalogueProduct
from schemas.profile import Profile, Tab
from schemas.render import Render, RenderProduct

PRODUCTS_MAX = 4
CAROUSEL = "product_carousel"


def filled(campaign: Campaign, profile: Profile, tab: Tab, view: View) -> Render:
    """The campaign's creative; a carousel without products of its own gets them here."""
    if campaign.action_type != CAROUSEL or campaign.render.products:
        return campaign.render
    currency = view.site.currency if view.site else ""
    products = tuple(
        RenderProduct(
            id=product.id,
            title=product.title,
            url=product.url,
            image=product.image,
            price=price_text(product.price_micros, currency),
            reason=_reason(product, profile),
        )
        for product in chosen(profile, tab, view)
    )
    return replace(campaign.render, products=products)


def chosen(profile: Profile, tab: Tab, view: View) -> list[CatalogueProduct]:
    """At most PRODUCTS_MAX products, best first."""
    in_cart = cart_lines(profile.tally)
    offered = [
        product
        for product in view.assortment.by_id.values()
        if product.stock != 0 and product.id not in in_cart and product.id != tab.product_id
    ]
    interests = vector(profile)
    offered.sort(key=lambda p: (-interests.get(p.category, 0) - p.popularity, p.id))
    return offered[:PRODUCTS_MAX]


def _reason(product: CatalogueProduct, profile: Profile) -> str:
    if vector(profile).get(product.category):
        return f"because you looked at {product.category}"
    return "popular in this shop"


def price_text(micros: int, currency: str) -> str:
    """An amount as people read it, such as `19.90 EUR`."""
    cents = (micros + 5_000) // 10_000
    return f"{cents // 100}.{cents % 100:02d} {currency}".strip()
