"""Learned products: the newest view tells, views fade, any order gives the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.learned import learned, with_popularity
from schemas.event import Event, Product
from schemas.products import CatalogueProduct, Products
from tests.builders import event, page

DAY = 86_400_000


def look(name: str, day: int, number: int = 0, price: int = 5, **more) -> Event:
    shown = Product(name, name.title(), "light", price)
    return event("product_view", day * DAY, number, product=shown, page=page(f"/p/{name}"), **more)


LEARNED = [
    # events, (id, price, popularity) in order
    ([], []),
    ([look("lamp", 0)], [("lamp", 5, 1)]),
    ([look("lamp", 0), look("lamp", 1, price=7)], [("lamp", 7, 2)]),
    ([look("bulb", 0), look("lamp", 0), look("lamp", 0, 1)], [("lamp", 5, 2), ("bulb", 5, 1)]),
    ([*(look("old", 0, n) for n in range(4)), *(look("new", 28, n) for n in range(3))],
     [("new", 5, 3), ("old", 5, 1)]),
    ([look("lamp", 0), event("click", 0, 3, product=Product("x")), event("product_view", 0, 4)],
     [("lamp", 5, 1)]),
    ([look("lamp", 0, site="other")], []),
]  # fmt: skip


@pytest.mark.parametrize(("events", "expected"), LEARNED)
def test_a_shop_without_a_feed_is_learned_from_its_views(events, expected):
    """Its title and place too; nothing is known of the stock."""
    found = learned(events, "demo").products
    assert [(each.id, each.price_micros, each.popularity) for each in found] == expected
    for each in found:
        assert (each.title, each.url) == (each.id.title(), f"/p/{each.id}")
        assert (each.category, each.stock) == ("light", -1)


LOOKS = st.builds(
    look,
    st.sampled_from(("a", "b", "c")),
    st.integers(0, 300),
    st.integers(0, 5),
    st.integers(1, 9),
)


@given(st.lists(LOOKS, max_size=30), st.randoms(use_true_random=False))
def test_the_order_of_the_log_does_not_matter(events, random):
    """Partitions are read one after the other."""
    shuffled = list({each.event_id + each.product.id: each for each in events}.values())
    once = learned(shuffled, "demo")
    random.shuffle(shuffled)
    assert learned(shuffled, "demo") == once


def test_a_feed_keeps_its_products_and_learns_what_is_popular():
    """A record that came of views is replaced by the new one."""
    seen = learned([look("lamp", 0), look("bulb", 0)], "demo")
    feed = Products(
        site="demo",
        version=4,
        products=(CatalogueProduct("lamp", "L", stock=3), CatalogueProduct("rug", "R", stock=0)),
    )
    merged = with_popularity(feed, seen).products
    assert [(each.id, each.stock, each.popularity) for each in merged] == [
        ("lamp", 3, 1),
        ("rug", 0, 0),
    ]
    assert with_popularity(learned([look("lamp", 0)], "demo"), seen) is seen
