"""Fallback: every decision says what may be shown if the next answer is late, or why nothing."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from models.effects import Decide
from models.user import step
from schemas.exposure import RELEASED, SHOWN
from schemas.offer import Offer
from schemas.products import CatalogueProduct
from schemas.render import Render, RenderProduct
from tests.builders import ALL, campaign, context, event, journey, lamp
from tests.models.test_user import play

MILLION = 1_000_000
GONE = CatalogueProduct("gone", "Gone", "/p", "", "light", 1, 0)
NO_MAIL = replace(ALL, marketing=False)
SOLD_OUT = Render(kind="modal", products=(RenderProduct("gone"),))


@pytest.mark.promise("C61", "C62", "X5")
@pytest.mark.parametrize(
    ("fields", "site", "fallback", "reason"),
    [
        ({}, {}, "exit", ""),
        ({"fallback": False}, {}, "", "no_eligible"),
        ({"when": "cart_value >= 40"}, {}, "", "no_eligible"),
        ({"needs": ("marketing",)}, {}, "", "no_eligible"),
        ({"render": SOLD_OUT}, {}, "", "no_eligible"),
        ({"stages": ("cart",)}, {}, "", "no_eligible"),
        ({"starts_at_ms": 1 << 50}, {}, "", "no_eligible"),
        ({"base_ppm": 10}, {"reserve_micros": 1_000}, "", "no_eligible"),
        ({}, {"holdout_ppm": MILLION}, "", "holdout"),
        ({}, {"mode": "observe"}, "", "observe"),
        ({}, {"rollout_ppm": 0}, "", "rollout"),
        ({"holdout_ppm": MILLION}, {}, "", "campaign_holdout"),
        ({"on": ()}, {}, "", "stage_used"),
        ({"on": (), "base_ppm": 10}, {"reserve_micros": 1_000}, "", "below_reserve"),
    ],
)
def test_a_fallback_passes_the_filters_of_a_decision(
    fields: dict[str, Any], site: dict[str, Any], fallback: str, reason: str
) -> None:
    """All but the trigger, under the same consent, caps, stock, reserve and holdouts."""
    known = {"on": ("exit_intent",), **fields}
    ctx = context(campaign("exit", **known), site=site, products=(GONE,))
    made = play([event("page_view", consent=NO_MAIL)], ctx)[0][0]
    assert (made.fallback.campaign_id if made.fallback else "") == fallback
    assert made.fallback_reason == reason


def test_a_cap_that_is_used_up_holds_for_the_fallback_too() -> None:
    ctx = context(campaign("exit", on=("exit_intent",), cap_session=1))
    made, profile = play(journey(("exit_intent", 0)), ctx)
    seen = event("impression", 100, 1, slot_id=made[0].slot_id)
    later = event("add_to_cart", 60_000, 2, product=lamp())
    decisions, _ = play([seen, later], ctx, profile)
    assert decisions[-1].fallback is None and decisions[-1].fallback_reason == "no_eligible"


def test_an_impression_of_a_released_fallback_books_it_and_not_the_slot_s_winner() -> None:
    """The edge showed the fallback in time; the answer came after that, and was not drawn."""
    ctx = context(
        campaign("exit", on=("exit_intent",)),
        campaign("cart", on=("add_to_cart",), fallback=False),
    )
    made, profile = play(
        journey(("page_view", 0), ("add_to_cart", 5_000, {"product": lamp()})), ctx
    )
    carrier, late = made
    assert carrier.fallback is not None and carrier.fallback.campaign_id == "exit"
    assert late.campaign_id == "cart"
    shown = event(
        "impression",
        5_200,
        2,
        slot_id=late.slot_id,
        decision_id=carrier.decision_id,
        source_shown="fallback",
    )
    _, profile = play([shown], ctx, profile)
    states = {each.campaign_id: each.state for each in profile.exposures}
    assert states == {"exit": SHOWN, "cart": RELEASED}


@pytest.mark.promise("X5")
def test_a_stand_in_bids_where_the_channel_or_its_consent_is_missing() -> None:
    ctx = context(
        campaign("mail", channel="email", needs=("marketing",), otherwise="banner"),
        campaign("banner", base_ppm=90_000),
    )
    unknown = play([event("page_view")], ctx)[0][0]
    assert unknown.campaign_id == "banner"
    known = "demo:u:" + "0" * 32
    for consent, winner in ((ALL, "mail"), (NO_MAIL, "banner")):
        each = event("page_view", consent=consent, user_key=known)
        _, effects, _ = step(None, each, known, ctx)
        made = [effect.decision for effect in effects if isinstance(effect, Decide)]
        assert [decision.campaign_id for decision in made] == [winner]


@pytest.mark.promise("X2", "X1")
def test_an_offer_changes_bid_creative_and_record() -> None:
    """A cart worth enough gets the stronger offer, at the margin that it leaves."""
    strong = Offer(
        name="strong",
        value_micros=100_000_000,
        margin_micros=4_000_000,
        render=Render(title="20 %"),
    )
    ctx = context(campaign("a", offers=(strong,)))
    for price, offer, title, bid in (
        (40, "", "Hello", 10_000_000),
        (100, "strong", "20 %", 4_000_000),
    ):
        made = play(journey(("add_to_cart", 0, {"product": lamp(1, price)})), ctx)[0][0]
        assert (made.offer, made.candidates[0].offer) == (offer, offer)
        assert (made.render.title, made.candidates[0].bid_micros) == (title, bid)


@pytest.mark.promise("X7")
def test_a_checkout_critical_campaign_goes_first_only_then() -> None:
    ctx = context(
        campaign("pay", priority_override="checkout", base_ppm=1_000),
        campaign("other", base_ppm=90_000),
    )
    decisions, _ = play(
        journey(("add_to_cart", 0, {"product": lamp()}), ("checkout_start", 60_000)), ctx
    )
    assert [each.campaign_id for each in decisions] == ["other", "pay"]
    assert [each.candidates[0].override for each in decisions] == [False, True]
