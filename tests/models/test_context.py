"""Context: at each engine time the versions of that time, in whatever order they came."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.context import Context
from models.rules import RuleError
from schemas.campaign import Campaigns
from schemas.model import Model
from schemas.products import CatalogueProduct, Products
from schemas.site import Site
from tests.builders import campaign

EVER = 1 << 40


def site(version: int, effective_at_ms: int, **fields) -> Site:
    """One version of the site's settings."""
    return Site(site="demo", version=version, effective_at_ms=effective_at_ms, **fields)


def fresh() -> Context:
    """A context that scores with the model itself."""
    return Context(lambda model: model)


def test_a_version_is_in_force_from_its_time_until_the_next() -> None:
    """The table of engine times and versions, whatever the order of arrival; 0 is none."""
    versions = [site(1, 100), site(2, 200), site(3, 300)]
    for order in permutations(versions):
        ctx = fresh()
        for each in order:
            ctx.add("sites", each)
        asked = [0, 99, 100, 199, 200, 299, 300, EVER]
        assert [ctx.at("demo", now_ms).versions.site for now_ms in asked] == [
            0, 0, 1, 1, 2, 2, 3, 3
        ]  # fmt: skip


@given(
    st.dictionaries(st.integers(1, 50), st.integers(0, 40), max_size=12),
    st.lists(st.integers(0, 45), min_size=1, max_size=20),
)
def test_any_history_agrees_with_the_naive_search(times, asked) -> None:
    """The cache of views never shows a version of another time; the oracle is one line."""
    ctx = fresh()
    for version, effective_at_ms in times.items():
        ctx.add("sites", site(version, effective_at_ms))
    for now_ms in asked:
        due = [(at, version) for version, at in times.items() if at <= now_ms]
        assert ctx.at("demo", now_ms).versions.site == max(due, default=(0, 0))[1]


def test_the_same_version_again_replaces_itself() -> None:
    """A record read twice after a restart changes nothing; a moved one moves."""
    ctx = fresh()
    ctx.add("sites", site(1, 100))
    ctx.add("sites", site(1, 100))
    ctx.add("sites", site(1, 500))
    assert [ctx.at("demo", now_ms).versions.site for now_ms in (100, 500)] == [0, 1]


def test_a_view_read_before_a_record_came_is_not_kept() -> None:
    """What arrives late but was due is in force at once."""
    ctx = fresh()
    assert ctx.at("demo", 100).site is None
    ctx.add("sites", site(1, 50))
    assert ctx.at("demo", 100).site is not None


def test_a_condition_that_does_not_compile_leaves_the_earlier_catalogue() -> None:
    """A bad file must not empty the shop."""
    ctx = fresh()
    ctx.add("campaigns", Campaigns(site="demo", version=1, campaigns=(campaign("good"),)))
    bad = Campaigns(site="demo", version=2, campaigns=(campaign("bad", when="cart_value >>"),))
    with pytest.raises(RuleError):
        ctx.add("campaigns", bad)
    view = ctx.at("demo", EVER)
    assert view.catalogue is not None and view.catalogue.ids == ("good",)
    assert view.versions.catalogue == 1


@pytest.mark.parametrize(
    ("own", "version"),
    [(None, 7), (Model(site="demo", version=1), 1)],
)
def test_a_site_s_own_model_goes_before_the_default_one(own, version) -> None:
    """Without one of its own a site is scored by the default model."""
    ctx = fresh()
    ctx.add("models", Model(site="default", version=7))
    if own is not None:
        ctx.add("models", own)
    assert ctx.at("demo", EVER).versions.model == version


def test_a_removed_site_is_none() -> None:
    """Its version still shows in what was decided under it."""
    ctx = fresh()
    ctx.add("sites", site(1, 0, removed=True))
    view = ctx.at("demo", EVER)
    assert (view.site, view.versions.site) == (None, 1)


def test_sites_do_not_see_each_other() -> None:
    """One process serves many shops."""
    ctx = fresh()
    ctx.add("sites", site(1, 0))
    assert ctx.at("other", EVER).site is None


@pytest.mark.parametrize(
    ("price", "percentile_ppm"),
    [(0, 0), (10, 0), (11, 250_000), (20, 250_000), (40, 750_000), (41, 1_000_000)],
)
def test_the_price_percentile_is_the_share_of_cheaper_products(price, percentile_ppm) -> None:
    """Within the category; half where the category is unknown."""
    goods = tuple(
        CatalogueProduct(id=str(each), category="light", price_micros=each)
        for each in (30, 10, 40, 20)
    )
    ctx = fresh()
    ctx.add("products", Products(site="demo", version=1, products=goods))
    assortment = ctx.at("demo", EVER).assortment
    assert assortment.percentile_ppm("light", price) == percentile_ppm
    assert assortment.percentile_ppm("chairs", price) == 500_000
