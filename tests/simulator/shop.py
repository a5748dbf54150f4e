"""The shop of every world: a site, six catalogues, products, two versions of the real model."""

from __future__ import annotations

from functools import cache
from typing import Any

from msgspec.structs import replace

import infra.model
from connectors.avro import Codec, codec, fingerprint
from connectors.log_decide import codecs
from connectors.memory import MemoryRegistry
from connectors.onnx import OnnxScorer
from models.context import Context
from operators.codecs import Codecs
from schemas.campaign import Campaign, Campaigns
from schemas.model import Model
from schemas.offer import ChannelCap
from schemas.policy import Policy
from schemas.products import CatalogueProduct, Products
from schemas.render import Render
from schemas.site import Site
from schemas.topics import DECISIONS
from tests.simulator.scheduler import Scheduler

SITE = "shop"
DAY_MS = 24 * 3600 * 1000
GOODS = tuple(
    CatalogueProduct(
        f"p{number}",
        f"Product {number}",
        f"https://shop.example/p{number}",
        "",
        ("light", "chair", "rug")[number % 3],
        (number + 1) * 15_000_000,
        number % 4,
        4_000_000,
        number * 7,
    )
    for number in range(9)
)


def campaign(id: str, **fields: Any) -> Campaign:
    """A campaign that bids unless told otherwise; short-lived, so that reservations lapse."""
    known: dict[str, Any] = {
        "action_type": "banner",
        "margin_micros": 8_000_000,
        "base_ppm": 20_000,
        "ttl_ms": 6_000,
        "render": Render(kind="modal", title=id),
    }
    return Campaign(id=id, **{**known, **fields})


EVERY: tuple[Campaign, ...] = (
    campaign("welcome", stages=("browse",), cap_day=2),
    campaign("twin-b", priority=3, cap_session=2, cap_day=0, margin_micros=11_000_000),
    campaign("twin-a", priority=3, cap_session=2, cap_day=3, margin_micros=11_000_000),
    campaign("cart", when="cart_value >= 30", stages=("cart",), margin_micros=9_000_000),
    campaign("leaving", on=("exit_intent",), margin_micros=12_000_000, holdout_ppm=300_000),
    campaign("dwell", on=("dwell",), needs=("personalization",), cap_session=2, cap_user=2),
    campaign("letter", channel="push", needs=("marketing",), response={"churn_risk": 60_000}),
    campaign("strip", placement="bar", cap_session=3, cap_day=3, margin_micros=3_000_000),
    campaign("pay", stages=("high_intent",), priority_override="checkout", margin_micros=1_000_000),
    campaign(
        "mail",
        action_type="email",
        placement="email",
        channel="email",
        on=("in_session", "at_close", "cart_abandoned"),
        needs=("marketing",),
        fallback=False,
    ),
    campaign("once", cap_user=1, excludes=("welcome",), response={"purchase_intent": 50_000}),
)
CATALOGUES = tuple(
    tuple(each for number, each in enumerate(EVERY) if number not in left_out)
    for left_out in ((), (0, 10), (1, 2), (4, 5), (3, 7), (0, 1, 2, 10))
)
"""What is published in turn; the first holds everything."""

CHANNELS = (ChannelCap(channel="push", cap_day=1), ChannelCap(channel="on_site", cap_session=4))


@cache
def registry() -> MemoryRegistry:
    """The registry of this process."""
    return MemoryRegistry()


@cache
def hop_codecs() -> Codecs:
    """The hop's codecs, shared by every world of this process."""
    return codecs(registry())


@cache
def control_codec(topic: str) -> Codec[Any]:
    """The codec of a control topic."""
    return codec(topic, registry())


@cache
def shipped() -> Model:
    """The model that ships."""
    return infra.model.load()


_scorers: dict[str, OnnxScorer] = {}


def scorer(model: Model) -> OnnxScorer:
    """The scorer of these ONNX bytes, made once a process. Raises ModelRefused."""
    if model.sha256 not in _scorers:
        _scorers[model.sha256] = OnnxScorer.from_model(model)
    return _scorers[model.sha256]


def empty_context() -> Context:
    """A context with nothing in force."""
    return Context(scorer, fingerprint(DECISIONS))


def first_records(scheduler: Scheduler) -> list[tuple[str, Any]]:
    """What is in force when a world begins, in the order it was published."""
    chance, between = scheduler.chance, scheduler.between
    site = Site(
        site=SITE,
        version=1,
        origins=("https://shop.example",),
        consent="required",
        salt=b"salt-%d" % between(0, 99),
        mint_secret=b"m" * 32,
        placements=chance.choice((("page",), ("page", "bar"))),
        dwell_ms=chance.choice((1_500, 4_000)),
        holdout_ppm=chance.choice((0, 0, 300_000)),
        rollout_ppm=chance.choice((1_000_000, 1_000_000, 600_000)),
        reserve_micros=chance.choice((0, 0, 50_000)),
        thresholds={"churn_risk": 500_000},
        high_intent_ppm=chance.choice((600_000, 300_000)),
        push=chance.choice(("minimal", "full")),
    )
    found: list[tuple[str, Any]] = [("sites", site), ("campaigns", catalogue(between(0, 5), 1, 0))]
    found.append(("products", Products(site=SITE, version=1, products=GOODS)))
    if chance.random() < 0.8:
        found.append(("models", replace(shipped(), version=1, effective_at_ms=0)))
    if chance.random() < 0.4:
        explored = Policy(site=SITE, version=1, explore_gamma_milli=2_000, explore_floor_ppm=50_000)
        found.append(("policy", explored))
    return found


def catalogue(which: int, version: int, effective_at_ms: int) -> Campaigns:
    """One of the catalogues as a control record."""
    return Campaigns(
        site=SITE,
        version=version,
        effective_at_ms=effective_at_ms,
        campaigns=CATALOGUES[which % len(CATALOGUES)],
        channels=CHANNELS,
    )


def refused_catalogue(version: int, effective_at_ms: int) -> Campaigns:
    """One whose condition does not compile."""
    wrong = (campaign("wrong", when="no_such_fact >= 1"),)
    return Campaigns(site=SITE, version=version, effective_at_ms=effective_at_ms, campaigns=wrong)
