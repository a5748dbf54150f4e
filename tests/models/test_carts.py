"""Carts: what counts as left or abandoned, what ends it, and which popups that stops."""

from __future__ import annotations

from typing import Any

import pytest

from models.carts import standing, stopped
from models.catalogue import catalogue_of
from models.effects import Decide
from models.user import step
from schemas.campaign import Campaigns
from schemas.profile import Profile
from schemas.render import Render
from tests.builders import ONE_MINUTE, campaign, context, event, lamp, page

CART, HOME, CHECKOUT = page("/cart", "cart"), page("/", "home"), page("/checkout", "checkout")
ADD = ("add_to_cart", {"product": lamp()})
REMOVE = ("remove_from_cart", {"product": lamp()})
VIEW_CART, BUY = ("cart_view", {}), ("purchase", {"value_micros": 1})
GO_HOME = ("page_view", {"page": HOME})
Step = tuple[str, dict[str, Any]]

STORIES: list[tuple[list[Step | int], str]] = [
    ([ADD], ""),
    ([ADD, GO_HOME], ""),
    ([VIEW_CART, GO_HOME], ""),
    ([ADD, VIEW_CART], ""),
    ([ADD, VIEW_CART, GO_HOME], "left"),
    ([ADD, ("page_view", {"page": CART}), GO_HOME], "left"),
    ([ADD, ("checkout_start", {"page": CHECKOUT}), GO_HOME], "left"),
    ([ADD, VIEW_CART, ("page_view", {"page": CHECKOUT})], ""),
    ([ADD, VIEW_CART, ("product_view", {"product": lamp()})], "left"),
    ([ADD, VIEW_CART, ("hidden", {})], "left"),
    ([ADD, VIEW_CART, ("hidden", {}), ("visible", {})], ""),
    ([ADD, VIEW_CART, ("page_leave", {})], "left"),
    ([ADD, VIEW_CART, ("exit_intent", {})], ""),
    ([ADD, VIEW_CART, GO_HOME, ("scroll", {})], "left"),
    ([ADD, VIEW_CART, GO_HOME, VIEW_CART], ""),
    ([ADD, VIEW_CART, GO_HOME, ADD], ""),
    ([ADD, VIEW_CART, GO_HOME, REMOVE], ""),
    ([ADD, VIEW_CART, GO_HOME, BUY], ""),
    ([ADD, VIEW_CART, GO_HOME, 31, GO_HOME], "abandoned"),
    ([ADD, 31, GO_HOME], "abandoned"),
    ([ADD, 29, GO_HOME], ""),
    ([ADD, BUY, 31, GO_HOME], ""),
    ([ADD, 31, GO_HOME, VIEW_CART], ""),
    ([ADD, 31, GO_HOME, VIEW_CART, GO_HOME], "left"),
    ([ADD, 31, GO_HOME, BUY], ""),
    ([ADD, 31, GO_HOME, 31, GO_HOME], "abandoned"),
]


@pytest.mark.promise("C24")
@pytest.mark.parametrize(("story", "want"), STORIES)
def test_a_cart_is_left_abandoned_or_neither(story: list[Step | int], want: str) -> None:
    """A number in a story is minutes in which nothing happens."""
    assert standing(played(story)) == want


def played(story: list[Step | int], *campaigns: Any) -> Profile:
    profile, ctx, now_ms = None, context(*campaigns), 0
    for index, each in enumerate(story):
        if isinstance(each, int):
            now_ms += each * ONE_MINUTE
            continue
        now_ms += 1_000
        made = event(each[0], now_ms, index, **each[1])
        profile, _, _ = step(profile, made, made.user_key, ctx)
    assert profile is not None
    return profile


# where the cart stands, trigger, action, kind -> kept from showing
STOPPED = [
    ("", "exit_intent", "discount_popup", "modal", False),
    ("left", "exit_intent", "discount_popup", "modal", True),
    ("left", "page_view", "discount_popup", "banner", False),
    ("left", "page_view", "product_carousel", "inline", False),
    ("left", "exit_intent", "cart_save", "modal", False),
    ("left", "page_view", "cart_save", "modal", True),
    ("left", "page_view", "cart_save", "banner", False),
    ("abandoned", "exit_intent", "cart_save", "modal", True),
    ("abandoned", "exit_intent", "discount_popup", "modal", True),
    ("abandoned", "page_view", "cart_save", "banner", False),
    ("abandoned", "page_view", "free_shipping_banner", "inline", False),
]


@pytest.mark.promise("C57", "C46")
@pytest.mark.parametrize(("where", "trigger", "action", "kind", "kept_from_showing"), STOPPED)
def test_a_left_cart_stops_every_popup_but_the_one_that_saves_it(
    where: str, trigger: str, action: str, kind: str, kept_from_showing: bool
) -> None:
    made = campaign(action_type=action, render=Render(kind=kind, title="T"))
    screens = catalogue_of(Campaigns(campaigns=(made,))).screens
    assert stopped(where, trigger, screens.popups, screens.savers) == kept_from_showing


@pytest.mark.promise("C57", "C58")
def test_the_selector_asks_where_the_cart_stands() -> None:
    """The discount gives way to the cart save once the cart was left."""
    popup = campaign("popup", on=("exit_intent",), base_ppm=900_000)
    save = campaign("save", action_type="cart_save", on=("exit_intent",))
    for story, winner in (([ADD, VIEW_CART], "popup"), ([ADD, VIEW_CART, GO_HOME], "save")):
        ctx, profile = context(popup, save), played(story, popup, save)
        leaving = event("exit_intent", 60_000, 9)
        _, effects, _ = step(profile, leaving, leaving.user_key, ctx)
        (decision,) = [each.decision for each in effects if isinstance(each, Decide)]
        assert decision.campaign_id == winner
        assert ("cart_left" in decision.reasons) == (winner == "save")


@pytest.mark.promise("C58")
def test_an_emptied_cart_withdraws_the_prompt_that_would_save_it() -> None:
    """Only that one: another on screen stays."""
    save = campaign("save", action_type="cart_save", on=("cart_view",))
    other = campaign("other", on=("page_view",), render=Render(kind="banner", title="T"))
    for shown, withdrawn in ((save, True), (other, False)):
        ctx, story = context(shown), [ADD, VIEW_CART, GO_HOME, REMOVE]
        profile, effects = None, []
        for index, (type_, fields) in enumerate(story):
            made = event(type_, index * 1_000, index, **fields)
            profile, new, _ = step(profile, made, made.user_key, ctx)
            effects += [each.decision for each in new if isinstance(each, Decide)]
        given = [each.slot_id for each in effects if each.campaign_id == shown.id]
        assert given and (list(effects[-1].cancels) == given) is withdrawn
