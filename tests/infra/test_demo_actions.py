"""The demo's actions: each kind wins for some simulated visitor, with all that is drawn."""

from __future__ import annotations

import pytest

from infra.demo.goods import demo_goods
from infra.training.visits import visits
from models.effects import Decide
from models.user import step
from schemas.decision import Decision
from schemas.event import Product as Viewed
from tests.builders import event, page
from tests.infra.test_demo_files import CAMPAIGNS, decided, demo, pages

TENT = Viewed("p1", "Ridge tent for two", "camping", 189_000_000, "EUR")
VISITORS = 60


@pytest.fixture(scope="module")
def wins() -> list[Decision]:
    """Everything that simulated visitors of all personas are shown."""
    context, found = demo(), []
    for visit in visits(VISITORS, "actions", demo_goods()):
        profile = None
        for each in visit.events:
            profile, effects, _ = step(profile, each, each.user_key, context)
            decisions = [effect.decision for effect in effects if isinstance(effect, Decide)]
            found += [decision for decision in decisions if decision.render is not None]
    return found


def first(wins: list[Decision], action_type: str) -> Decision:
    """The first decision for an action of this type."""
    found = [each for each in wins if each.action_type == action_type]
    assert found, f"{action_type} never wins; wins: {sorted({each.campaign_id for each in wins})}"
    return found[0]


@pytest.mark.promise("C42")
def test_a_discount_popup_carries_its_code(wins: list[Decision]) -> None:
    render = first(wins, "discount_popup").render
    assert render is not None
    assert render.kind == "modal" and render.code
    assert render.cta_url == f"/cart?code={render.code}"


@pytest.mark.promise("C43")
def test_a_carousel_finds_its_products_with_reasons(wins: list[Decision]) -> None:
    render = first(wins, "product_carousel").render
    assert render is not None and render.kind == "inline"
    assert len(render.products) == 12
    assert all(each.reason and each.price.endswith("EUR") for each in render.products)


@pytest.mark.promise("C44")
def test_a_free_shipping_banner_is_for_carts(wins: list[Decision]) -> None:
    decision = first(wins, "free_shipping_banner")
    assert decision.render is not None and decision.render.kind == "banner"
    assert decision.stage in ("cart", "high_intent")


@pytest.mark.promise("C45")
def test_an_address_is_asked_of_people_who_browse_on(wins: list[Decision]) -> None:
    decision = first(wins, "identity_capture")
    assert (decision.stage, decision.render and decision.render.kind) == ("browse", "modal")


@pytest.mark.promise("C46")
def test_a_cart_about_to_be_left_can_be_kept(wins: list[Decision]) -> None:
    decision = first(wins, "cart_save")
    assert decision.stage in ("cart", "high_intent")
    assert decision.render is not None and decision.render.cta_label == "Save my cart"


def test_every_campaign_of_the_demo_wins_sometimes(wins: list[Decision]) -> None:
    assert CAMPAIGNS is not None
    never = {each.id for each in CAMPAIGNS.campaigns} - {each.campaign_id for each in wins}
    assert len(never) <= 1, never


@pytest.mark.promise("X4")
def test_a_visitor_gets_one_incentive_a_session() -> None:
    """Two discounts and a kept cart exclude each other, whatever the scores say."""
    visit = [
        *pages("t0 t1 t2 t3", 5_000),
        event("product_view", 90_000, 10, page=page("/p/p1", "product"), product=TENT),
        event("exit_intent", 92_000, 11),
        event("add_to_cart", 94_000, 12, product=TENT),
        event("cart_view", 96_000, 13, page=page("/cart", "cart")),
        event("exit_intent", 98_000, 14),
    ]
    incentives = {"WELCOME_10", "STAY_15", "KEEP_MY_CART"}
    won = [each.campaign_id for each in decided(visit) if each.campaign_id in incentives]
    assert len(set(won)) == 1
