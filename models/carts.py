"""7 Carts: a cart that was left, and later given up, and what ends that.

A cart is `left` when it is not empty and the visitor goes from cart or checkout to another page, or
away. It is `abandoned` once a session has ended over it, wherever it was left. A purchase, a change
of the cart and a return to it end both (promises Q11).
"""

from __future__ import annotations

from models.tally import cart_lines
from schemas.event import Event
from schemas.profile import Profile, Tab

LEFT, ABANDONED = "left", "abandoned"
POPUP, SAVE, EXIT = "modal", "cart_save", "exit_intent"
PLACES = frozenset(("cart", "checkout"))
_THERE = frozenset(("cart_view", "checkout_start", "checkout_step"))
_CHANGES = frozenset(("add_to_cart", "remove_from_cart"))
_VIEWS = frozenset(("page_view", "product_view"))
_AWAY = frozenset(("hidden", "page_leave"))


def update(profile: Profile, tab: Tab, event: Event) -> None:
    """Fold one event in, after session and tab took it."""
    state, number, type_ = profile.outreach, profile.session.number, event.type
    if state.seen_in != number:
        if state.seen_in and not state.left_in and filled(profile):
            state.left_in = state.seen_in
        state.seen_in, state.at_cart = number, False
    if type_ == "purchase":
        state.left_in, state.at_cart = 0, False
    elif type_ in _CHANGES:
        state.left_in = 0
    elif _there(type_, tab, returned=state.left_in == number):
        state.left_in, state.at_cart = 0, True
    elif state.at_cart and (type_ in _VIEWS or type_ in _AWAY):
        state.at_cart = False
        if filled(profile):
            state.left_in = number


def _there(type_: str, tab: Tab, *, returned: bool) -> bool:
    """Whether this event shows the visitor in cart or checkout."""
    if type_ in _THERE:
        return True
    return tab.page_type in PLACES and (type_ == "page_view" or (type_ == "visible" and returned))


def standing(profile: Profile) -> str:
    """`left`, `abandoned`, or an empty string."""
    left_in = profile.outreach.left_in
    if not left_in or not filled(profile):
        return ""
    return LEFT if left_in == profile.session.number else ABANDONED


def stopped(standing_now: str, trigger: str, popups: int, savers: int) -> int:
    """The mask of campaigns that a cart left or abandoned keeps from showing.

    No popup disturbs then, but one that saves the cart, when the visitor is about to leave.
    """
    if standing_now == LEFT and trigger == EXIT:
        return popups & ~savers
    return popups if standing_now else 0


def filled(profile: Profile) -> bool:
    """Whether there is something in the cart."""
    return bool(profile.tally.cart) and bool(cart_lines(profile.tally))
