"""Plain events in C: the state bytes that the step of models/user.py leaves, or none at all."""

from __future__ import annotations

import random
from hashlib import blake2b, sha256
from shutil import which
from struct import pack

import pytest
from msgspec.structs import replace

from connectors.intents import intents_of
from connectors.native import native
from connectors.plain import plain, source
from infra.setup.native import COMPILERS
from models import (
    auction,
    burst,
    choice,
    decay,
    decision,
    dedup,
    eligibility,
    facts,
    features,
    outreach,
    record,
    recurrence,
    seen,
    session,
    skew,
    trends,
    user,
)
from models.context import Context
from models.features import FEATURES
from models.plain import TYPES_ASKING, TYPES_FOLDED
from models.state_step import step_state
from models.user import NO_STOPWATCH
from models.vocabulary import CODES
from schemas.campaign import EMAIL, Campaigns
from schemas.event import Product
from schemas.model import Model
from schemas.offer import ChannelCap
from schemas.policy import Policy
from schemas.products import Products
from schemas.site import Site
from tests.builders import BEGINNING, campaign
from tests.oracle.visits import CONCEPTS, GOODS, HEADS, PACING, RULES, Visitor

pytestmark = pytest.mark.skipif(
    not any(map(which, COMPILERS)), reason="no C compiler, as set-up says"
)
EVENTS = 80
SEEDS = range(30)
LETTERS = tuple(
    campaign(f"MAIL_{cause}", placement=EMAIL, on=(cause,))
    for cause in ("in_session", "at_close", "cart_abandoned")
)


MORE = (
    campaign(
        "SIGNAL", when="burst_interactions >= 1 and stage_moves < 9", margin_micros=15_000_000
    ),
    campaign("CARRIES", action_type="product_carousel", margin_micros=14_000_000),
    campaign("INSTEAD", otherwise="LETTER", base_ppm=90_000),
    campaign("PAUSED", paused=True),
)
MANY = tuple(
    campaign(
        f"M{at:02d}",
        when=("", "hovers >= 1", "session_age >= 9s or cart_items >= 2")[at % 3],
        base_ppm=15_000 + 7 * (at % 13),
        priority=at % 2,
        response={"churn_risk": 500 * (at % 5)},
        fallback=False,
    )
    for at in range(70)
)
"""More than a machine word has bits, with ties."""


def deciding(rng: random.Random) -> dict[str, object]:
    """What of a site decides who gets something, and who may see it."""
    return {
        "reserve_micros": rng.choice((0, 100_000, 230_000)),
        "mode": rng.choice(("live", "live", "observe")),
        "holdout_ppm": rng.choice((0, 0, 400_000)),
        "rollout_ppm": rng.choice((1_000_000, 1_000_000, 600_000)),
        "placements": rng.choice((("page",), ("page",), ("page",), ("page", "footer"))),
    }


class Chained:
    """A network whose hidden state is a hash of everything it was ever given."""

    def __init__(self, model: Model) -> None:
        self.size = model.hidden_size

    def step(self, features: list[float], hidden: bytes) -> tuple[list[int], bytes]:
        """Two concepts that any change of any input moves, within bounds that few cross."""
        told = sha256(hidden + pack(f"{len(features)}d", *features)).digest()
        concepts = [300_000 + int.from_bytes(told[at : at + 2]) * 4 for at in (0, 2)]
        return concepts, told * 2 if self.size else b""


def shop(rng: random.Random) -> Context:
    """A shop with or without messages, thresholds and a network that remembers."""
    out = Context(Chained, make_intents=intents_of)
    thresholds = rng.choice(({}, {"exploration": 550_000}))
    site = Site(
        site="demo", version=1, salt=b"salt", dwell_ms=20_000, thresholds=thresholds,
        high_intent_ppm=rng.choice((1_000_000, 780_000)),
    )  # fmt: skip
    letters = rng.choice(((), LETTERS, LETTERS[:1], LETTERS[1:2]))
    out.add("sites", replace(site, **deciding(rng)))
    rules = [each for each, _ in rng.sample(RULES, 5)]
    made = (*rules, *letters, *rng.choice(((), MORE, MANY)))
    channels = rng.choice(((), (ChannelCap(channel="on_site", cap_session=1),)))
    out.add("campaigns", Campaigns(site="demo", version=1, campaigns=made, channels=channels))
    floor_ppm = rng.choice((0, 0, 0, 50_000))
    policy = Policy(site="demo", version=2, pacing_ppm=PACING, explore_floor_ppm=floor_ppm)
    if rng.random() < 0.5:
        out.add("policy", policy)
    out.add("products", Products(site="demo", version=1, products=GOODS))
    size, stale_ms = rng.choice((0, 16)), rng.choice((0, 0, 90_000))
    known = {"concepts": CONCEPTS, "heads": HEADS, "hidden_size": size, "sha256": "ab" * 32}
    model = Model(version=1, features=FEATURES, **known)
    out.add("models", replace(model, effective_at_ms=0))
    if stale_ms:
        later = replace(model, version=2, stale_after_ms=stale_ms)
        out.add("models", replace(later, effective_at_ms=BEGINNING + 300_000))
    return out


