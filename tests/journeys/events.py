"""Steps of a story -> events, as a shop's page with the SDK on it would have sent them."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from models.vocabulary import CODES
from schemas.decision import Decision
from schemas.event import OUTCOMES, Consent, Event, Page, Product, Source
from schemas.ids import event_slot
from schemas.products import Products
from tests.builders import ALL, BEGINNING, ONE_SECOND
from tests.journeys.story import BadStory, Step, duration_ms

SITE = "demo"
FALLBACK = "standby"
_PAGES = {"/": "home", "/cart": "cart", "/checkout": "checkout", "/search": "search"}
_NAMED = frozenset(
    "scroll active tap value qty tab session index held target query sort utm from consent who of "
    "bot id".split()
)
_LETTER = {"known": "u", "page": "p"}


class _Tab(Struct):
    next_index: int = 0
    page: Page | None = None
    product: Product | None = None


class Sender:
    """Makes events of steps; remembers what a browser would: tabs, pages, what was shown."""

    def __init__(self, products: Products) -> None:
        self._products = {each.id: each for each in products.products}
        self._tabs: dict[tuple[str, str, str], _Tab] = {}
        self._sent: dict[str, list[Event]] = {}
        self._asked: dict[str, list[Decision]] = {}

    def told(self, decision: Decision) -> None:
        """A decision was made; outcomes name it."""
        self._asked.setdefault(decision.user_key, []).append(decision)

    def event(self, step: Step) -> Event:
        """The event of a step. Raises BadStory for what no browser could send."""
        unknown = step.named.keys() - _NAMED - {n for n in step.named if n.startswith("p.")}
        if unknown:
            raise BadStory(f"{step.word}: {min(unknown)}= is not known")
        key = key_of(step.named.get("who", "visitor"))
        if step.word == "again":
            return self._again(key, step)
        if step.word not in CODES and step.word != "probe":
            raise BadStory(f"{step.word}: no event type")
        made = self._made(key, step)
        self._sent.setdefault(key, []).append(made)
        return made

    def _again(self, key: str, step: Step) -> Event:
        """The same event once more, as a retry or a second delivery would bring it."""
        sent = self._sent[key]
        wanted = step.named.get("index")
        found = [e for e in sent if wanted is None or str(e.session_index) == wanted][-1]
        return replace(found, received_at_ms=BEGINNING + step.at_ms)

    def _made(self, key: str, step: Step) -> Event:
        named, now_ms = step.named, BEGINNING + step.at_ms
        place = (key, "s" + named.get("session", "1"), "t" + named.get("tab", "1"))
        tab = self._tabs.setdefault(place, _Tab())
        index = int(named.get("index", tab.next_index))
        tab.next_index = max(tab.next_index, index + 1)
        self._look(tab, step)
        fields = {**_measured(named), **self._outcome(key, step)}
        product = tab.product if step.what and step.what[0] in self._products else None
        return Event(
            event_id=named.get("id", f"{place[1]}-{place[2]}-{index}"),
            internal="probe" if step.word == "probe" else "",
            type="" if step.word == "probe" else step.word,
            site=SITE,
            user_key=key,
            session_id=place[1],
            tab_id=place[2],
            session_index=index,
            ts_ms=now_ms - duration_ms(named.get("held", "0s")),
            sent_at_ms=now_ms,
            received_at_ms=now_ms,
            accepted_at_ms=now_ms,
            consent=_consent(named.get("consent", "all")),
            page=tab.page,
            product=product,
            source=_source(named),
            bot="bot" in named,
            **fields,
        )

    def _look(self, tab: _Tab, step: Step) -> None:
        """What the tab shows from now on."""
        what = step.what[0] if step.what else ""
        if step.word in ("cart_view", "checkout_start") and not what:
            what = "/cart" if step.word == "cart_view" else "/checkout"
        if what.startswith("/"):
            kind = _PAGES.get(what) or {"c": "category", "p": "product"}.get(what[1:2], "content")
            tab.page = Page("https://shop.example" + what, what, kind, kind)
            tab.product = None
        elif what:
            if what not in self._products:
                raise BadStory(f"{what}: neither a path nor a product of the shop")
            known = self._products[what]
            quantity = int(step.named.get("qty", "1"))
            price = known.price_micros
            tab.product = Product(what, known.title, known.category, price, "EUR", quantity)
            if step.word == "product_view":
                tab.page = Page(known.url, f"/p/{what}", "product", known.title)

    def _outcome(self, key: str, step: Step) -> dict[str, str]:
        """Which decision an outcome is about: the newest shown, or of the campaign named."""
        if step.word not in OUTCOMES:
            return {}
        asked, of = self._asked.get(key, []), step.named.get("of", "")
        if of == FALLBACK:
            carrier = [each for each in asked if each.fallback is not None][-1]
            late = [each for each in self._sent[key] if each.type not in OUTCOMES][-1]
            slot = event_slot(SITE, key, carrier.placement, late.event_id)
            return {
                "slot_id": slot,
                "decision_id": carrier.decision_id,
                "source_shown": "fallback",
            }
        shown = [e for e in asked if e.render is not None and of in ("", e.campaign_id)]
        if not shown:
            raise BadStory(f"{step.word}: nothing was shown")
        newest = shown[-1]
        return {
            "slot_id": newest.slot_id,
            "decision_id": newest.decision_id,
            "source_shown": newest.source,
        }


def key_of(who: str) -> str:
    """The user key of a name: a visitor's, `name:known` for an identified one, `name:page`."""
    name, _, kind = who.partition(":")
    digest = blake2b(name.encode(), digest_size=16).hexdigest()
    return f"{SITE}:{_LETTER.get(kind, 'v')}:{digest}"


def _consent(text: str) -> Consent:
    if text == "all":
        return ALL
    given = set(text.split(",")) - {"none"}
    return Consent(**{name: name in given for name in ALL.__struct_fields__})


def _source(named: dict[str, str]) -> Source | None:
    if "utm" not in named and "from" not in named:
        return None
    source, medium, campaign = (named.get("utm", "//") + "//").split("/")[:3]
    return Source(named.get("from", ""), source, medium, campaign)


def _measured(named: dict[str, str]) -> dict[str, Any]:
    """Numbers of the event, and its properties."""
    out: dict[str, Any] = {}
    if "scroll" in named:
        out["scroll_depth_ppm"] = int(named["scroll"].rstrip("%")) * 10_000
    if "active" in named:
        out["active_duration_ms"] = duration_ms(named["active"])
    if "tap" in named:
        out["tap_velocity_ms"] = duration_ms(named["tap"])
    if "value" in named:
        out["value_micros"] = int(named["value"]) * ONE_SECOND * ONE_SECOND
    own = {name[2:]: value for name, value in named.items() if name.startswith("p.")}
    own |= {name: named[name] for name in ("target", "query", "sort") if name in named}
    return {**out, "properties": own}
