"""5 Names: the one table of what a campaign's condition may read.

Every value is an integer or a text in the flat table that models/facts.py fills: shares and
scores in ppm, money in micros, durations in milliseconds, flags 0 or 1. A name that was not
filled counts as its type's zero.
"""

from __future__ import annotations

from difflib import get_close_matches

from msgspec import Struct

from models.trigger_rules import CAUSES, INTENTS
from models.vocabulary import EVENT_TYPES, STAGES
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


TRIGGERS = (*sorted(DECISION_POINTS), "dwell", "stage", "threshold", *CAUSES)
"""What asks for a decision: an event, a deadline, a new stage, a score that crossed, a burst."""

SOURCES = ("direct", "search", "social", "email", "campaign", "referral")

WINDOWS = ("5m", "30m", "24h")
SCORES = (
    ("engagement_intent", "how likely the visitor goes on exploring"),
    ("purchase_intent", "how likely this session ends in a purchase"),
    ("churn_risk", "how likely the visitor leaves without buying"),
    ("bounce_risk", "how likely the visitor leaves at once"),
    ("price_sensitivity", "how much prices steer the visitor"),
    ("conversion_5m", "how likely a purchase within 5 minutes"),
    ("conversion_30m", "how likely a purchase within 30 minutes, at least as likely"),
    ("conversion_24h", "how likely a purchase within 24 hours, at least as likely"),
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
    ("category_focus", "stays with the kind of page in view"),
)

PACES = (
    ("events", "events"),
    ("looks", "product views and other signs of interest in products"),
    ("buys", "cart changes, steps of the checkout and purchases"),
)
SPANS = (("1m", "a minute"), ("10m", "ten minutes"), ("1d", "a day"), ("14d", "14 days"))


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
        _flag("cart_left", "cart or checkout was left in this session with something in the cart"),
        _flag("cart_abandoned", "an earlier session ended over a cart that is still filled"),
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
        _flag("consent_analytics", "analytics is allowed"),
        _flag("consent_personalization", "personalization is allowed"),
        _count("sessions", "sessions so far, this one included"),
        _duration("since_order", "time since the last order, 30 days if longer or never"),
        _count("preferences", "preferences the visitor has stated"),
        _text("stated_last", "the preference stated last, as name=value"),
    ),
    "Burst": (
        _duration("burst_active", "time active in this burst"),
        _count("burst_interactions", "interactions of this burst, each element once a page"),
        _share("burst_scroll", "deepest scroll on product pages in this burst"),
        _text("burst_intent", "what the trigger rules make of this burst", INTENTS),
        _text("left_intent", "the same of the burst before, if it ended unbought", ("", *INTENTS)),
        _count("bursts", "bursts so far, this one included"),
    ),
    "Attention": (
        _duration("product_dwell", "time the product in view was looked at, in all"),
        _count("product_looks", "times the product in view was looked at"),
        _count("interactions", "interactions of this session"),
        _count("taps", "taps of this session"),
        _count("zooms", "zooms into pictures in this session"),
        _count("videos", "videos played in this session"),
        _count("views_3d", "3D views used in this session"),
        _count("compares", "products compared in this session"),
        _count("wishlist_adds", "products put on the wishlist in this session"),
        _count("filters", "filters and sortings in this session"),
        _count("form_focuses", "form fields entered in this session"),
        _count("pauses", "pauses in this session"),
        _duration("pause_longest", "longest pause of this session"),
        _text("paused_on", "element or type of page of the last pause"),
        _count("paused_exits", "times a pause led to leaving, in this session"),
        _count("exit_intents", "times the pointer left the page in this session"),
        _count("hides", "times the page was hidden in this session"),
        _count("leaves", "times a page was left in this session"),
        _count("rewordings", "searches put in other words in this session"),
        _count("backtracks", "returns to the page before the last in this session"),
        _count("cart_backs", "returns from the cart to browsing in this session"),
        _duration("tap_rhythm", "usual time between taps in this session"),
        _text("last_event", "type of the newest event", tuple(EVENT_TYPES)),
        _text("previous_event", "type of the event before it", ("", *EVENT_TYPES)),
    ),
    "Prices": (
        _share("price_standing", "mean standing in their categories of the prices looked at"),
        _count("price_falls", "times the next product stood cheaper, in this session"),
        _count("price_filters", "filters and sortings by price in this session"),
        _money("price_lowest", "lowest price looked at in this session"),
        _money("price_highest", "highest price looked at in this session"),
    ),
    "Interests": (
        _share("category_interest", "interest in the category of the product in view"),
        _text("top_category", "category of most interest"),
        _share("top_interest", "share of interest that it has"),
    ),
    "Touches": (
        _text("first_source", "where the first visit came from", ("", *SOURCES)),
        _text("first_utm_campaign", "utm_campaign of the first visit"),
        _text("last_source", "where the last visit that was not direct came from", ("", *SOURCES)),
        _text("last_utm_campaign", "utm_campaign of that visit"),
    ),
    "Stage": (
        _duration("stage_age", "time since the stage last moved"),
        _count("stage_moves", "times the stage moved in this session"),
        _text(
            "conversion_window",
            "shortest window in which a purchase is likelier than not, else later",
            ("", *WINDOWS, "later"),
        ),
    ),
    "Paces": tuple(
        _count(f"{kind}_{span}", f"{doc}, each fading by half in {length}")
        for kind, doc in PACES
        for span, length in SPANS
    ),
    "Trends": tuple(
        _share(f"{name}_{way}", f"how far {name} is {where} its average of ten minutes")
        for name, _ in SCORES
        for way, where in (("rise", "above"), ("fall", "below"))
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