def visit(rng: random.Random, count: int):
    """What a visitor of the oracle does, most of it made plain and in order."""
    following = {"t1": 0, "t2": 0}
    for made in Visitor(rng).events(count):
        event = made
        if rng.random() < 0.85:
            tab = "t1" if rng.random() < 0.95 else "t2"
            following[tab] += rng.choices((1, 2, 9, 64, 70, 1_030), (40, 2, 2, 1, 1, 1))[0]
            target = {"target": rng.choice(("a", "b", "é", 3.5, True))}
            kind = rng.choice(TYPES_FOLDED if rng.random() < 0.7 else TYPES_ASKING)
            good = rng.choice(GOODS)
            product = rng.choice(
                (None, *3 * [Product(good.id, "", good.category, good.price_micros, "EUR", 2)])
            )
            event = replace(
                made,
                tab_id=tab,
                session_index=following[tab],
                source=rng.choice((None, None, None, made.source)),
                sent_at_ms=made.ts_ms,
                slot_id=None,
                type=kind,
                product=product if kind in TYPES_ASKING else made.product,
                consent_unsaid=True,
                properties=rng.choice(({}, target)),
                tap_velocity_ms=rng.choice((None, 0, 180, 2_000_000)),
            )
        yield event


def differing(seed: int) -> tuple[int, list[int]]:
    """How many events of one visit leave something else than `step` says, and how many are plain:
    those that ask for nothing, those that ask, those decided in C, and those given something there.

    Every event starts from what `step` says of the one before.
    """
    rng = random.Random(seed)
    ctx, state, wrong, folded = shop(rng), None, 0, [0, 0, 0, 0]
    for event in visit(rng, EVENTS):
        ctx.plain = None
        meant = step_state(state, event, event.user_key, ctx)
        ctx.plain = plain()
        wrong += step_state(state, event, event.user_key, ctx) != meant
        if state is not None:
            made = plain().folded(state, event, event.user_key, ctx, NO_STOPWATCH)
            folded[made is not None and made[1] is not None] += made is not None
            count_decided(made, event, ctx, folded)
        state = meant[0]
    return wrong, folded


def count_decided(made, event, ctx: Context, folded: list[int]) -> None:
    """Count a decision in C."""
    if made is None or made[1] is None:
        return
    decided = plain().decided(*made, event, event.user_key, ctx, NO_STOPWATCH)
    if decided is not None:
        folded[2] += 1
        folded[3] += decided[1][0].decision.campaign_id != ""


def test_a_plain_event_leaves_the_bytes_that_the_step_leaves():
    """Visits with everything that goes wrong, under many shops; effects and verdicts too."""
    found = [differing(seed) for seed in SEEDS]
    assert sum(wrong for wrong, _ in found) == 0
    silent, asking, decided, given = map(sum, zip(*(folded for _, folded in found), strict=True))
    assert silent > 15 * len(SEEDS) and asking > 2 * len(SEEDS), "few of them were plain"
    assert 2 * decided > asking and 4 * given > decided > given, "few were decided in C"


BUGS = {
    "a trend moves otherwise": (trends, "SLOW", lambda real: [each + 9 for each in real]),
    "a band begins earlier": (burst, "BANDS_PPM", lambda _: (600_000, 900_000)),
    "a profile lives longer": (user, "PROFILE_TTL_MS", lambda real: real + 1),
    "a trail is shorter": (session, "TRAIL_MAX", lambda _: 5),
    "less is remembered": (recurrence, "EARLIER_BYTES_MAX", lambda _: 300),
    "other hashes are kept": (dedup, "HASHED", lambda _: 32),
    "a log of counts is another": (features, "log1p", lambda real: lambda each: real(each) + 1e-15),
    "a click is no interaction": (
        burst,
        "INTERACTIONS",
        lambda real: real - {CODES["click"]},
    ),
    "a stage acts again": (eligibility, "acted_in_stage", lambda _: lambda *_: False),
    "a reserve grows sooner": (
        choice,
        "shown_in_session",
        lambda real: lambda profile: real(profile) + 1,
    ),
    "a price is a micro more": (auction, "_price", lambda real: lambda *those: real(*those) + 1),
    "a slot has another name": (
        decision,
        "event_slot",
        lambda real: lambda *those: real(*those)[:-1],
    ),
    "a digest is another": (record, "digest", lambda real: lambda profile: real(profile)[::-1]),
    "a fact is another": (facts, "_session", lambda _: lambda *_: None),
    "nobody is capped": (eligibility, "used", lambda _: lambda *_: None),
    "a dwell comes later": (
        user,
        "_free_ms",
        lambda real: lambda profile, tab, at_ms: real(profile, tab, at_ms + 1),
    ),
    "a look weighs more": (decay, "WEIGHTS", lambda real: tuple(each + 1 for each in real)),
    "fewer are kept of what was seen": (seen, "SEEN_MAX", lambda _: 2),
    "more is sampled": (skew, "SAMPLE_PPM", lambda _: 500_000),
    "messages wait longer": (outreach, "SESSION_GAP_MS", lambda real: real + 1),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_difference_would_show(monkeypatch, bug):
    """Python is changed and C is not: the comparison finds it within a few visits."""
    module, name, changed = BUGS[bug]
    monkeypatch.setattr(module, name, changed(getattr(module, name)))
    assert any(differing(seed)[0] for seed in SEEDS)


def test_plain_events_are_folded_in_c():
    """Were it not built, the figures would be those of Python."""
    assert plain() is not None, "run python -m connectors.native_build"


def test_hashes_are_those_of_hashlib():
    """Lengths around the ends of blocks, with and without a key."""
    rng, made = random.Random(1), native(source())
    for length in (*range(300), 1_024, 4_096):
        data, size = rng.randbytes(length), rng.randint(1, 64)
        for key in (b"", rng.randbytes(rng.randint(1, 64))):
            assert made.hashed(data, size, key) == blake2b(data, digest_size=size, key=key).digest()
