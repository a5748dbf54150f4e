"""A visitor: two tabs, a purse, a clock of his own, and a mind that changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.event import ERASE, Consent, Event
from schemas.ids import visitor_key
from tests.simulator.browser import Tab
from tests.simulator.shop import GOODS, SITE

if TYPE_CHECKING:
    from tests.simulator.world import World

GAP_MS = 31 * 60 * 1000
ONE_DAY_MS = 24 * 3600 * 1000
ACTS = (
    ("page_view", 20),
    ("product_view", 25),
    ("scroll", 8),
    ("search", 4),
    ("add_to_cart", 14),
    ("remove_from_cart", 3),
    ("cart_view", 6),
    ("checkout_start", 4),
    ("purchase", 4),
    ("exit_intent", 6),
    ("page_leave", 4),
    ("hidden", 3),
    ("preference", 5),
    ("wait", 6),
)
TYPES, WEIGHTS = zip(*ACTS, strict=True)


class Visitor:
    """One person at the shop."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        chance = world.scheduler.chance
        self.seed = f"{chance.getrandbits(128):032x}"
        self.session_id = f"s{number}-0"
        self.sessions = 1
        wrong = world.faults.hit("client.clock_wrong")
        self.skew_ms = chance.randint(-ONE_DAY_MS, ONE_DAY_MS) if wrong else chance.randint(-50, 50)
        self.consent = Consent(True, chance.random() < 0.8, chance.random() < 0.5)
        self.gone = False
        self.tabs = [Tab(self, f"t{number}{side}") for side in "ab"]
        self._left = chance.randint(5, 11)

    def clock_ms(self) -> int:
        """The client's own clock."""
        return self.world.scheduler.now_ms + self.skew_ms

    def key(self) -> str:
        """The user key that the gateway will find for a batch sent now."""
        lasting = self.consent.personalization
        return visitor_key(SITE, self.world.site.mint_secret, self.seed, lasting=lasting)

    def envelope(self, tab_id: str) -> dict[str, Any]:
        """What a batch of this tab says of the visitor as he is now."""
        allowed = self.consent
        return {
            "site": SITE,
            "session_id": self.session_id,
            "tab_id": tab_id,
            "visitor_seed": self.seed,
            "consent": {
                "analytics": allowed.analytics,
                "personalization": allowed.personalization,
                "marketing": allowed.marketing,
            },
        }

    def arrive(self) -> None:
        """Open both tabs and begin."""
        for tab in self.tabs:
            tab.connect()
        self._later()

    def _later(self) -> None:
        between = self.world.scheduler.between
        self.world.scheduler.later(between(20, between(100, 5_000)), self.act)

    def act(self) -> None:
        """Do one thing in one tab, unless it is time to go."""
        if self._left == 0:
            self.gone = True
            return
        self._left -= 1
        scheduler, faults = self.world.scheduler, self.world.faults
        tab = scheduler.chance.choice(self.tabs)
        if faults.hit("client.consent_changed"):
            self._change_consent()
        if faults.hit("socket.dropped"):
            tab.close()
            scheduler.later(scheduler.between(10, 500), tab.connect)
        if faults.hit("client.erase"):
            self.erase()
        if faults.hit("client.index_jump"):
            tab.track("scroll", delay_ms=scheduler.between(300, 900))
            tab.index += 1_100
        self._do(tab, scheduler.chance.choices(TYPES, WEIGHTS)[0])
        if self._left == 3 and faults.hit("client.hidden_gap"):
            self.sessions += 1
            self.session_id = f"{self.session_id[:2]}-{self.sessions}"
            scheduler.later(GAP_MS, self._return)
        else:
            self._later()

    def _return(self) -> None:
        for tab in self.tabs:
            tab.connect()
        self.act()

    def _do(self, tab: Tab, type_: str) -> None:
        if type_ == "wait":
            return
        chance = self.world.scheduler.chance
        fields: dict[str, Any] = {"page": {"path": f"/{type_}", "type": type_.split("_")[0]}}
        if type_ in ("product_view", "add_to_cart", "remove_from_cart"):
            goods = chance.choice(GOODS)
            price = f"{goods.price_micros // 1_000_000}"
            fields["product"] = {"id": goods.id, "category": goods.category, "price": price}
        if type_ == "purchase":
            fields["value"] = f"{chance.randint(10, 300)}"
        if type_ == "scroll":
            fields["vectors"] = {"scroll_depth": chance.randint(0, 100) / 100}
        if type_ in ("preference", "search"):
            names = ("query", "style", "room")
            fields["properties"] = {name: chance.choice(("lamp", "rug")) for name in names}
        if chance.random() < 0.2:
            fields["source"] = {"utm_source": chance.choice(("news", "ad")), "utm_medium": "email"}
        tab.track(type_, **fields)

    def _change_consent(self) -> None:
        was = self.consent
        self.consent = Consent(was.analytics, not was.personalization, was.marketing)
        for tab in self.tabs:
            tab.connect()

    def erase(self) -> None:
        """The shop asks for this visitor to be forgotten."""
        self.world.scheduler.say(f"{self.key()[5:11]} is erased")
        event = Event(event_id=self.world.new_id(), internal=ERASE, site=SITE, user_key=self.key())
        self.world.any_gateway().append(event)
