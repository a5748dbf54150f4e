"""One full value of every topic: no field left at its default, so nothing can be lost unseen."""

from __future__ import annotations

from typing import Any

from schemas.campaign import Campaign, Campaigns
from schemas.dead_letter import letter
from schemas.decision import (
    Candidate,
    Counts,
    Decision,
    Fallback,
    Nothing,
    TriggerRef,
    Versions,
    Withholding,
)
from schemas.event import Consent, Event, Page, Product, Source
from schemas.handoff import ProfileMerge
from schemas.model import Head, Model
from schemas.offer import ChannelCap, Offer
from schemas.policy import Policy, Quality
from schemas.products import CatalogueProduct, Products
from schemas.render import Render, RenderProduct
from schemas.site import Site, SiteSecret
from schemas.trigger import Trigger
from schemas.trigger_bounds import TriggerBounds

NOW_MS = 1_712_613_245_000
USER = "demo:v:00112233445566778899aabbccddeeff"
RENDER = Render(
    kind="modal",
    title="15 % off today",
    body="Only for you – 24 h",
    cta_label="Use it",
    cta_url="/cart?code=W15",
    code="W15",
    countdown_s=600,
    products=(RenderProduct("p1", "Crème", "/p/1", "/p/1.jpg", "19,90 €", "seen twice"),),
)


def event() -> Event:
    """A product view with everything a browser can tell."""
    return Event(
        event_id="9f8c4b2a-1e3d-4f7c-8a2b-0c1d2e3f4a5b",
        internal="probe",
        type="product_view",
        site="demo",
        user_key=USER,
        session_id="s-91",
        tab_id="t1",
        session_index=42,
        ts_ms=NOW_MS,
        sent_at_ms=NOW_MS + 10,
        received_at_ms=NOW_MS + 25,
        accepted_at_ms=NOW_MS + 20,
        consent=Consent(analytics=True, personalization=True, marketing=True),
        user_mode="authenticated",
        page=Page("https://shop.example/p/1", "/p/1", "product", "Crème"),
        product=Product("p1", "Crème", "skincare", 19_900_000, "EUR", 2),
        source=Source("https://search.example/", "search", "cpc", "winter"),
        scroll_depth_ppm=720_000,
        tap_velocity_ms=120,
        active_duration_ms=48_000,
        value_micros=59_800_000,
        slot_id="s_1",
        decision_id="d_1",
        source_shown="model",
        painted_at_ms=NOW_MS + 90,
        properties={"text": "ja", "number": 1.5, "flag": True},
        identity_ref="ref-1",
        pii=b"\x00\xff",
        gateway_id="g1",
        conn_id="c1",
        bot=True,
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        consent_unsaid=True,
    )


def decision() -> Decision:
    """An explored, withheld winner with a fallback."""
    return Decision(
        slot_id="s_00",
        decision_id="d_00",
        seq=7,
        epoch_ms=NOW_MS - 1,
        site="demo",
        user_key=USER,
        session_id="s-91",
        tab_id="t1",
        trigger=TriggerRef("dwell", "9f8c", NOW_MS + 20_000),
        decided_at_ms=NOW_MS + 25,
        latency_class="instant",
        placement="page",
        source="model",
        campaign_id="WINTER",
        action_type="discount_popup",
        reason="won",
        stage="cart",
        render=RENDER,
        expires_at_ms=NOW_MS + 30_025,
        scores={"purchase_intent": 410_000, "churn_risk": 90_000},
        concepts={"stickiness": 800_000},
        candidates=(
            Candidate(
                "WINTER",
                bid_micros=12_500_000,
                quality_ppm=31_000,
                score=387_500_000_000,
                price_micros=9_000_000,
                propensity_ppm=950_000,
                draw=7,
                priority=3,
                override=True,
                offer="deep",
                pacing_ppm=900_000,
                reserve_score=100_000_000_000,
                reason="withheld",
            ),
        ),
        reasons={"capped": b"\x05", "stage": b"\x80\x01"},
        price_micros=9_000_000,
        charge_micros=279_000,
        propensity_ppm=950_000,
        explored=True,
        holdout=True,
        withheld="holdout",
        fallback=Fallback("SHIP", "page", "free_shipping_banner", RENDER, NOW_MS + 60_000),
        cancels=("s_01", "s_02"),
        counts=Counts(41, 2, 1, 3, 1),
        profile_digest="c0ffee",
        versions=Versions(1, 2, 3, 4, 5, 6, "0123456789abcdef"),
        nothing=Nothing(100_000_000_000, 20_000, 99),
        withholding=Withholding(40_000, 50_000, 600_000, 900_000, 70_000, 60_000),
        offer="deep",
        fallback_reason="stage_used",
    )


