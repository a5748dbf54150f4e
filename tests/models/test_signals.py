"""Signals: each by a short story, and computed only where somebody names it."""

from __future__ import annotations

import pytest

from models.facts import facts
from models.names import NAMES
from models.signals import COUNTED, SIGNALS
from models.user import step
from schemas.event import Product, Source
from schemas.model import Head
from schemas.products import CatalogueProduct
from tests.builders import (
    BEGINNING,
    ONE_MINUTE,
    USER,
    FixedScorer,
    campaign,
    context,
    event,
    journey,
    lamp,
    page,
)

LIGHT = tuple(
    CatalogueProduct(f"p{n}", f"P{n}", "", "", "light", n * 10_000_000) for n in range(1, 5)
)
VIEW = ("product_view", 1_000, {"product": lamp(), "page": page("/p/lamp", "product")})
HOME = ("page_view", 0, {"page": page(), "source": Source(utm_source="x", utm_campaign="spring")})


def read(*steps, **more):
    """Every signal after these steps."""
    ctx = context(products=LIGHT, **more)
    profile = None
    for each in journey(*steps):
        profile, _, _ = step(profile, each, USER, ctx)
    view = ctx.at("demo", profile.now_ms)
    tab = profile.tabs[-1]
    return {name: signal(profile, tab, view, profile.now_ms) for name, signal in SIGNALS.items()}


STORIES = [
    # steps, signal, value
    ((HOME, VIEW, ("scroll", 46_000)), "product_dwell", 45_000),
    ((HOME, VIEW, HOME, VIEW), "product_looks", 2),
    ((HOME,), "product_looks", 0),
    ((HOME, VIEW), "category_interest", 1_000_000),
    ((HOME,), "category_interest", 0),
    ((HOME, VIEW), "top_category", "light"),
    ((HOME, VIEW), "top_interest", 1_000_000),
    ((HOME, VIEW), "price_standing", 750_000),
    ((HOME,), "price_standing", 500_000),
    ((HOME,), "first_source", "campaign"),
    ((HOME,), "first_utm_campaign", "spring"),
    ((HOME,), "last_utm_campaign", "spring"),
    ((HOME,), "last_source", "campaign"),
    ((VIEW,), "first_source", ""),
    ((HOME, VIEW), "last_event", "product_view"),
    ((HOME, VIEW), "previous_event", "page_view"),
    ((HOME,), "previous_event", ""),
    ((HOME,), "since_order", 30 * 24 * 3_600_000),
    ((("purchase", 0), ("page_view", ONE_MINUTE)), "since_order", ONE_MINUTE),
    ((("preference", 0, {"properties": {"style": "rustic"}}),), "stated_last", "style=rustic"),
    ((("preference", 0, {"properties": {"style": "rustic"}}),), "preferences", 1),
    ((HOME,), "stated_last", ""),
    ((HOME,), "consent_analytics", 1),
    ((HOME,), "consent_personalization", 1),
    ((("cart_view", 0), ("click", 9_000)), "stage_age", 9_000),
    ((HOME, ("cart_view", 4_000), ("click", 9_000)), "stage_age", 5_000),
    ((HOME, ("cart_view", 4_000), ("checkout_start", 5_000)), "stage_moves", 2),
    ((HOME, ("page_view", 40 * ONE_MINUTE)), "sessions", 2),
    ((HOME, ("page_view", 40 * ONE_MINUTE)), "bursts", 2),
    ((HOME, VIEW, ("zoom", 2_000), ("add_to_cart", 3_000, {"product": lamp()})), "looks_14d", 2),
    ((HOME, VIEW, ("zoom", 2_000), ("add_to_cart", 3_000, {"product": lamp()})), "buys_1d", 1),
    ((HOME, VIEW, ("zoom", 2_000)), "events_1d", 3),
]


@pytest.mark.promise("E1", "C36", "M44", "C55", "M1", "M2")
@pytest.mark.parametrize(("steps", "signal", "value"), STORIES)
def test_a_story_is_read_from_its_profile(steps, signal, value):
    """One row a signal, through the whole step and its decisions."""
    assert read(*steps)[signal] == value


@pytest.mark.promise("E5", "E9", "E10", "E11", "E12")
@pytest.mark.parametrize(("signal", "type_"), COUNTED.items())
def test_rich_interactions_are_counted(signal, type_):
    """Each under its own name, none under another's."""
    found = read(HOME, (type_, 1_000), (type_, 2_000))
    assert {name for name in COUNTED if found[name]} == {signal}
    assert found[signal] == 2


@pytest.mark.promise("M21", "M49")
def test_a_rising_score_is_seen_before_it_has_arrived(monkeypatch):
    """The state is a direction: churn risk rises while the visitor is still there."""
    head = Head("churn_risk", 0, (4_000_000,))
    scorer = FixedScorer(200_000)
    monkeypatch.setattr(
        FixedScorer, "step", lambda self, _, hidden: ([scorer.concepts_ppm[0]], b"")
    )
    ctx = context(concepts={"drop_off": 200_000}, heads=(head,))
    profile, found = None, []
    for number, concept in enumerate((200_000, 200_000, 900_000, 900_000)):
        scorer.concepts_ppm = [concept]
        profile, _, _ = step(profile, event("scroll", number * 30_000, number), USER, ctx)
        view = ctx.at("demo", profile.now_ms)
        names = ("churn_risk_rise", "churn_risk_fall", "purchase_intent_rise")
        found.append([SIGNALS[n](profile, profile.tabs[-1], view, profile.now_ms) for n in names])
    assert found[0] == found[1] == [0, 0, 0]
    assert 0 < found[2][0] < found[3][0] and [each[1:] for each in found] == [[0, 0]] * 4


def test_only_signals_that_a_condition_reads_are_computed():
    """The others cost nothing."""
    ctx = context(campaign(when="zooms >= 1 and left_intent == high"), campaign("b"))
    profile, _, _ = step(None, event("page_view"), USER, ctx)
    view = ctx.at("demo", BEGINNING)
    assert view.catalogue.signals == ("left_intent", "zooms")
    table = facts(profile, profile.tabs[-1], view, "ask", BEGINNING)
    assert table.keys() & SIGNALS.keys() == {"left_intent", "zooms"}


@pytest.mark.promise("E33", "E34")
def test_a_condition_on_signals_decides():
    """Scrolled far and paused on the sale: the countdown, and nobody else gets it."""
    ctx = context(campaign(when="paused_on == sale and scroll_depth > 80%", on=("exit_intent",)))
    calm = journey(HOME, VIEW, ("exit_intent", 9_000))
    keen = journey(
        HOME, VIEW,
        ("scroll", 2_000, {"scroll_depth_ppm": 850_000}),
        ("pause", 3_000, {"properties": {"target": "sale"}}),
        ("exit_intent", 9_000),
    )  # fmt: skip
    won = []
    for story in (calm, keen):
        profile = None
        for each in story:
            profile, effects, _ = step(profile, each, USER, ctx)
        won.append(effects[0].decision.campaign_id)
    assert won == ["", "hello"]


def test_every_signal_has_a_documented_name():
    """With type, range and meaning."""
    assert SIGNALS.keys() <= NAMES.keys()


def test_a_product_without_a_category_moves_no_interest():
    """Nothing to hold on to."""
    found = read(("product_view", 0, {"product": Product("x", "X", "", 5)}))
    assert (found["top_category"], found["top_interest"]) == ("", 0)
