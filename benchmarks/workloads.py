"""Seeded, named workloads: the mix that drain and core benchmarks share.

The mix: 50 campaigns, 30 % of the events produce a decision, 2 % are duplicates, keys spread
evenly. Three of ten types ask, and duplicates ask for nothing: that is 29 %; dwell deadlines that
are due add the rest. The site sets no thresholds, and its `high_intent` is out of reach: a stage
then moves with a cart alone, which asks anyway; scores that cross 60 % and fall back would add 7 %.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec.structs import replace

from connectors.intents import intents_of
from connectors.loops import loops as built_loops
from connectors.onnx import OnnxScorer
from connectors.plain import plain
from infra.model import load as load_model
from models.context import Context
from models.intent import Scorer
from models.loops import Loops
from models.names import SOURCES
from models.vocabulary import STAGES
from schemas.campaign import Campaign, Campaigns
from schemas.event import Consent, Event, Page, Product
from schemas.model import Model
from schemas.render import Render
from schemas.site import Site

CAMPAIGNS = 50
DUPLICATES = 0.02
BEGINNING_MS = 1_790_000_000_000
ROOT = Path(__file__).parents[1]
_TYPES = ("page_view scroll hover click product_view scroll hover scroll click add_to_cart").split()
"""One turn of the mix: three of ten ask for a decision."""

_CONDITIONS = ("", "cart_value >= 40", "stage in [cart, high_intent]", "frustration < 0.6")
_ALL = Consent(analytics=True, personalization=True, marketing=True)


def campaigns(count: int = CAMPAIGNS) -> Campaigns:
    """A catalogue whose conditions and responses vary by position."""
    made = tuple(
        Campaign(
            id=f"CAMPAIGN_{number:03d}",
            action_type="discount_popup",
            when=_CONDITIONS[number % len(_CONDITIONS)],
            on=("exit_intent",) if number % 5 == 4 else (),
            margin_micros=10_000_000 + number * 10_000,
            base_ppm=5_000,
            response={"purchase_intent": 20_000, "churn_risk": 10_000 + number},
            render=Render(kind="modal", title="Title", body="Body", cta_label="Go", cta_url="/go"),
        )
        for number in range(count)
    )
    return Campaigns(site="bench", version=1, campaigns=made)


def conditions(count: int, seed: int = 1) -> list[str]:
    """Conditions as merchants write them: two to four parts, and one in ten with an `or`."""
    rng = random.Random(seed)
    pages = ("product", "home", "category", "cart", "search")
    out = []
    for number in range(count):
        parts = [
            f"stage in [{', '.join(rng.sample(STAGES, rng.randint(1, 2)))}]",
            f"cart_value >= {rng.randrange(0, 120)}.{rng.randrange(100):02d}",
            f"frustration < 0.{rng.randrange(100, 1000)}",
            f"churn_risk > 0.{rng.randrange(100, 900)}",
            f"page_type == {rng.choice(pages)}",
            f"product_views >= {rng.randrange(8)}",
            f"dwell >= {rng.randrange(60)}s",
            f"source in [{', '.join(rng.sample(SOURCES, 2))}]",
            f"hour >= {rng.randrange(12)}",
            "not returning",
        ]
        chosen = rng.sample(parts, rng.randint(2, 4))
        if number % 10 == 0:
            chosen.append("(searches > 2 or cart_items >= 3)")
        out.append(" and ".join(chosen))
    return out


def site() -> Site:
    """The site of the mix."""
    return Site(
        site="bench",
        version=1,
        salt=b"salt",
        mint_secret=b"mint",
        reserve_micros=1_000,
        high_intent_ppm=1_000_000,
    )


class ConstantScorer:
    """Stands for the network where only its absence is measured: all concepts at one half."""

    def __init__(self, model: Model) -> None:
        self._concepts_ppm = [500_000] * len(model.concepts)

    def step(self, features: list[float], hidden: bytes) -> tuple[list[int], bytes]:
        """The same concepts whatever goes in."""
        return list(self._concepts_ppm), hidden


def context(
    count: int = CAMPAIGNS,
    make_scorer: Callable[[Model], Scorer] = OnnxScorer.from_model,
    loops: Loops | None = None,
) -> Context:
    """The context of the mix with the model that ships, scored by its network or `make_scorer`."""
    out = Context(make_scorer, make_intents=intents_of, loops=loops or built_loops(), plain=plain())
    out.add("sites", site())
    out.add("campaigns", campaigns(count))
    out.add("models", replace(load_model(), version=1, effective_at_ms=0))
    return out


def arrivals(keys: int, beginning_ms: int) -> Iterator[Event]:
    """The first event of every key, 1 ms apart."""
    return (_event(key, 0, beginning_ms + key) for key in range(keys))


def mix(
    events: int,
    keys: int,
    seed: int = 1,
    *,
    beginning_ms: int = BEGINNING_MS,
    first_index: int = 0,
) -> Iterator[Event]:
    """The events of the mix in engine time, 1 ms apart; each key's begin at `first_index`."""
    rng = random.Random(seed)
    indexes = [first_index] * keys
    last: Event | None = None
    for number in range(events):
        now_ms = beginning_ms + number
        if last is not None and rng.random() < DUPLICATES:
            yield replace(last, received_at_ms=now_ms)
            continue
        key = rng.randrange(keys)
        last = _event(key, indexes[key], now_ms)
        indexes[key] += 1
        yield last


def _event(key: int, index: int, now_ms: int) -> Event:
    kind = _TYPES[(index + key) % len(_TYPES)]
    shops = kind in ("product_view", "add_to_cart")
    number = (key + index) % 24
    return Event(
        event_id=f"{key:08x}-0000-4000-8000-{index:012x}",
        type=kind,
        site="bench",
        user_key=f"bench:v:{key:032x}",
        session_id=f"s-{key:08x}",
        tab_id="t1",
        session_index=index,
        ts_ms=now_ms,
        sent_at_ms=now_ms,
        received_at_ms=now_ms,
        accepted_at_ms=now_ms,
        consent=_ALL,
        page=Page("https://shop.example/p/1", f"/p/{number}", "product", "A page"),
        product=Product(f"p{number}", "Lamp", "light", 39_000_000, "EUR") if shops else None,
        scroll_depth_ppm=700_000 if kind == "scroll" else None,
        active_duration_ms=4_000,
        gateway_id="g1",
    )
