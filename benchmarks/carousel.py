"""A carousel for a visitor with a full graph of interests, from a shop with more products."""

from __future__ import annotations

from msgspec.structs import replace

from benchmarks.rows import Row, cpu_us, timed
from benchmarks.workloads import arrivals, context
from models.carousel import chosen
from models.context import View
from models.user import step
from schemas.event import Product
from schemas.products import CatalogueProduct, Products
from schemas.profile import Profile, Tab

PRODUCTS, CATEGORIES, LOOKS = 3_000, 16, 16
TIMES = 2_000


def rows() -> list[Row]:
    """Measure; CPU time of this process."""
    profile, tab, view = visited()
    names = {f"c{number}" for number in range(CATEGORIES)}
    offered = len(view.assortment.candidates(names))
    took = cpu_us(lambda: chosen(profile, tab, view), TIMES)
    return [timed(f"carousel from {offered} candidates", took)]


def visited() -> tuple[Profile, Tab, View]:
    """Somebody who has looked at a product of every category, a minute apart."""
    ctx = context()
    goods = tuple(_product(number) for number in range(PRODUCTS))
    ctx.add("products", Products(site="bench", version=1, products=goods))
    (event,) = arrivals(1, 1_790_000_000_000)
    profile: Profile | None = None
    for number, seen in enumerate(goods[1 : LOOKS + 1]):
        looked = replace(
            event,
            type="product_view",
            event_id=f"e-{number}",
            session_index=number,
            ts_ms=event.ts_ms + number * 60_000,
            received_at_ms=event.received_at_ms + number * 60_000,
            product=Product(seen.id, seen.title, seen.category, seen.price_micros),
        )
        profile = step(profile, looked, event.user_key, ctx)[0]
    assert profile is not None
    return profile, profile.tabs[-1], ctx.at("bench", profile.now_ms)


def _product(number: int) -> CatalogueProduct:
    price = number * 997 % 5_003 * 10_000
    category, popularity = f"c{number % CATEGORIES}", number * 31 % 101
    return CatalogueProduct(f"p{number}", f"P {number}", "", "", category, price, -1, 0, popularity)
