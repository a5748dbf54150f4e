"""A change of taste: from one moment on, who comes answers each action as it answered another.

It is the demo's test of learning: nothing tells kairos of it, and the mix of actions has to follow.
"""

from __future__ import annotations

from dataclasses import replace

from infra.demo.persona import Persona

AS_BEFORE = {
    "product_carousel": "discount_popup",
    "discount_popup": "product_carousel",
    "free_shipping_banner": "identity_capture",
    "identity_capture": "free_shipping_banner",
    "cart_save": "fit_advice",
    "fit_advice": "cart_save",
}
"""Action type -> the one that was answered so before; any other stays as it was."""


def turned(persona: Persona) -> Persona:
    """The same habits with other answers.

    >>> from infra.demo.personas import BY_NAME
    >>> turned(BY_NAME["window_shopper"]).response("discount_popup").click
    0.3
    """
    answers = persona.responses
    after = {new: answers[old] for new, old in AS_BEFORE.items() if old in answers}
    stay = {name: each for name, each in answers.items() if name not in AS_BEFORE}
    return replace(persona, responses={**stay, **after})