def campaigns() -> Campaigns:
    """A catalogue of one campaign."""
    campaign = Campaign(
        id="WINTER",
        action_type="discount_popup",
        when="stage in [cart]",
        on=("exit_intent",),
        stages=("cart", "high_intent"),
        placement="page",
        margin_micros=12_500_000,
        priority=3,
        cap_session=2,
        cap_day=5,
        budget_micros_day=500_000_000,
        excludes=("discounts",),
        holdout_ppm=50_000,
        ttl_ms=20_000,
        starts_at_ms=NOW_MS,
        ends_at_ms=NOW_MS + 1,
        paused=True,
        fallback=False,
        needs=("marketing",),
        base_ppm=20_000,
        response={"frustration": -300_000},
        render=RENDER,
        value_micros=2_000_000,
        pacing="asap",
        budget_micros_total=9_000_000_000,
        cap_user=9,
        cap_campaign=10_000,
        channel="email",
        priority_override="checkout",
        otherwise="CART",
        offers=(
            Offer(
                name="strong",
                risk_ppm=600_000,
                value_micros=80_000_000,
                margin_micros=9_000_000,
                render=RENDER,
            ),
        ),
    )
    return Campaigns(
        site="demo",
        version=3,
        effective_at_ms=NOW_MS,
        campaigns=(campaign,),
        channels=(ChannelCap(channel="email", cap_session=1, cap_day=2, cap_user=30),),
        bounds=TriggerBounds(debounce_ms=400, active_high_ms=75_000),
    )


def site() -> Site:
    """A site with every switch moved."""
    return Site(
        site="demo",
        version=2,
        effective_at_ms=NOW_MS,
        origins=("https://shop.example",),
        currency="SEK",
        time_zone="Europe/Stockholm",
        consent="implied",
        mode="observe",
        rollout_ppm=250_000,
        push="full",
        holdout_ppm=50_000,
        placements=("page", "cart"),
        reserve_micros=100_000,
        dwell_ms=15_000,
        thresholds={"churn_risk": 700_000},
        high_intent_ppm=650_000,
        site_key="k-1",
        mint_secret=b"m" * 32,
        identify_secret=b"i" * 32,
        salt=b"s" * 32,
        removed=True,
        secrets=(SiteSecret("shopify", b"whsec", 0), SiteSecret("mint_secret", b"old", NOW_MS)),
        reward="clicks",
        reward_window_ms=600_000,
        reward_horizon_ms=7_200_000,
        margin_ppm=250_000,
        forced=True,
    )


def model() -> Model:
    """A model with one head; the graph is no real one."""
    return Model(
        site="demo",
        version=5,
        effective_at_ms=NOW_MS,
        name="gru-16",
        sha256="ab" * 32,
        onnx=b"\x08\x07",
        features=("scroll",),
        concepts=("frustration", "stickiness"),
        hidden_size=16,
        heads=(
            Head(
                "purchase_intent", -1_500_000, (2_000_000, -1), (0, 1_000_000), (5, 900_000), "risk"
            ),
        ),
        card='{"trained_on": "simulated"}',
        stale_after_ms=86_400_000,
        key_id="key-1",
        signature=b"\x01\x02",
        ece_ppm=12_000,
    )


def samples() -> dict[str, Any]:
    """Topic -> value, in its Python type or, where there is none yet, as a dict."""
    product = CatalogueProduct(
        "p1", "Crème", "/p/1", "/p/1.jpg", "skincare", 19_900_000, 12, 8_000_000, 340
    )
    products = Products(
        site="demo",
        version=4,
        effective_at_ms=NOW_MS,
        products=(product,),
        learned_until_ms=NOW_MS - 1_000,
        feed_version=3,
    )
    origin = {"origin_partition": 3, "origin_offset": 99, "origin_timestamp_ms": NOW_MS}
    dead = letter(
        reason="truncated",
        detail="the body cannot be read",
        topic="events",
        key=USER.encode(),
        value=b"\x00\x00\x00\x00\x01\x02",
        schema_id=1,
        build_id="b-1",
        **origin,
    )
    policy = Policy(
        site="demo",
        version=6,
        effective_at_ms=NOW_MS,
        pacing_ppm={"WINTER": 900_000},
        spend_until_ms=NOW_MS - 1_000,
        explore_gamma_milli=3_162_000,
        explore_floor_ppm=20_000,
        qualities={"WINTER": Quality(4_000, {"churn_risk": -30_000}, 812, 6_100, 2_000, 10_200)},
        held=True,
        fallback_reason="stale",
        learned_until_ms=NOW_MS - 2_000,
        rewards=10_000,
        ece_ppm=12_000,
    )
    trigger = Trigger(
        trigger_id="t_1",
        kind="mail",
        site="demo",
        user_key=USER,
        due_at_ms=NOW_MS + 1_800_000,
        campaign_id="CART",
        reason="cart_abandoned",
        cause="at_close",
        rule=6,
        arm="A4",
        timing="gap",
        detected_at_ms=NOW_MS,
        slot_id="s_1",
        fields={"active_s": "72"},
    )
    merge = ProfileMerge(
        merge_id="m_1",
        site="demo",
        user_key="demo:u:" + "1" * 32,
        from_key=USER,
        handoff_at_ms=NOW_MS,
        state=b"\x4b\x01",
    )
    return {
        "events": event(),
        "decisions": decision(),
        "dead-letters": dead,
        "triggers": trigger,
        "profiles": merge,
        "sites": site(),
        "campaigns": campaigns(),
        "products": products,
        "models": model(),
        "policy": policy,
    }
