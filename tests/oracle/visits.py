"""Generated shops and visits, and both programs over one visit."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from models import user
from models.context import Context
from models.effects import Decide
from models.facts import facts
from schemas.campaign import Campaign, Campaigns
from schemas.decision import Decision, bitmap_names
from schemas.event import Consent, Event, Page, Product, Source
from schemas.exposure import EXPOSURES_MAX
from schemas.ids import event_slot
from schemas.model import Head, Model
from schemas.offer import Offer
from schemas.policy import Policy
from schemas.products import CatalogueProduct, Products
from schemas.profile import Profile, dump, load
from schemas.render import Render, RenderProduct
from schemas.site import Site
from tests.builders import BEGINNING
from tests.oracle.naive import Oracle
from tests.oracle.shop import Facts, Shop

STEPS = 30
PAUSES = (29 * 60_000 + 30_000, 31 * 60_000, 26 * 3_600_000)
"""Just within a visit, just beyond one, and the day after."""

CONCEPTS = ("frustration", "exploration")
HEADS = (
    Head("purchase_intent", 200_000, (-2_000_000, 1_500_000)),
    Head(
        "churn_risk",
        -100_000,
        (3_000_000, -900_000),
        (0, 300_000, 800_000),
        (10_000, 400_000, 900_000),
    ),
)
GOODS = tuple(
    CatalogueProduct(
        id=f"p{n}",
        category=("tents", "lights", "mugs")[n % 3],
        price_micros=(9 + 40 * n) * 1_000_000,
        stock=n % 4,
    )
    for n in range(9)
)
PACING = {"B": 500_000, "SPENT": 0}
MODAL, BANNER = Render(kind="modal", title="t"), Render(kind="banner", title="t")
SOLD_OUT = replace(
    BANNER, products=(RenderProduct(id="p0", title="t"), RenderProduct(id="p4", title="t"))
)


def _campaign(id: str, when: str = "", **fields: object) -> Campaign:
    known = {
        "action_type": "own",
        "margin_micros": 10_000_000,
        "base_ppm": 20_000,
        "render": BANNER,
    }
    return Campaign(id=id, when=when, **{**known, **fields})  # type: ignore[arg-type]


RULES: list[tuple[Campaign, Callable[[Facts], bool]]] = [
    (
        _campaign("A", response={"churn_risk": 30_000}, excludes=("x",), render=MODAL),
        lambda f: True,
    ),
    (
        _campaign("B", "cart_value >= 40", priority=2, cap_session=2),
        lambda f: f["cart_value"] >= 40_000_000,
    ),
    (
        _campaign(
            "C",
            "page_views >= 2 and not returning",
            base_ppm=30_000,
            cap_day=1,
            excludes=("x", "y"),
        ),
        lambda f: f["page_views"] >= 2 and not f["returning"],
    ),
    (
        _campaign(
            "DWELL",
            "dwell >= 20s",
            on=("dwell",),
            margin_micros=12_000_000,
            stages=("browse", "cart"),
        ),
        lambda f: f["dwell"] >= 20_000,
    ),
    (
        _campaign(
            "EXIT",
            on=("exit_intent",),
            base_ppm=50_000,
            ttl_ms=20_000,
            render=MODAL,
            offers=(
                Offer(name="some", risk_ppm=300_000, margin_micros=8_000_000),
                Offer(
                    name="much", risk_ppm=500_000, value_micros=100_000_000, margin_micros=6_000_000
                ),
            ),
        ),
        lambda f: True,
    ),
    (
        _campaign(
            "SAVE",
            "stage in [cart, high_intent]",
            action_type="cart_save",
            render=MODAL,
            margin_micros=11_000_000,
        ),
        lambda f: f["stage"] in ("cart", "high_intent"),
    ),
    (
        _campaign(
            "LETTER",
            "source == search or hovers >= 1",
            needs=("marketing",),
            cap_user=1,
            excludes=("y",),
        ),
        lambda f: f["source"] == "search" or f["hovers"] >= 1,
    ),
    (
        _campaign(
            "TILL", priority_override="checkout", stages=("high_intent",), margin_micros=3_000_000
        ),
        lambda f: True,
    ),
    (_campaign("SPENT", margin_micros=90_000_000), lambda f: True),
    (_campaign("STOCK", margin_micros=80_000_000, render=SOLD_OUT), lambda f: True),
    (
        _campaign("HELD_OUT", "rage_clicks >= 1", margin_micros=30_000_000, holdout_ppm=500_000),
        lambda f: f["rage_clicks"] >= 1,
    ),
    (
        _campaign("TIED", base_ppm=20_000, priority=1, cap_session=0, cap_day=0, fallback=False),
        lambda f: True,
    ),
    (_campaign("FOOT", placement="footer", cap_session=3, base_ppm=25_000), lambda f: True),
    (
        _campaign(
            "LATER",
            starts_at_ms=BEGINNING + 200_000,
            ends_at_ms=BEGINNING + 400_000,
            base_ppm=90_000,
        ),
        lambda f: True,
    ),
]


def concepts_of(vector: list[float]) -> list[int]:
    """Two concepts that any change of any input moves."""
    return [
        int(sum(value * (1 + (at * step) % 7) for at, value in enumerate(vector, 1)) * 12_345)
        % 1_000_001
        for step in (3, 5)
    ]


class Scorer:
    """The same function where the network stands."""

    def step(self, features: list[float], hidden: bytes) -> tuple[list[int], bytes]:
        """Its concepts."""
        return concepts_of(features), hidden


def shops(rng: random.Random) -> tuple[Context, Shop]:
    """One shop for both programs."""
    site = Site(
        site="demo",
        version=3,
        salt=b"salt",
        reserve_micros=rng.choice((0, 100_000, 230_000)),
        placements=rng.choice((("page",), ("page", "footer"))),
        dwell_ms=20_000,
        mode=rng.choice(("live", "live", "observe")),
        holdout_ppm=rng.choice((0, 0, 400_000)),
        rollout_ppm=rng.choice((1_000_000, 600_000)),
        high_intent_ppm=rng.choice((700_000, 990_000)),
        thresholds={"churn_risk": 500_000, "exploration": 700_000},
    )
    pairs = rng.sample(RULES, rng.randint(5, len(RULES)))
    campaigns = tuple(campaign for campaign, _ in pairs)
    model = Model(version=5, concepts=CONCEPTS, heads=HEADS)
    out = Context(lambda _: Scorer())
    out.add("sites", site)
    out.add("campaigns", Campaigns(site="demo", version=2, campaigns=campaigns))
    out.add("products", Products(site="demo", version=4, products=GOODS))
    out.add("models", model)
    out.add("policy", Policy(site="demo", version=6, pacing_ppm=PACING))
    holds = {campaign.id: holds for campaign, holds in pairs}
    versions = out.at("demo", BEGINNING).versions.numbers()
    shop = Shop(
        site,
        list(campaigns),
        holds,
        list(GOODS),
        list(HEADS),
        list(CONCEPTS),
        concepts_of,
        PACING,
        versions,
    )
    return out, shop


class Visitor:
    """Makes events, also wrong ones: repeats, old indexes, late deliveries, two tabs, outcomes."""

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.now, self.sent = rng, BEGINNING, list[Event]()
        self.next = {"t1": 0, "t2": 0}
        self.given: list[Facts] = []
        self.consent = Consent(True, True, True)
        self.key = f"demo:{rng.choice('vvvu')}:{rng.getrandbits(128):032x}"

    def events(self, count: int) -> Iterator[Event]:
        """`count` of them, each a consequence of what was decided before."""
        for _ in range(count):
            event = self._repeated() or self._new()
            self.sent.append(event)
            yield event

    def _repeated(self) -> Event | None:
        rng = self.rng
        if not self.sent or rng.random() > 0.08:
            return None
        again = replace(rng.choice(self.sent), received_at_ms=self.now)
        return replace(again, event_id=again.event_id + "x") if rng.random() < 0.3 else again

    def _new(self) -> Event:
        rng = self.rng
        gap = rng.choice((1, 500, 3_000, 9_000, 20_000, 40_000))
        self.now += rng.choices((gap, *PAUSES), (40, 1, 1, 0.4))[0]
        tab = "t1" if rng.random() < 0.75 else "t2"
        ahead = rng.choices((1, 2, 1_100), (30, 3, 0.3))[0]
        self.next[tab] += ahead
        index = self.next[tab] - (rng.choice((1, 70, 1_500)) if rng.random() < 0.04 else 0)
        ts = self.now - rng.choice((0, 20, 40, 700))
        received = self.now - (rng.choice((0, 900)) if rng.random() < 0.05 else 0)
        kind = rng.choice(KINDS)
        known: Facts = {
            "type": kind,
            "event_id": f"e{len(self.sent)}",
            "site": "demo",
            "user_key": self.key,
            "session_id": "s1",
            "tab_id": tab,
            "session_index": max(index, 0),
            "ts_ms": ts,
            "sent_at_ms": ts + (40_000 if rng.random() < 0.04 else 0),
            "received_at_ms": received,
            "consent": self._consent(),
        }
        return Event(**known, **self._what(kind), bot=rng.random() < 0.02)

    def _consent(self) -> Consent:
        if self.rng.random() < 0.04:
            self.consent = replace(self.consent, marketing=not self.consent.marketing)
        return self.consent

    def _what(self, kind: str) -> Facts:
        rng, out = self.rng, dict[str, object]()
        if rng.random() < 0.7:
            path = rng.choice(("/", "/c/tents", "/cart", "/p/1"))
            place = {"/": "home", "/cart": "cart", "/p/1": "product"}.get(path, "category")
            out["page"] = Page(path=path, type=rng.choice((place, place, "")))
        if kind in ("product_view", "add_to_cart", "remove_from_cart") or rng.random() < 0.1:
            good = rng.choice(GOODS)
            out["product"] = Product(
                good.id, "", good.category, good.price_micros, "EUR", rng.randint(1, 3)
            )
        if rng.random() < 0.4:
            out["active_duration_ms"] = rng.choice((0, 4_000, 25_000, 3_000_000))
        if rng.random() < 0.3:
            out["scroll_depth_ppm"] = rng.randrange(1_000_001)
        if rng.random() < 0.15:
            out["source"] = Source(*rng.choice(SOURCES))
        if kind == "search":
            out["properties"] = {"query": rng.choice(("tent", "lamp"))}
        if kind == "purchase":
            out["value_micros"] = rng.choice((None, 50_000_000))
        if kind in ("impression", "dismiss"):
            out |= self._outcome()
        return out

    def _outcome(self) -> Facts:
        """Mostly of something given; now and then of a fallback, or of nothing."""
        shown = [each for each in self.given if each["shown"]]
        held = [each for each in self.given if each["fallback"]]
        if held and self.rng.random() < 0.4:
            late = next(e for e in reversed(self.sent) if e.type not in ("impression", "dismiss"))
            slot = event_slot("demo", self.key, "page", late.event_id)
            carrier = self.rng.choice(held[-2:])["decision"]
            return {"slot_id": slot, "decision_id": carrier, "source_shown": "fallback"}
        if not shown:
            return {"slot_id": "s_none", "decision_id": "d_none"}
        each = self.rng.choice(shown[-3:])
        return {"slot_id": each["slot"], "decision_id": each["decision"], "source_shown": "model"}


KINDS = (
    "page_view page_view page_view product_view product_view product_view product_view scroll "
    "hover click search filter add_to_cart add_to_cart add_to_cart remove_from_cart "
    "remove_from_cart cart_view cart_view "
    "page_view product_view exit_intent scroll click hover checkout_start purchase exit_intent "
    "exit_intent hidden visible page_leave rage_click impression impression impression dismiss"
).split()
SOURCES = (
    ("https://www.google.com/x",),
    ("", "ads", "cpc", "spring"),
    ("", "l", "email"),
    ("https://a.example",),
    (),
)


def as_facts(made: Decision, names: tuple[str, ...]) -> Facts:
    """A decision of the core in the oracle's terms."""
    return {
        "trigger": made.trigger.kind,
        "class": made.latency_class,
        "cancels": made.cancels,
        "now": made.decided_at_ms,
        "slot": made.slot_id,
        "decision": made.decision_id,
        "place": made.placement,
        "stage": made.stage,
        "scores": list(made.scores.values()),
        "concepts": list(made.concepts.values()),
        "campaign": made.campaign_id,
        "reason": made.reason,
        "price": made.price_micros,
        "charge": made.charge_micros,
        "expires": made.expires_at_ms,
        "withheld": made.withheld,
        "offer": made.offer,
        "fallback": made.fallback.campaign_id if made.fallback else "",
        "until": made.fallback.valid_until_ms if made.fallback else 0,
        "fallback_reason": made.fallback_reason,
        "shown": made.render is not None,
        "seq": made.seq,
        "reasons": {code: bitmap_names(bits, names) for code, bits in made.reasons.items()},
        "candidates": [
            (c.campaign_id, c.bid_micros, c.quality_ppm, c.override) for c in made.candidates
        ],
        "counts": {
            n: getattr(made.counts, n) for n in ("applied", "duplicate", "late", "conflict")
        },
    }


