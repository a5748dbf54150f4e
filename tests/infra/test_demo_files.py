"""The demo's files: readable, complete, and competing on what the model sees of a visitor."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from msgspec.structs import replace

from connectors.files import json_schema, read_campaigns, read_products, read_sites
from connectors.onnx import OnnxScorer
from infra.demo.publish import FOLDER
from infra.model import load as load_model
from models.context import Context
from models.priors import PRIORS
from models.user import advance, step
from schemas.decision import Decision
from schemas.event import Event
from schemas.event import Product as Viewed
from schemas.site import IMPLIED, LIVE
from tests.builders import BEGINNING, USER, event, page

DOCS = Path(__file__).parents[2] / "docs"
SITE = read_sites((FOLDER / "sites.yaml").read_text()).record
CAMPAIGNS = read_campaigns((FOLDER / "campaigns.yaml").read_text()).record
PRODUCTS = read_products((FOLDER / "products.yaml").read_text()).record


def demo() -> Context:
    """Everything the demo publishes, in force from the beginning."""
    assert SITE and CAMPAIGNS and PRODUCTS
    out = Context(OnnxScorer.from_model)
    out.add("sites", replace(SITE[0], version=1, salt=b"salt", mint_secret=b"mint"))
    out.add("campaigns", replace(CAMPAIGNS, version=1))
    out.add("products", replace(PRODUCTS, version=1))
    out.add("models", replace(load_model(), version=1))
    return out


def decided(events: list[Event], until_ms: int = 0) -> list[Decision]:
    """All decisions of one visitor."""
    context, profile, effects = demo(), None, []
    for each in events:
        profile, more, _ = step(profile, each, USER, context)
        effects += more
    if until_ms and profile is not None:
        effects += advance(profile, BEGINNING + until_ms, USER, context)[1]
    return [each.decision for each in effects if hasattr(each, "decision")]


def pages(kinds: str, gap_ms: int) -> list[Event]:
    """A visit that consists of page views alone: `t0 t1 cart`, one each `gap_ms`."""
    out = []
    for index, kind in enumerate(kinds.split()):
        name = "cart_view" if kind == "cart" else "page_view"
        out.append(event(name, index * gap_ms, index, page=page(f"/{kind}", kind)))
    return out


def test_the_demo_files_have_no_errors() -> None:
    assert SITE is not None and CAMPAIGNS is not None and PRODUCTS is not None
    assert (SITE[0].mode, SITE[0].consent, SITE[0].holdout_ppm) == (LIVE, IMPLIED, 0)
    assert len(PRODUCTS.products) >= 24
    assert len({each.category for each in PRODUCTS.products}) == 5


def test_the_demo_shows_every_kind_of_action_on_the_page() -> None:
    assert CAMPAIGNS is not None
    shown = {each.action_type for each in CAMPAIGNS.campaigns}
    assert set(PRIORS) - {"email"} <= shown
    assert len(CAMPAIGNS.campaigns) >= 6
    assert len({tuple(sorted(each.response)) for each in CAMPAIGNS.campaigns}) >= 5


VISITS = [
    ("t0 t1 t2 t3 t4 t5", 5_000),
    ("t0 t1 t0 t1 t0 t1 t0 t1", 40_000),
    ("t0 t2 cart t2 cart t3", 15_000),
    ("t1 t1 t1 t1", 90_000),
    ("t0 t1 t2 t3 t4 t5 t0 t1 t2 t3 t4 t5", 20_000),
    ("t0 cart cart t1 t2", 8_000),
    ("t5 t4", 2_000),
]


def test_page_views_alone_give_several_campaigns_a_win_by_their_scores() -> None:
    winners: Counter[str] = Counter()
    with_action = contested = 0
    for kinds, gap_ms in VISITS:
        won = [each for each in decided(pages(kinds, gap_ms)) if each.campaign_id]
        winners.update(each.campaign_id for each in won)
        with_action += bool(won)
        contested += sum(len(each.candidates) > 1 for each in won)
    assert len(winners) >= 3, winners
    assert with_action / len(VISITS) >= 0.2
    assert contested


def test_a_first_page_gets_nothing() -> None:
    (only,) = decided(pages("t0", 1_000))
    assert (only.campaign_id, only.reason) == ("", "no_eligible")


def test_twenty_seconds_on_a_product_ask_by_themselves() -> None:
    product = Viewed("p1", "Ridge tent for two", "camping", 189_000_000, "EUR")
    visit = [
        event("page_view", 0, 0, page=page("/", "home")),
        event("product_view", 1_000, 1, page=page("/p/p1", "product"), product=product),
    ]
    last = decided(visit, until_ms=25_000)[-1]
    assert (last.trigger.kind, last.campaign_id) == ("dwell", "STILL_THINKING")
    assert last.decided_at_ms == BEGINNING + 21_000


def test_leaving_a_product_in_time_cancels_the_question() -> None:
    product = Viewed("p1", "Ridge tent for two", "camping", 189_000_000, "EUR")
    visit = [
        event("product_view", 0, 0, page=page("/p/p1", "product"), product=product),
        event("page_view", 10_000, 1, page=page("/", "home")),
    ]
    assert "dwell" not in [each.trigger.kind for each in decided(visit, until_ms=60_000)]


@pytest.mark.parametrize("name", ["campaigns", "sites", "products"])
def test_the_published_schema_is_the_codes_and_holds_for_the_demo(name: str) -> None:
    published = json.loads((DOCS / "schemas" / f"{name}.schema.json").read_text())
    assert published == json_schema(name)
    loaded: Any = yaml.load((FOLDER / f"{name}.yaml").read_text(), yaml.BaseLoader)
    typed: Any = yaml.safe_load((FOLDER / f"{name}.yaml").read_text().replace(" on:", ' "on":'))
    jsonschema.validate(typed, published)
    assert len(loaded[name]) == len(typed[name])


def test_the_schema_refuses_what_the_code_refuses() -> None:
    bad = {
        "campaigns": [{"id": "A", "action": "x", "margin": 1, "render": {"title": "T"}, "cap": 1}]
    }
    with pytest.raises(jsonschema.ValidationError, match="cap"):
        jsonschema.validate(bad, json_schema("campaigns"))
