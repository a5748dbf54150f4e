"""10 Learned products: what a shop sells and what is popular, from the views of its visitors.

1. A product is as its newest view tells it; nothing is known of its stock.
2. Popularity is the number of views, fading by half in 14 days (models/decay.py), so that any order
   of the views gives the same.
3. At most 20,000 stay, the most popular, ties by id.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from models import decay
from models.neighbours import Neighbours
from schemas.event import Event
from schemas.products import CatalogueProduct, Products
from schemas.profile import NAME_MAX

PRODUCTS_MAX = 20_000
_FORTNIGHT = len(decay.HALF_LIVES_MS) - 1
_Newest = tuple[int, str, Event]


def learned(events: Iterable[Event], site: str) -> Products:
    """The snapshot of `site` after these events; `version` and time are the publisher's."""
    newest: dict[str, _Newest] = {}
    views: dict[str, list[list[int]]] = {}
    now_ms = 0
    for event in events:
        product = event.product
        if event.site != site or event.type != "product_view" or product is None or not product.id:
            continue
        name = product.id[:NAME_MAX]
        told = (event.received_at_ms, event.event_id, event)
        if name not in newest or newest[name][:2] < told[:2]:
            newest[name] = told
        sums = views.setdefault(name, [[0, 0] for _ in decay.HALF_LIVES_MS])
        decay.weigh(sums, event.received_at_ms)
        now_ms = max(now_ms, event.received_at_ms)
    made = [
        _product(name, newest[name][2], decay.weighed_milli(sums[_FORTNIGHT], _FORTNIGHT, now_ms))
        for name, sums in views.items()
    ]
    made.sort(key=lambda each: (-each.popularity, each.id))
    return Products(site=site, products=tuple(made[:PRODUCTS_MAX]))


def _product(name: str, event: Event, views_milli: int) -> CatalogueProduct:
    product, page = event.product, event.page
    assert product is not None
    return CatalogueProduct(
        id=name,
        title=product.name or name,
        url=page.path if page else "",
        category=product.category[:NAME_MAX],
        price_micros=product.price_micros,
        popularity=(views_milli + 500) // 1000,
    )


def with_neighbours(known: Products, counted: Neighbours) -> Products:
    """What is in force with what goes with each product, of products it holds."""
    ids = {each.id for each in known.products}
    products = tuple(
        replace(each, neighbours=tuple(name for name, _ in counted.of(each.id) if name in ids))
        for each in known.products
    )
    return replace(known, products=products)


def with_known(made: Products, known: Products | None) -> Products:
    """A feed with the neighbours that its products have in `known`: no feed tells any."""
    told = {} if known is None else {each.id: each.neighbours for each in known.products}
    ids = {each.id for each in made.products}
    products = tuple(
        replace(each, neighbours=tuple(n for n in told.get(each.id, ()) if n in ids))
        for each in made.products
    )
    return replace(made, products=products)


def with_popularity(known: Products, seen: Products) -> Products:
    """What is in force with what views say: a feed keeps its products, of views the new win."""
    if all(each.stock < 0 and not each.image and not each.margin_micros for each in known.products):
        return seen
    popular = {each.id: each.popularity for each in seen.products}
    products = tuple(replace(each, popularity=popular.get(each.id, 0)) for each in known.products)
    return replace(known, products=products)