def compare(rng: random.Random, steps: int = STEPS) -> int:
    """Run both over one visit; returns how many decisions agreed. Asserts that all do."""
    ctx, shop = shops(rng)
    visitor, state = Visitor(rng), None
    oracle = Oracle(shop, visitor.key)
    names = tuple(each.id for each in shop.campaigns)
    agreed = 0
    for event in visitor.events(steps):
        state, made = fast(state, event, ctx)
        wanted = oracle.take(event)
        assert len(made) == len(wanted)
        for one, other in zip([as_facts(each, names) for each in made], wanted, strict=True):
            assert one == other
        visitor.given += wanted
        agreed += len(wanted)
        check_facts(state, event, ctx, oracle)
        if len(oracle.given) >= EXPOSURES_MAX - 2:
            break
    return agreed


def fast(state: bytes | None, event: Event, ctx: Context) -> tuple[bytes, list[Decision]]:
    """The core, with a restart before every event."""
    profile, effects, _ = user.step(load(state), event, event.user_key, ctx)
    assert profile is not None
    return dump(profile), [each.decision for each in effects if isinstance(each, Decide)]


def check_facts(state: bytes, event: Event, ctx: Context, oracle: Oracle) -> None:
    """What conditions would read now, in the tab of this event."""
    profile = load(state)
    assert isinstance(profile, Profile)
    tab = next((t for t in profile.tabs if t.tab_id == event.tab_id), None)
    if tab is not None and profile.session.events:
        view = ctx.at("demo", profile.now_ms)
        known = facts(profile, tab, view, "ask", profile.now_ms)
        assert known == oracle.facts("ask", ("s1", event.tab_id), profile.now_ms)
