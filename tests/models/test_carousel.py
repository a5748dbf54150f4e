"""Carousel, bundle and assortment: what is shown, why, how many are looked at and at what cost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.assortment import CANDIDATES_MAX, Assortment, assortment
from models.carousel import BUNDLE_MAX, PRODUCTS_MAX, bundle, chosen, filled
from models.context import View
from models.user import step
from schemas.event import Product
from schemas.products import CatalogueProduct, Products
from schemas.profile import Profile, Tab
from schemas.render import Render, RenderProduct
from tests.builders import BEGINNING, USER, campaign, context, event

TENTS = [CatalogueProduct(f"tent{n}", f"Tent {n}", "", "", "tents", n * 100) for n in range(1, 5)]
STOVES = [CatalogueProduct(f"stove{n}", "Stove", "", "", "stoves", n * 10) for n in range(1, 5)]


def goods(*products: CatalogueProduct, **changes: int) -> tuple[CatalogueProduct, ...]:
    """Products with changed stock (`s_tent1=0`) or popularity (`p_tent1=5`)."""
    out = []
    for each in products:
        stock, popularity = changes.get(f"s_{each.id}", -1), changes.get(f"p_{each.id}", 0)
        fields = (each.id, each.title, "", "", each.category, each.price_micros, stock, 0)
        out.append(CatalogueProduct(*fields, popularity))
    return tuple(out)


def visit(products: tuple[CatalogueProduct, ...], *looks: str) -> tuple[Profile, Tab, View]:
    """A visitor who has looked at these products (`+id` puts into the cart), a minute apart."""
    ctx = context(products=products)
    by_id = {each.id: each for each in products}
    profile: Profile | None = None
    for index, look in enumerate(looks):
        kind = "add_to_cart" if look[0] == "+" else "product_view"
        known = by_id[look.removeprefix("+")]
        shown = Product(known.id, known.title, known.category, known.price_micros)
        profile, _, _ = step(profile, event(kind, index * 60_000, index, product=shown), USER, ctx)
    profile = profile or Profile(epoch_ms=BEGINNING)
    tab = profile.tabs[-1] if profile.tabs else Tab("s1", "t1")
    return profile, tab, ctx.at("demo", BEGINNING)


def ids(products: list) -> list[str]:
    return [each.product.id for each, _ in products]


ALL = goods(*TENTS, *STOVES, p_stove1=100, p_stove2=50)

SHOWN = [
    # looks, changes, first products, reason of the first
    ((), ALL, ["stove1", "stove2"], "popular in this shop"),
    (("tent1",), ALL, ["tent2", "tent3"], "because you looked at tents"),
    (("tent1", "tent2"), ALL, ["tent1"], "you looked at this"),
    (("tent1", "+tent2"), ALL, ["tent3"], "because you looked at tents"),
    (("tent1",), goods(*TENTS, *STOVES, s_tent2=0), ["tent3"], "because you looked at tents"),
    (("tent1",), goods(*TENTS, *STOVES, p_tent4=9), ["tent4"], "because you looked at tents"),
]


@pytest.mark.promise("C43", "C40")
@pytest.mark.parametrize(("looks", "products", "first", "reason"), SHOWN)
def test_a_carousel_shows_what_is_wanted_and_can_be_bought(looks, products, first, reason):
    """Interest before popularity; never sold out, in the cart or in view."""
    found = chosen(*visit(products, *looks))
    assert ids(found)[: len(first)] == first
    assert found[0][1] == reason


@pytest.mark.promise("C35")
def test_among_equals_the_visitors_price_band_comes_first():
    """Who looks at dear tents is shown dear stoves' neighbours, not the cheapest."""
    products = goods(*TENTS, *STOVES)
    found = ids(chosen(*visit(products, "tent4", "stove4", "tent3")))
    assert found[0] == "tent4" and found.index("stove3") < found.index("stove1")


BUNDLES = [
    ((), []),
    (("stove1", "tent1"), ["stove1", "stove2", "stove3"]),
    (("stove1", "tent1", "+stove1"), ["stove2", "stove3", "stove4"]),
]


@pytest.mark.promise("E34")
@pytest.mark.parametrize(("looks", "expected"), BUNDLES)
def test_a_bundle_goes_with_the_product_in_view(looks, expected):
    """From the categories the visitor links with it, and never of its own."""
    found = bundle(*visit(goods(*TENTS, *STOVES, p_stove1=3, p_stove2=2), *looks))
    assert ids(found) == expected
    assert all(reason == "goes with Tent 1" for _, reason in found)


def test_a_creative_with_products_of_its_own_keeps_them():
    """And one that is no carousel gets none."""
    seen = visit(ALL, "tent1")
    own = Render(kind="inline", title="x", products=(RenderProduct("p", "P"),))
    assert filled(campaign(action_type="product_carousel", render=own), *seen) is own
    plain = campaign(action_type="discount_popup")
    assert filled(plain, *seen) is plain.render
    shown = filled(campaign(action_type="bundle"), *seen)
    assert 0 < len(shown.products) <= BUNDLE_MAX


def shop(count: int, categories: int = 20) -> Products:
    """A shop of this many products."""
    return Products(
        site="demo",
        products=tuple(
            CatalogueProduct(
                f"p{n}", f"P {n}", "", "", f"c{n % categories}", n * 997 % 5_003 * 10_000,
                stock=n % 7, popularity=n * 31 % 101,
            )
            for n in range(count)
        ),
    )  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 900), st.integers(1, 40), st.lists(st.integers(0, 50), max_size=60))
def test_candidates_are_bounded_and_in_stock(count, categories, wanted):
    """However many products and interests there are."""
    ready = assortment(shop(count, categories))
    found = ready.candidates(f"c{each}" for each in dict.fromkeys(wanted))
    assert len(found) <= CANDIDATES_MAX
    assert len({each.product.id for each in found}) == len(found)
    assert all(each.product.stock != 0 for each in found)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 99), min_size=1, max_size=60), st.integers(0, 99))
def test_quantiles_and_percentiles_agree_with_counting(prices, price):
    """The percentile is the share that is cheaper; the quantile is its inverse."""
    ready = assortment(
        Products(
            products=tuple(
                CatalogueProduct(str(n), price_micros=each) for n, each in enumerate(prices)
            )
        )
    )
    cheaper = sum(each < price for each in prices)
    assert ready.percentile_ppm("", price) == cheaper * 1_000_000 // len(prices)
    for share in (0, 250_000, 500_000, 999_999, 1_000_000):
        quantile = ready.quantile_micros("", share)
        assert sum(each < quantile for each in prices) * 1_000_000 <= share * len(prices)
        assert sum(each <= quantile for each in prices) * 1_000_000 > share * len(prices) or (
            quantile == max(prices)
        )


def test_an_unknown_category_has_no_prices():
    """Half, so that nobody counts as looking cheap or dear."""
    nothing = Assortment()
    assert (nothing.percentile_ppm("x", 5), nothing.quantile_micros("x", 5)) == (500_000, 0)


def test_no_visitor_s_interests_make_it_look_at_more_than_so_many_products():
    """`kairos bench core` has the time that this takes."""
    products = shop(3_000, 16).products
    looks = [f"p{n}" for n in range(1, 17)]
    seen = visit(products, *looks)
    offered = seen[2].assortment.candidates({f"c{n}" for n in range(16)})
    assert 250 < len(offered) <= CANDIDATES_MAX
    assert len(chosen(*seen)) == PRODUCTS_MAX
