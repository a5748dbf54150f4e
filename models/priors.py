"""6 Priors: what a kind of action is expected to do before anything was learned.

These are starting points, not claims: a campaign's file overrides them, and what learning finds
replaces them. A quality is base + the sum of weight x score, all in ppm, where the score is the
visitor's own at that moment (models/decision.py). Weights say only the direction everybody
agrees on: a discount works on those who would leave, free shipping on those who count, a carousel
on those who look around.
"""

from __future__ import annotations

from msgspec import Struct


class Prior(Struct, frozen=True):
    """Defaults of one kind of action; `base_ppm` and weights are ppm, `kind` of its creative."""

    kind: str
    base_ppm: int
    response: dict[str, int]
    needs: tuple[str, ...] = ()
    doc: str = ""


PRIORS = {
    "discount_popup": Prior(
        "modal",
        4_000,
        {"churn_risk": 30_000, "price_sensitivity": 20_000, "purchase_intent": -10_000},
        doc="an incentive for those who would leave or count every cent",
    ),
    "product_carousel": Prior(
        "inline",
        5_000,
        {"engagement_intent": 15_000, "exploration": 15_000, "frustration": -5_000},
        doc="other products for those who look around",
    ),
    "free_shipping_banner": Prior(
        "banner",
        6_000,
        {"checkout_readiness": 20_000, "price_focus": 10_000},
        doc="one reason less to put the order off",
    ),
    "identity_capture": Prior(
        "modal",
        2_000,
        {"bounce_risk": 10_000, "stickiness": 8_000},
        ("marketing",),
        doc="an address to come back to",
    ),
    "cart_save": Prior(
        "modal",
        5_000,
        {"churn_risk": 25_000, "hesitation": 20_000},
        doc="keeps a cart for later",
    ),
    "email": Prior(
        "inline",
        3_000,
        {"churn_risk": 10_000},
        ("marketing",),
        doc="a message after the visit",
    ),
}
"""Action type -> its prior."""

OWN_ACTION = Prior("inline", 3_000, {}, doc="any action a campaign brings itself")


def prior(action_type: str) -> Prior:
    """The prior of an action type; an action of the campaign's own has a plain one."""
    return PRIORS.get(action_type, OWN_ACTION)
