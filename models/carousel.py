"""7 Carousel: which products a recommendation or a bundle shows, each with its reason.

1. Candidates are in stock, not in the cart, and not the product in view.
2. A carousel's score is the interest vector at the product's category, a quarter of the share
   that its price band has among the visitor's looks, and a quarter of its popularity, in ppm. The
   band counts only where there is interest: a price alone is no reason to look.
3. What others looked at and bought with the product in view, or with what was put into the cart
   last, has half a million more than without, less the further down the product's list it stands.
4. A bundle goes with the product in view: its candidates are of other categories, its neighbours
   first, then those that the visitor links with this one.
5. The best come first, ties by id.
"""

from __future__ import annotations

from heapq import nsmallest

from msgspec.structs import replace

from models import interests, seen
from models.assortment import Candidate
from models.context import View
from models.tally import cart_lines
from schemas.campaign import Campaign
from schemas.profile import Profile, Tab
from schemas.render import Render, RenderProduct

PRODUCTS_MAX = 12
BUNDLE_MAX = 3
CAROUSEL, BUNDLE = "product_carousel", "bundle"
NEAR_MAX, NEAR_CART_MAX = 8, 2
NEAREST_PPM, STEP_PPM = 500_000, 25_000
Near = dict[str, tuple[int, str]]
"""Product -> (what its place among the neighbours is worth in ppm, whose neighbour it is)."""

Chosen = list[tuple[Candidate, str]]
"""Candidates with the reason of each, best first."""


def filled(campaign: Campaign, profile: Profile, tab: Tab, view: View) -> Render:
    """The campaign's creative; a carousel or bundle without products of its own gets them here."""
    choose = CHOOSING.get(campaign.action_type)
    if choose is None or campaign.render.products:
        return campaign.render
    currency = view.site.currency if view.site else ""
    products = tuple(
        RenderProduct(
            id=candidate.product.id,
            title=candidate.product.title,
            url=candidate.product.url,
            image=candidate.product.image,
            price=price_text(candidate.product.price_micros, currency),
            reason=reason,
        )
        for candidate, reason in choose(profile, tab, view)
    )
    return replace(campaign.render, products=products)


def chosen(profile: Profile, tab: Tab, view: View) -> Chosen:
    """What a carousel shows: at most PRODUCTS_MAX."""
    interest = interests.vector(profile)
    looks = interests.bands(profile)
    before = {each.product_id for each in seen.products(profile)}
    near = _near(profile, tab, view)
    rank = []
    for candidate in _offered(profile, tab, view, list(interest), near):
        wanted = interest.get(candidate.product.category, 0)
        if wanted:
            wanted += looks.get(candidate.band, 0) >> 2
        wanted += near.get(candidate.product.id, (0, ""))[0]
        score = wanted + (candidate.popularity_ppm >> 2)
        rank.append((-score, candidate.product.id, candidate))
    best = nsmallest(PRODUCTS_MAX, rank, key=lambda each: each[:2])
    return [(each, _reason(each, interest, before, near)) for _, _, each in best]


def bundle(profile: Profile, tab: Tab, view: View) -> Chosen:
    """What goes with the product in view: at most BUNDLE_MAX, none where nothing is in view."""
    if not tab.product_id:
        return []
    linked = interests.neighbours(profile, tab.category)
    near = _of(tab.product_id, view)
    rank = [
        (
            -near.get(each.product.id, (0, ""))[0],
            -linked.get(each.product.category, 0),
            -each.popularity_ppm,
            each.product.id,
            each,
        )
        for each in _offered(profile, tab, view, list(linked), near)
        if each.product.category != tab.category
    ]
    best = nsmallest(BUNDLE_MAX, rank, key=lambda each: each[:4])
    known = view.assortment.by_id.get(tab.product_id)
    name = known.title if known and known.title else "this"
    return [(each, f"goes with {name}") for *_, each in best]


def _near(profile: Profile, tab: Tab, view: View) -> Near:
    """Neighbours of the product in view and of what lies in the cart; the strongest word counts."""
    out: Near = {}
    for product in (tab.product_id, *list(cart_lines(profile.tally))[-NEAR_CART_MAX:]):
        for name, told in _of(product, view).items():
            if told > out.get(name, (0, "")):
                out[name] = told
    return out


def _of(product: str, view: View) -> Near:
    known = view.assortment.by_id.get(product)
    if known is None:
        return {}
    return {
        name: (NEAREST_PPM - place * STEP_PPM, known.title or known.id)
        for place, name in enumerate(known.neighbours[:NEAR_MAX])
    }


def _offered(
    profile: Profile, tab: Tab, view: View, categories: list[str], near: Near
) -> list[Candidate]:
    in_cart = cart_lines(profile.tally)
    return [
        each
        for each in view.assortment.candidates(categories, near)
        if each.product.id not in in_cart and each.product.id != tab.product_id
    ]


def _reason(candidate: Candidate, interest: dict[str, int], before: set[str], near: Near) -> str:
    product = candidate.product
    if product.id in before:
        return "you looked at this"
    if product.id in near:
        return f"others chose it with {near[product.id][1]}"
    if interest.get(product.category):
        return f"because you looked at {product.category}"
    return "popular in this shop"


def price_text(micros: int, currency: str) -> str:
    """An amount as people read it, such as `19.90 EUR`."""
    cents = (micros + 5_000) // 10_000
    return f"{cents // 100}.{cents % 100:02d} {currency}".strip()


CHOOSING = {CAROUSEL: chosen, BUNDLE: bundle}
"""Action type -> what chooses its products."""
