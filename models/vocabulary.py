"""Codes of event types in state and in the model's input: append only, never reorder."""

from __future__ import annotations

EVENT_TYPES = (
    "custom session_start page_view product_view scroll hover click tap search filter zoom "
    "video_play view_3d compare wishlist_add add_to_cart remove_from_cart cart_view "
    "checkout_start checkout_step purchase pause exit_intent hidden visible page_leave rage_click "
    "form_focus preference consent identify ask impression action_click dismiss convert"
).split()
CODES = {name: code for code, name in enumerate(EVENT_TYPES)}
CUSTOM = CODES["custom"]

INTERACTIONS = frozenset(
    CODES[name]
    for name in "hover click tap search filter zoom video_play view_3d compare wishlist_add "
    "add_to_cart remove_from_cart form_focus".split()
)
"""Types that count as an interaction with the page (promises E16 to E22)."""

BROWSE, CART, HIGH_INTENT = 0, 1, 2
STAGES = ("browse", "cart", "high_intent")

CONSENT_BITS = {"analytics": 1, "personalization": 2, "marketing": 4}
