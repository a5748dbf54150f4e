"""Who visits the demo shop: personas, how they behave, and how they answer an action.

Every number here is made up for a simulation; none is a claim about people. A figure obtained
from these visitors carries the word `simulated`.
"""

from __future__ import annotations

from random import Random

from infra.demo.persona import Persona, Response

PERSONAS = (
    Persona(
        name="bargain_hunter",
        share=0.18,
        will_buy=0.22,
        dwell_s=14,
        patience=14,
        friction=0.04,
        sources=("campaign", "referral", "email"),
        landing="category",
        scroll=0.6,
        weights={
            "sort": 3,
            "category": 3,
            "product": 5,
            "similar": 3,
            "search": 1.5,
            "add": 1,
            "cart": 1,
            "checkout": 0.8,
            "coupon": 1.2,
            "remove": 0.4,
            "leave": 0.8,
        },
        responses={
            "discount_popup": Response(0.45, 0.15, 0.30),
            "free_shipping_banner": Response(0.25, 0.05, 0.15),
            "product_carousel": Response(0.08, 0.05, 0.02),
            "cart_save": Response(0.10, 0.20, 0.03),
        },
    ),
    Persona(
        name="decided_buyer",
        share=0.14,
        will_buy=0.80,
        dwell_s=9,
        patience=12,
        friction=0.03,
        sources=("search", "direct", "email"),
        landing="product",
        scroll=0.4,
        weights={
            "search": 1,
            "product": 2,
            "similar": 1,
            "add": 5,
            "cart": 4,
            "checkout": 6,
            "leave": 0.4,
        },
        responses={
            "discount_popup": Response(0.30, 0.30, 0.02),
            "free_shipping_banner": Response(0.15, 0.05, 0.04),
            "identity_capture": Response(0.10, 0.30, 0.0),
        },
    ),
    Persona(
        name="window_shopper",
        share=0.22,
        will_buy=0.03,
        dwell_s=22,
        patience=16,
        friction=0.03,
        sources=("social", "direct", "referral"),
        landing="home",
        scroll=0.8,
        weights={
            "category": 4,
            "product": 6,
            "similar": 4,
            "wishlist": 1.2,
            "search": 0.6,
            "add": 0.25,
            "cart": 0.3,
            "checkout": 0.05,
            "leave": 0.8,
        },
        responses={
            "product_carousel": Response(0.30, 0.03, 0.06),
            "identity_capture": Response(0.12, 0.25, 0.03),
            "discount_popup": Response(0.10, 0.35, 0.02),
        },
    ),
    Persona(
        name="frustrated_visitor",
        share=0.12,
        will_buy=0.10,
        dwell_s=7,
        patience=10,
        friction=0.35,
        sources=("search", "direct"),
        landing="home",
        scroll=0.4,
        weights={
            "search": 4,
            "reword": 2,
            "rage": 1.0,
            "back": 2.5,
            "category": 2,
            "product": 3,
            "add": 0.6,
            "cart": 0.6,
            "checkout": 0.4,
            "leave": 1.2,
        },
        responses={
            "help_offer": Response(0.35, 0.08, 0.15),
            "discount_popup": Response(0.04, 0.60, -0.04),
            "product_carousel": Response(0.12, 0.10, 0.06),
            "identity_capture": Response(0.02, 0.60, -0.03),
        },
    ),
    Persona(
        name="comparer",
        share=0.13,
        will_buy=0.30,
        dwell_s=38,
        patience=20,
        friction=0.03,
        sources=("search", "referral"),
        landing="product",
        scroll=0.85,
        weights={
            "similar": 6,
            "back": 4,
            "compare": 3,
            "product": 2,
            "search": 1,
            "sort": 0.7,
            "add": 1.1,
            "cart": 1,
            "checkout": 1,
            "remove": 0.3,
            "leave": 0.6,
        },
        responses={
            "fit_advice": Response(0.25, 0.04, 0.10),
            "help_offer": Response(0.10, 0.10, 0.05),
            "product_carousel": Response(0.25, 0.05, 0.12),
            "discount_popup": Response(0.18, 0.25, 0.10),
            "free_shipping_banner": Response(0.15, 0.05, 0.06),
        },
    ),
    Persona(
        name="cart_abandoner",
        share=0.12,
        will_buy=0.18,
        dwell_s=13,
        patience=15,
        friction=0.06,
        sources=("campaign", "social", "email"),
        landing="category",
        scroll=0.5,
        weights={
            "category": 2,
            "product": 4,
            "similar": 2,
            "add": 4,
            "cart": 3,
            "remove": 1.4,
            "checkout": 1.2,
            "coupon": 0.5,
            "leave": 1,
        },
        responses={
            "fit_advice": Response(0.12, 0.06, 0.05),
            "cart_save": Response(0.30, 0.10, 0.18),
            "free_shipping_banner": Response(0.30, 0.04, 0.22),
            "discount_popup": Response(0.28, 0.20, 0.15),
        },
    ),
    Persona(
        name="bouncer",
        share=0.09,
        will_buy=0.0,
        dwell_s=8,
        patience=1,
        friction=0.02,
        sources=("social", "campaign", "search"),
        landing="home",
        scroll=0.2,
        weights={"leave": 20, "category": 0.3, "product": 0.3},
        responses={
            "product_carousel": Response(0.05, 0.10, 0.0),
            "discount_popup": Response(0.04, 0.40, 0.0),
        },
    ),
)

BY_NAME = {persona.name: persona for persona in PERSONAS}


def choose(rng: Random) -> Persona:
    """A persona by its share of the traffic."""
    return rng.choices(PERSONAS, [persona.share for persona in PERSONAS])[0]
