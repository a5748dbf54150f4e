"""Journeys as stories: short constructors for events, sites and campaigns in tests."""

from __future__ import annotations

from typing import Any

from models.context import Context
from schemas.campaign import Campaign, Campaigns
from schemas.event import Consent, Event, Page, Product
from schemas.model import Head, Model
from schemas.products import CatalogueProduct, Products
from schemas.render import Render
from schemas.site import Site

BEGINNING = 1_790_000_000_000
"""Engine time of the first event of a story, epoch milliseconds."""
USER = "demo:v:" + "0" * 32
ONE_SECOND = 1_000
ONE_MINUTE = 60_000
ALL = Consent(analytics=True, personalization=True, marketing=True)


def event(type: str, at_ms: int = 0, index: int = 0, **fields: Any) -> Event:
    """An event `at_ms` after the beginning, sent and received without delay."""
    now = BEGINNING + at_ms
    known = {
        "event_id": f"e-{index}-{type}-{at_ms}",
        "site": "demo",
        "user_key": USER,
        "session_id": "s1",
        "tab_id": "t1",
        "session_index": index,
        "ts_ms": now,
        "sent_at_ms": now,
        "received_at_ms": now,
        "accepted_at_ms": now,
        "consent": ALL,
    }
    return Event(type=type, **{**known, **fields})


def page(path: str = "/", type: str = "home") -> Page:
    """A page of the test shop."""
    return Page(url="https://shop.example" + path, path=path, type=type)


def lamp(quantity: int = 1, price: int = 40) -> Product:
    """The product most stories are about."""
    return Product("lamp", "Lamp", "light", price * 1_000_000, "EUR", quantity)


def journey(*steps: tuple[str, int, dict[str, Any]] | tuple[str, int]) -> list[Event]:
    """Events of one tab in order: (type, ms after the beginning, fields)."""
    return [
        event(each[0], each[1], index, **(each[2] if len(each) > 2 else {}))
        for index, each in enumerate(steps)
    ]


def campaign(id: str = "hello", **fields: Any) -> Campaign:
    """A campaign that bids on every slot unless told otherwise."""
    known: dict[str, Any] = {
        "action_type": "discount_popup",
        "margin_micros": 10_000_000,
        "base_ppm": 20_000,
        "render": Render(kind="modal", title="Hello"),
    }
    return Campaign(id=id, **{**known, **fields})


class FixedScorer:
    """A network whose concepts are those given, whatever goes in."""

    def __init__(self, *concepts_ppm: int) -> None:
        self.concepts_ppm = list(concepts_ppm)

    def step(self, features: list[float], hidden: bytes) -> tuple[list[int], bytes]:
        """The fixed concepts."""
        return list(self.concepts_ppm), hidden


def context(
    *campaigns: Campaign,
    site: dict[str, Any] | None = None,
    products: tuple[CatalogueProduct, ...] = (),
    concepts: dict[str, int] | None = None,
    heads: tuple[Head, ...] = (),
) -> Context:
    """A context with one site, its catalogue and, given concepts, a model that finds them."""
    scorer = FixedScorer(*(concepts or {}).values())
    out = Context(lambda model: scorer)
    settings = {"site": "demo", "version": 1, "salt": b"salt", "mint_secret": b"mint"}
    out.add("sites", Site(**{**settings, **(site or {})}))
    out.add("campaigns", Campaigns(site="demo", version=1, campaigns=tuple(campaigns)))
    if products:
        out.add("products", Products(site="demo", version=1, products=products))
    if concepts is not None:
        out.add("models", Model(version=1, concepts=tuple(concepts), heads=heads))
    return out
