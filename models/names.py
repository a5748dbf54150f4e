"""5 Names: the one table of what a campaign's condition may read.

Every value is an integer or a text in the flat table that models/facts.py fills: shares and
scores in ppm, money in micros, durations in milliseconds, flags 0 or 1. A name that was not
filled counts as its type's zero.
"""

from __future__ import annotations

from difflib import get_close_matches

from msgspec import Struct

from models.vocabulary import STAGES
from schemas.event import DECISION_POINTS
from schemas.profile import NAME_MAX

PPM, MONEY, COUNT, DURATION, TEXT, FLAG = "ppm", "money", "count", "duration", "text", "flag"

HOW_WRITTEN = {
    PPM: "a share from 0 to 1: 0.4 or 40%",
    MONEY: "an amount in the site's currency: 40 or 40.50",
    COUNT: "a whole number: 3",
    DURATION: "a number with its unit: 300ms, 20s, 5m or 1h",
    TEXT: "a word or a quoted text: cart or 'Tents & Tarps'",
    FLAG: "true or false",
}
"""How a value of each type is written in a condition."""

MONEY_MAX = 10**15
COUNT_MAX = (1 << 31) - 1
DURATION_MAX = 30 * 24 * 3600 * 1000
TEXT_MAX = NAME_MAX
"""Characters of a text that a profile keeps; a longer one could never be equal."""


class Name(Struct, frozen=True):
    """One name: its type, the smallest and largest value, and the texts it takes if closed."""

    name: str
    type: str
    doc: str
    low: int = 0
    high: int = 0
    choices: tuple[str, ...] = ()

    @property
    def zero(self) -> int | str:
        """What the name is worth where nobody filled it."""
        return "" if self.type == TEXT else 0


TRIGGERS = (*sorted(DECISION_POINTS), "dwell", "stage", "threshold")
"""What asks for a decision: an event, a deadline, a new stage or a score that crossed."""

SOURCES = ("direct", "search", "social", "email", "campaign", "referral")

SCORES = (
    ("engagement_intent", "how likely the visitor goes on exploring"),
    ("purchase_intent", "how likely this session ends in a purchase"),
    ("churn_risk", "how likely the visitor leaves without buying"),
    ("bounce_risk", "how likely the visitor leaves at once"),
    ("price_sensitivity", "how much prices steer the visitor"),
)
CONCEPTS = (
    ("frustration", "signs of trouble: rage clicks, reworded searches, going back and forth"),
    ("drop_off", "interest is fading"),
    ("stickiness", "the visitor stays and comes deeper"),
    ("checkout_readiness", "moves towards the checkout"),
    ("hesitation", "stops before the next step"),
    ("deliberation", "weighs products against each other"),
    ("exploration", "looks around widely"),
    ("price_focus", "looks at prices, filters and cheaper alternatives"),
)


def _share(name: str, doc: str) -> Name:
    return Name(name, PPM, doc, 0, 1_000_000)


def _money(name: str, doc: str) -> Name:
    return Name(name, MONEY, doc, 0, MONEY_MAX)


def _count(name: str, doc: str, low: int = 0, high: int = COUNT_MAX) -> Name:
    return Name(name, COUNT, doc, low, high)


def _duration(name: str, doc: str) -> Name:
    return Name(name, DURATION, doc, 0, DURATION_MAX)


def _text(name: str, doc: str, choices: tuple[str, ...] = ()) -> Name:
    return Name(name, TEXT, doc, choices=choices)


def _flag(name: str, doc: str) -> Name:
    return Name(name, FLAG, doc, 0, 1)


GROUPS: dict[str, tuple[Name, ...]] = {
    "Scores": tuple(_share(name, doc) for name, doc in SCORES),
    "Concepts": tuple(_share(name, doc) for name, doc in CONCEPTS),
    "Cart and orders": (
        _money("cart_value", "what is in the cart, in all"),
        _count("cart_items", "units in the cart"),
        _count("orders", "orders so far"),
        _money("order_value", "value of all orders so far"),
        _money(
            "potential_value",
            "what the next order may be worth: the largest of cart, mean order, product in view",
        ),
        _flag(
            "checkout_critical", "a checkout has begun, the cart is not empty, nothing is bought"
        ),
    ),
    "Product in view": (
        _money("product_price", "price of the product in view"),
        _share("product_price_percentile", "share of its category that is cheaper"),
        _text("product_category", "category of the product in view"),
        _text("product_id", "id of the product in view"),
        _count("product_stock", "units in stock of the product in view, -1 if unknown", -1),
    ),
    "Page and moment": (
        _text("page_type", "type of the page, as the shop names it"),
        _text("page_path", "path of the page"),
        _text("stage", "stage of the session", STAGES),
        _text("trigger", "what asks for this decision", TRIGGERS),
        _duration("dwell", "time active on this page"),
    ),
    "Session": (
        _duration("session_age", "time since the session began"),
        _count("session_events", "events of this session"),
        _count("page_views", "pages seen in this session"),
        _count("product_views", "products seen in this session"),
        _count("searches", "searches in this session"),
        _share("scroll_depth", "deepest scroll of this session"),
        _count("rage_clicks", "rage clicks in this session"),
        _count("hovers", "hovers in this session"),
        _count("shown_session", "actions shown in this session"),
        _count("dismissed_session", "actions dismissed in this session"),
    ),
    "Source": (
        _text("source", "where the visit came from", SOURCES),
        _text("utm_source", "utm_source of the visit"),
        _text("utm_medium", "utm_medium of the visit"),
        _text("utm_campaign", "utm_campaign of the visit"),
        _text("referrer_host", "host of the page before the visit"),
    ),
    "Visitor": (
        _flag("returning", "not the visitor's first session"),
        _flag("identified", "the shop knows who it is"),
        _flag("consent_marketing", "marketing is allowed"),
    ),
    "Time": (
        _count("hour", "hour of the day, UTC", 0, 23),
        _count("weekday", "day of the week, UTC, Monday is 0", 0, 6),
    ),
}
"""Heading -> names, in the order of the documentation."""

NAMES = {each.name: each for group in GROUPS.values() for each in group}
"""Name -> its entry, in the order of the documentation."""

WEIGHABLE = tuple(name for name, _ in (*SCORES, *CONCEPTS))
"""What a campaign's `response` may weigh."""


def nearest(word: str, known: tuple[str, ...]) -> str:
    """The known word most like `word`, empty if none is like it; case does not matter."""
    by_lower = {each.lower(): each for each in known}
    lowered = word.lower()
    longer = [each for each in by_lower if len(lowered) >= 3 and each.startswith(lowered)]
    found = longer or get_close_matches(lowered, by_lower, n=1, cutoff=0.7)
    return by_lower[found[0]] if found else ""
