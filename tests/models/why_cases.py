"""Decisions for the tests of explanations: stories of one visitor under generated catalogues."""

from __future__ import annotations

from hypothesis import strategies as st

from models.effects import Decide
from models.user import step
from models.why_case import Case
from models.why_facts import facts_at
from schemas.model import HAZARD, RISK, Head
from schemas.offer import Offer
from schemas.policy import Policy
from tests.builders import USER, campaign, context, event, lamp, page

KNOTS = ((0, 500_000, 1_000_000), (0, 300_000, 900_000))
HEADS = (
    Head("purchase_intent", 800_000, (2_500_000, -600_000), kind=RISK),
    Head("churn_risk", 1_300_000, (900_000, 3_000_000), *KNOTS, kind=RISK),
    Head("engagement_intent", -200_000, (1_500_000, -2_100_000), *KNOTS),
    Head("conversion_5m", -1_000_000, (2_000_000, -900_000), kind=HAZARD),
    Head("conversion_30m", -700_000, (-1_400_000, 600_000), kind=HAZARD),
)
"""Risks whose rivals grow with the same concept, and hazards that pull apart: not monotone."""

CONCEPTS = ("stickiness", "frustration")
CONDITIONS = (
    "",
    "frustration < 0.45",
    "purchase_intent >= 0.4 and stickiness > 0.5",
    "engagement_intent < 0.3 or conversion_30m > 0.4",
    "churn_risk > stickiness or cart_items >= 1",
    "not (frustration >= 50%) and page_views >= 1",
    "stickiness in [0.5, 0.500001] or scroll_depth >= frustration",
    "page_views >= 3",
)
OFFERS = (
    (),
    (Offer(name="more", risk_ppm=350_000, margin_micros=15_000_000),),
    (
        Offer(name="more", risk_ppm=350_000, margin_micros=15_000_000),
        Offer(name="most", risk_ppm=420_000, value_micros=30_000_000, margin_micros=5_000_000),
    ),
)
TYPES = "page_view product_view add_to_cart cart_view checkout_start exit_intent scroll".split()

campaigns = st.lists(
    st.builds(
        campaign,
        id=st.sampled_from(("a", "b", "c", "d", "e")),
        margin_micros=st.sampled_from((9_000_000, 10_000_000, 12_500_000)),
        base_ppm=st.sampled_from((0, 10_000, 20_000, 20_001)),
        response=st.dictionaries(
            st.sampled_from(("purchase_intent", "churn_risk", "frustration", "conversion_30m")),
            st.sampled_from((-60_000, 20_000, 60_000)),
            max_size=2,
        ),
        when=st.sampled_from(CONDITIONS),
        on=st.sampled_from(((), ("exit_intent",))),
        priority=st.integers(0, 1),
        holdout_ppm=st.sampled_from((0, 500_000)),
        stages=st.sampled_from(((), ("cart",))),
        paused=st.sampled_from((False, False, False, True)),
        offers=st.sampled_from(OFFERS),
        priority_override=st.sampled_from(("", "", "checkout")),
    ),
    unique_by=lambda each: each.id,
    max_size=5,
)
sites = st.fixed_dictionaries(
    {
        "reserve_micros": st.sampled_from((0, 100_000, 300_000)),
        "holdout_ppm": st.sampled_from((0, 300_000)),
        "rollout_ppm": st.sampled_from((1_000_000, 500_000)),
        "mode": st.sampled_from(("live", "live", "observe")),
        "placements": st.sampled_from((("page",), ("page", "banner"))),
    }
)
near = st.builds(
    int.__add__,
    st.sampled_from((0, 450_000, 500_000, 1_000_000)),
    st.one_of(st.integers(-2, 2), st.integers(-120, 120)),
).filter(lambda ppm: 0 <= ppm <= 1_000_000)
found = st.fixed_dictionaries(
    {name: st.one_of(near, near, st.integers(0, 1_000_000)) for name in CONCEPTS}
)
"""Concepts close to what conditions compare them with, where a search by one ppm too many shows."""

paths = st.lists(st.sampled_from(TYPES), min_size=1, max_size=4)


def told(path):
    """Events of one tab, a second apart."""
    made = []
    for index, kind in enumerate(path):
        fields = {"page": page(f"/{index}")}
        if kind in ("product_view", "add_to_cart"):
            fields["product"] = lamp()
        made.append(event(kind, 1_000 * index, index, **fields))
    return made


policies = st.one_of(
    st.none(),
    st.builds(
        Policy,
        site=st.just("demo"),
        version=st.just(1),
        pacing_ppm=st.dictionaries(st.sampled_from("abc"), st.sampled_from((0, 500_000))),
        explore_gamma_milli=st.just(20_000),
        explore_floor_ppm=st.sampled_from((0, 50_000)),
    ),
)


def cases_of(listed, site, concepts, path, with_facts=True, policy=None):
    """The last decisions of a story, one a placement, as cases."""
    ordered = {name: concepts[name] for name in CONCEPTS}
    ctx = context(*listed, site=site, concepts=ordered, heads=HEADS)
    if policy is not None:
        ctx.add("policy", policy)
    profile, made, events = None, [], told(path)
    for each in events:
        profile, effects, _ = step(profile, each, USER, ctx)
        decided = [effect.decision for effect in effects if isinstance(effect, Decide)]
        made = decided or made
    return [
        Case(
            decision,
            ctx.at("demo", decision.decided_at_ms),
            facts_at(events, decision, ctx) if with_facts else None,
        )
        for decision in made
    ]
