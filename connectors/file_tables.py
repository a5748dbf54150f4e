"""The fields of campaigns.yaml, sites.yaml and products.yaml, each with its unit and meaning."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from connectors import human_units as units
from connectors.file_fields import Field, Kind, Schema, keyed, listed, scalar, shaped, weighted
from connectors.human_units import BadValue
from models.names import TRIGGERS, WEIGHABLE, nearest
from models.priors import PRIORS
from models.rule_words import TEXT_MAX as RULE_MAX
from models.rules import RuleError, compile_rule
from models.vocabulary import STAGES
from schemas.campaign import ASAP, CHECKOUT, EVEN
from schemas.origins import ANY_PORT, LOOPBACK
from schemas.site import CLICKS, CONVERSIONS, MARGIN

CAMPAIGNS_MAX, SITES_MAX, PRODUCTS_MAX = 1_000, 200, 20_000
OFFERS_MAX, CHANNELS_MAX = 4, 10
_ORIGIN = re.compile(
    r"(https?)://([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:]+\])(:[0-9]{1,5}|:\*)?"
)
RENDER_KINDS = ("modal", "banner", "inline")
PURPOSES = ("analytics", "personalization", "marketing")


def named(pattern: str, fix: str) -> Kind:
    """A name of the given form."""
    whole = re.compile(pattern, re.ASCII)

    def parse(text: str) -> str:
        if not whole.fullmatch(text):
            raise BadValue(f"{text!r} is no name here", fix)
        return text

    return scalar(parse, {"type": ["string", "integer"], "pattern": f"^{pattern}$"})


def text(characters_max: int) -> Kind:
    """Text for people."""
    schema: Schema = {"type": ["string", "number"], "maxLength": characters_max}
    return scalar(partial(units.plain_text, characters_max=characters_max), schema)


def number(low: int, high: int) -> Kind:
    """A whole number."""
    schema = {"type": "integer", "minimum": low, "maximum": high}
    return scalar(partial(units.whole, low=low, high=high), schema)


def one_of(*choices: str) -> Kind:
    """One word of a list."""
    return scalar(partial(units.choice, choices=choices), {"enum": [*choices]})


def written(parse: Callable[[str], Any], pattern: str) -> Kind:
    """A value in human units; numbers may stand without quotes."""
    return scalar(parse, {"type": ["string", "number"], "pattern": pattern})


def _rule(source: str) -> str:
    try:
        compile_rule(source)
    except RuleError as wrong:
        raise BadValue(f"column {wrong.column}: {wrong.message}", wrong.fix) from None
    return source


def _origin(source: str) -> str:
    match = _ORIGIN.fullmatch(source.lower())
    if not match:
        raise BadValue(f"{source!r} is no origin", "write https://shop.example, without a path")
    scheme, host, port = match[1], match[2], match[3] or ""
    if port == ANY_PORT and host not in LOOPBACK:
        raise BadValue("any port (:*) is for this machine only", "name the port, or leave it out")
    standard = {"http": ":80", "https": ":443"}[scheme]
    return f"{scheme}://{host}" + ("" if port == standard else port)


def _action(source: str) -> str:
    if source == "none" or not re.fullmatch(r"[a-z0-9_]{1,40}", source, re.ASCII):
        close = nearest(source, tuple(PRIORS))
        raise BadValue(
            f"{source!r} is no action",
            f"did you mean {close}?" if close else "use small letters, digits and _",
        )
    return source


NAME = r"[A-Za-z0-9_-]{1,64}"
ID = named(NAME, "use 1 to 64 letters, digits, _ and -")
SITE_ID = named(r"[a-z0-9-]{1,32}", "use 1 to 32 small letters, digits and -")
PLACE = named(r"[a-z0-9_-]{1,32}", "use 1 to 32 small letters, digits, _ and -")
MONEY = written(units.money_micros, r"^[0-9]{1,9}(\.[0-9]{1,6})?$")
SHARE = written(units.share_ppm, r"^[0-9]+(\.[0-9]+)?%?$")
DURATION = written(units.duration_ms, r"^[0-9]+(\.[0-9]+)?(ms|s|m|h|d)$")
BUDGET = written(units.day_budget_micros, r"^[0-9]+(\.[0-9]{1,6})?\s*/\s*day$")
MOMENT = written(units.moment_ms, r"^[0-9]{4}-[0-9]{2}-[0-9]{2}")
FLAG = scalar(units.flag, {"type": "boolean"})
LINK = scalar(units.link, {"type": "string", "maxLength": 500})
RULE = scalar(_rule, {"type": ["string", "boolean"], "maxLength": RULE_MAX})
ACTION = scalar(_action, {"type": "string", "pattern": "^[a-z0-9_]{1,40}$"})
ORIGIN = scalar(_origin, {"type": "string", "pattern": "^https?://[^/]+$"})
CURRENCY = named("[A-Z]{3}", "use a code like EUR")
PRODUCT_ID = named(r"[^\s\x00-\x1f]{1,48}", "use 1 to 48 characters without blanks")
ZONE = scalar(units.time_zone, {"type": "string"})
WEIGHT: Schema = {"type": ["string", "number"], "pattern": r"^-?[0-9]+(\.[0-9]+)?%?$"}
RESPONSE = weighted(units.weight_ppm, WEIGHABLE, WEIGHT)
THRESHOLDS = weighted(units.share_ppm, WEIGHABLE, SHARE.schema)

SHOWN_PRODUCT = (
    Field("id", ID, "Product id.", "p1", required=True),
    Field("title", text(120), "Name.", "Trail lamp", required=True),
    Field("url", LINK, "Link."),
    Field("image", LINK, "Image."),
    Field("price", text(40), "Price as text."),
    Field("reason", text(120), "Why it is here."),
)
CTA = (
    Field("label", text(60), "Text of the button.", "Use it", required=True),
    Field("url", LINK, "Where it leads: https://... or /path.", "/cart", required=True),
)
WORDING = (
    Field("body", text(600), "Text below it."),
    Field("cta", shaped(CTA), "Button."),
    Field("code", text(64), "Voucher code."),
    Field("countdown", DURATION, "Time shown running down, such as 10m."),
)
OFFER_RENDER = (Field("title", text(120), "Headline.", "20 % off today"), *WORDING)
RENDER = (
    Field("kind", one_of(*RENDER_KINDS), "modal, banner or inline.", default="by action"),
    Field("title", text(120), "Headline.", "15 % off today", required=True),
    *WORDING,
    Field("products", listed(shaped(SHOWN_PRODUCT), 12), "Products; a carousel finds its own."),
)
CAPS = (
    Field("session", number(0, 1000), "Impressions per session, 0 for no cap.", default="1"),
    Field("day", number(0, 1000), "Impressions per 24 hours, 0 for no cap.", default="3"),
    Field("user", number(0, 1000), "Impressions per visitor in all.", default="none"),
    Field("campaign", number(0, 10**9), "Impressions over all visitors.", default="none"),
)
CHANNEL_CAPS = (
    Field("session", number(0, 1000), "Actions per session.", default="none"),
    Field("day", number(0, 1000), "Actions per 24 hours.", default="none"),
    Field("user", number(0, 1000), "Actions per visitor in all.", default="none"),
)
OFFER = (
    Field("name", PLACE, "Name of the offer.", "strong", required=True),
    Field("risk", SHARE, "Least churn_risk.", default="0%"),
    Field("value", MONEY, "Least potential_value.", default="0"),
    Field("margin", MONEY, "Margin of one extra order under it.", "9.50", required=True),
    Field("render", shaped(OFFER_RENDER), "What it shows differently.", default="nothing"),
)
CAMPAIGN = (
    Field("id", ID, "Name of the campaign, never changed.", "WINTER_SALE", required=True),
    Field(
        "action",
        ACTION,
        f"What it does: {', '.join(PRIORS)} or a name of your own.",
        "discount_popup",
        required=True,
    ),
    Field("when", RULE, "Condition; see the table of names.", default="always"),
    Field("margin", MONEY, "Margin of one extra order.", "12.50", required=True),
    Field("render", shaped(RENDER), "What the visitor sees.", "{title: ...}", required=True),
    Field("on", listed(one_of(*TRIGGERS), 20), "What may trigger it.", default="everything"),
    Field("stages", listed(one_of(*STAGES), 3), "Stages of the session.", default="all"),
    Field("placement", PLACE, "Where on the page.", default="page"),
    Field("priority", number(-1000, 1000), "Breaks ties, higher first.", default="0"),
    Field("caps", shaped(CAPS), "How often one visitor sees it."),
    Field("value", MONEY, "Worth of a conversion beside its margin.", default="0"),
    Field("budget", BUDGET, "Spend, such as 500/day.", default="none"),
    Field("budget_total", MONEY, "Spend over the life of the campaign.", default="none"),
    Field(
        "pacing",
        one_of(EVEN, ASAP),
        "even spreads the budget over the day, asap does not.",
        default=EVEN,
    ),
    Field(
        "offers",
        listed(shaped(OFFER), OFFERS_MAX),
        "Stronger offers for those at more risk and of more value, weakest first.",
    ),
    Field(
        "priority_override",
        one_of(CHECKOUT),
        "checkout: goes before all others while checkout_critical holds.",
        default="never",
    ),
    Field("channel", PLACE, "How it reaches the visitor: on_site, email.", default="by action"),
    Field(
        "otherwise",
        ID,
        "Campaign that bids in its place, and only then, where its channel or consent is missing.",
        default="none",
    ),
    Field("excludes", listed(PLACE, 10), "Exclusion groups: one campaign of a group a session."),
    Field("holdout", SHARE, "Share of visitors who never see it.", default="0%"),
    Field("ttl", DURATION, "How long a decision lives.", default="30s"),
    Field("starts", MOMENT, "First moment, with time zone."),
    Field("ends", MOMENT, "End, with time zone."),
    Field("paused", FLAG, "Out of the auction.", default="false"),
    Field("fallback", FLAG, "May be shown when an answer is late.", default="true on_site"),
    Field("needs", listed(one_of(*PURPOSES), 3), "Consent it needs.", default="by action"),
    Field("base", SHARE, "Expected extra orders per impression.", default="by action"),
    Field("response", RESPONSE, "What each score adds to it.", default="by action"),
)
BOUNDS = (
    Field("debounce", DURATION, "Quiet time that closes a row of signals.", default="300ms"),
    Field("burst_gap", DURATION, "Idle time that ends a burst.", default="90s"),
    Field("exit", DURATION, "Time after an exit that ends a burst.", default="5s"),
    Field("active_medium", DURATION, "Least active time of medium intent.", default="30s"),
    Field("active_high", DURATION, "Active time that a trigger must exceed.", default="60s"),
    Field("interactions_medium", number(0, 999), "Least for medium intent.", default="3"),
    Field("interactions_deep", number(0, 999), "Least for a trigger in session.", default="4"),
    Field("interactions_high", number(0, 999), "Least for high intent.", default="5"),
    Field("scroll_medium", SHARE, "Least scroll of a trigger at medium intent.", default="50%"),
    Field("scroll_deep", SHARE, "Scroll that a trigger in session must exceed.", default="80%"),
)
OF_SITE = (Field("site", SITE_ID, "Site, where there is more than one."),)
CATALOGUE = (
    *OF_SITE,
    Field(
        "channels",
        keyed(PLACE, shaped(CHANNEL_CAPS), CHANNELS_MAX),
        "Caps of a channel over all campaigns, and channels of your own.",
    ),
    Field("triggers", shaped(BOUNDS), "Bounds of the trigger rules."),
)
"""Fields of campaigns.yaml beside the campaigns."""
SITE = (
    Field("id", SITE_ID, "Name of the site, never changed.", "my-shop", required=True),
    Field(
        "origins",
        listed(ORIGIN, 50),
        "Web origins whose pages may speak for the site.",
        "https://shop.example",
        required=True,
    ),
    Field("currency", CURRENCY, "ISO 4217 code.", default="EUR"),
    Field("time_zone", ZONE, "IANA name, such as Europe/Berlin.", default="UTC"),
    Field(
        "consent",
        one_of("required", "implied"),
        "What an absent answer means: required = denied, implied = granted.",
        default="required",
    ),
    Field(
        "mode",
        one_of("observe", "live"),
        "observe decides, shows nothing.",
        default="as it is; a new site starts in observe",
    ),
    Field(
        "rollout",
        SHARE,
        "Share of visitors who may see actions.",
        default="as it is; 100% of a new site",
    ),
    Field(
        "push", one_of("minimal", "full"), "full sends scores and reasons too.", default="minimal"
    ),
    Field("holdout", SHARE, "Share of visitors who never see actions.", default="0%"),
    Field("placements", listed(PLACE, 10), "Places on the page.", default="page"),
    Field("reserve", MONEY, "What showing nothing is worth.", default="0"),
    Field("dwell", DURATION, "Time on a product page that asks again.", default="20s"),
    Field("thresholds", THRESHOLDS, "Scores that ask for a decision when they rise past these."),
    Field("high_intent", SHARE, "purchase_intent of the stage high_intent.", default="60%"),
    Field("reward", one_of(MARGIN, CONVERSIONS, CLICKS), "What learning raises.", default="margin"),
    Field(
        "reward_window", DURATION, "Without an order for this long it was in vain.", default="30m"
    ),
    Field(
        "reward_horizon", DURATION, "A first order until then still corrects that.", default="24h"
    ),
    Field("margin", SHARE, "Share of an order's value, where it says none.", default="30%"),
)
PRODUCT = (
    Field("id", PRODUCT_ID, "Product id, as events name it.", "p1", required=True),
    Field("title", text(200), "Name.", "Trail lamp", required=True),
    Field("price", MONEY, "Unit price.", "19.90", required=True),
    Field("category", text(48), "Category, as events name it."),
    Field("url", LINK, "Link."),
    Field("image", LINK, "Image."),
    Field("stock", number(-1, 999_999_999), "Units in stock, -1 if unknown.", default="-1"),
    Field("margin", MONEY, "Margin of one unit."),
    Field("popularity", number(0, 999_999_999), "Views so far.", default="0"),
)
