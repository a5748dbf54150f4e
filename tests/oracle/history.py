"""What is known of a visitor, worked out anew from the list of everything that ever arrived.

A slow and obvious second program for the order-dependent profile: no running sums, no windows, no
state. Each function looks at the whole history up to one entry and answers one question.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from math import log1p
from urllib.parse import urlsplit
from zlib import crc32

from schemas.event import Event
from schemas.products import CatalogueProduct

MINUTE, HALF_HOUR = 60_000, 1_800_000
VIEWS = ("page_view", "product_view", "cart_view", "checkout_start")
SHARE_OF_NOTHING = 500_000
TOUCHES = (
    "hover click tap search filter zoom video_play view_3d compare wishlist_add add_to_cart "
    "remove_from_cart form_focus"
).split()
FLAGS = (
    "page_view product_view cart_view add_to_cart remove_from_cart checkout_start purchase search "
    "scroll hover click rage_click exit_intent hidden"
).split()
HALF_LIVES = (MINUTE, 10 * MINUTE, 24 * 60 * MINUTE)


@dataclass(eq=False)
class Entry:
    """One event that was applied: engine time, and what was found out about it then."""

    event: Event
    now: int
    stale: bool
    scores: list[int] = field(default_factory=list)
    concepts: list[int] = field(default_factory=list)
    stage: int = 0
    stage_entry: int = 0

    @property
    def type(self) -> str:
        """The event's type."""
        return self.event.type

    @property
    def tab(self) -> tuple[str, str]:
        """Where it happened."""
        return self.event.session_id, self.event.tab_id


@dataclass
class History:
    """Everything applied so far, and the shop's products."""

    entries: list[Entry]
    products: list[CatalogueProduct]

    def visits(self) -> list[list[Entry]]:
        """The live entries cut where nothing came for more than half an hour."""
        out: list[list[Entry]] = []
        last = None
        for entry in self.entries:
            if entry.stale:
                continue
            if last is None or entry.now - last > HALF_HOUR:
                out.append([])
            out[-1].append(entry)
            last = entry.now
        return out

    def visit(self) -> list[Entry]:
        """The present visit."""
        visits = self.visits()
        return visits[-1] if visits else []

    def count(self, *types: str) -> int:
        """How many of these types the present visit has."""
        return sum(entry.type in types for entry in self.visit())

    def in_tab(self, tab: tuple[str, str]) -> list[Entry]:
        """What the present visit did in one tab."""
        return [entry for entry in self.visit() if entry.tab == tab]

    def standing(self, event: Event) -> int:
        """Share of the category's products that are cheaper, in ppm."""
        assert event.product is not None
        known = [p for p in self.products if p.category == event.product.category]
        if not known:
            return SHARE_OF_NOTHING
        cheaper = sum(p.price_micros < event.product.price_micros for p in known)
        return cheaper * 1_000_000 // len(known)

    def cart(self) -> dict[str, tuple[int, int]]:
        """Product -> (units, price) since the last purchase, by the client's clock."""
        bought = max((e.event.ts_ms for e in self.entries if e.type == "purchase"), default=0)
        changes = sorted(
            (e.event.ts_ms, e.event.session_index, p.id, p.quantity * sign, p.price_micros)
            for e in self.entries
            for sign in [{"add_to_cart": 1, "remove_from_cart": -1}.get(e.type)]
            for p in [e.event.product]
            if sign and p is not None and e.event.ts_ms > bought
        )
        lines: dict[str, tuple[int, int]] = {}
        for _, _, name, units, price in changes[-16:]:
            lines[name] = max(lines.get(name, (0, 0))[0] + units, 0), price
        return {name: line for name, line in lines.items() if line[0]}

    def touched_cart(self) -> bool:
        """Whether any change of the cart is newer than the last purchase."""
        bought = max((e.event.ts_ms for e in self.entries if e.type == "purchase"), default=0)
        changes = ("add_to_cart", "remove_from_cart")
        return any(
            e.type in changes and e.event.product is not None and e.event.ts_ms > bought
            for e in self.entries
        )

    def orders(self) -> list[int]:
        """Values of all orders."""
        return [e.event.value_micros or 0 for e in self.entries if e.type == "purchase"]

    def alive(self, which: int, now: int) -> int:
        """Events that fade by half in a half-life, in thousandths, by whole buckets."""
        span = HALF_LIVES[which]
        buckets = [e.event.received_at_ms // span for e in self.entries]
        newest = max(buckets)
        ahead, total = max(now // span - newest, 0), 0
        for bucket in range(newest, newest - 12, -1):
            total += buckets.count(bucket) * 1000 >> ahead + newest - bucket
        return total

    def focus(self) -> float:
        """Share of interest that the first category has."""
        weights: dict[str, int] = {}
        for entry in self.entries:
            product = entry.event.product
            if entry.stale or entry.type != "product_view" or product is None:
                continue
            weights = {name: weight - weight // 16 for name, weight in weights.items()}
            weights[product.category] = weights.get(product.category, 0) + 4096
        return max(weights.values()) / sum(weights.values()) if weights else 0.0

    def source(self) -> dict[str, str]:
        """Where the present visit came from: its first event that says so."""
        told = [e.event.source for e in self.visit() if e.event.source is not None]
        if not told:
            return {"source": "direct"}
        first = told[0]
        host = urlsplit(first.referrer).hostname or ""
        kind = "referral" if host else "direct"
        kind = "search" if "google." in host else "social" if "instagram." in host else kind
        kind = "campaign" if first.utm_source or first.utm_campaign else kind
        kind = "email" if first.utm_medium == "email" else kind
        return {
            "source": kind,
            "utm_source": first.utm_source,
            "utm_medium": first.utm_medium,
            "utm_campaign": first.utm_campaign,
            "referrer_host": host,
        }

    def left_cart(self) -> str:
        """`left`: away from a filled cart in this visit; `abandoned`: in an earlier one."""
        gone, there, before = 0, False, 0
        for number, visit in enumerate(self.visits(), 1):
            for entry in visit:
                past = History(self.entries[: self.entries.index(entry) + 1], self.products)
                if before != number:
                    gone = gone or (before if before and past.cart() else 0)
                    before, there = number, False
                place = past.page(entry.tab)["page_type"]
                back = entry.type == "visible" and gone == number
                if entry.type == "purchase":
                    gone, there = 0, False
                elif entry.type in ("add_to_cart", "remove_from_cart"):
                    gone = 0
                elif entry.type in ("cart_view", "checkout_start", "checkout_step") or (
                    place in ("cart", "checkout") and (entry.type == "page_view" or back)
                ):
                    gone, there = 0, True
                elif there and entry.type in ("page_view", "product_view", "hidden", "page_leave"):
                    there, gone = False, number if past.cart() else gone
        if not gone or not self.cart():
            return ""
        return "left" if gone == before else "abandoned"

    def page(self, tab: tuple[str, str]) -> dict[str, int | str]:
        """What the tab shows."""
        out: dict[str, int | str] = {"page_type": "", "page_path": "", "product_id": ""}
        out |= {"product_category": "", "product_price": 0, "dwell": 0, "scroll": 0}
        for entry in self.in_tab(tab):
            event, page = entry.event, entry.event.page
            if entry.type in VIEWS:
                said = page.type if page else ""
                out["page_type"] = "cart" if entry.type == "cart_view" else said or out["page_type"]
                out["page_path"] = page.path if page else ""
                out["dwell"] = out["scroll"] = 0
                if entry.type != "product_view":
                    out["product_id"], out["product_category"], out["product_price"] = "", "", 0
                elif event.product is not None:
                    out["product_id"] = event.product.id
                    out["product_category"] = event.product.category
                    out["product_price"] = event.product.price_micros
                # The view's own measure belongs to the page before it.
                depth = event.scroll_depth_ppm
            else:
                out["dwell"] = max(int(out["dwell"]), min(event.active_duration_ms or 0, HALF_HOUR))
                depth = event.scroll_depth_ppm
            out["scroll"] = max(int(out["scroll"]), depth or 0)
        return out

    def stays(self) -> list[int]:
        """How long each page of the visit was looked at, tab by tab, as it was left."""
        entered: dict[tuple[str, str], int] = {}
        out = []
        for entry in self.visit():
            if entry.type in VIEWS:
                since = entered.get(entry.tab)
                if since and entry.type != "product_view":
                    out.append(min(max(entry.event.ts_ms - since, 0), HALF_HOUR))
                entered[entry.tab] = entry.event.ts_ms
        return out

    def path(self) -> list[str]:
        """The pages of the visit by name, none twice in a row."""
        out: list[str] = []
        for entry in self.visit():
            if entry.type in VIEWS:
                page = entry.event.page
                shown = self._as_of(entry).page(entry.tab)
                name = (page.path if page else "") or str(shown["product_id"])
                name = name or (page.type if page else "")
                if out[-1:] != [name]:
                    out.append(name)
        return out

    def _as_of(self, entry: Entry) -> History:
        return History(self.entries[: self.entries.index(entry) + 1], self.products)

    def backs(self) -> int:
        """Returns to the page before the last."""
        path = self.path()
        return sum(path[at] == path[at - 2] for at in range(2, len(path)))

    def cart_backs(self) -> int:
        """Page views in a tab that showed the cart."""
        out, shown = 0, dict[tuple[str, str], object]()
        for entry in self.visit():
            if entry.type in VIEWS:
                out += entry.type == "page_view" and shown.get(entry.tab) == "cart"
                shown[entry.tab] = self._as_of(entry).page(entry.tab)["page_type"]
        return out

    def searches(self) -> list[str]:
        """What was searched for in this visit."""
        return [
            str(e.event.properties.get("query", "")) for e in self.visit() if e.type == "search"
        ]

    def vector(self, shown: int, dismissed: int) -> list[float]:
        """The model's input after the newest entry."""
        visit, entry = self.visit(), self.entries[-1]
        page, stays, searches = self.page(entry.tab), self.stays(), self.searches()
        past = self.in_tab(entry.tab)[:-1]
        gap = entry.event.ts_ms - past[-1].event.ts_ms if past else 0
        prices = [
            self.standing(e.event) for e in visit if e.type == "product_view" and e.event.product
        ]
        worth = sum(units * price for units, price in self.cart().values())
        source = self.source()["source"]
        previous = visit[-2].type if len(visit) > 1 else "custom"
        return [
            *[float(entry.type == name) for name in FLAGS],
            *[float(previous == name) for name in FLAGS],
            log1p(min(max(gap, 0), HALF_HOUR) / 1000),
            log1p((entry.now - visit[0].now) / 1000),
            log1p(len(visit)),
            log1p(self.count("page_view", "cart_view", "checkout_start")),
            log1p(self.count("product_view")),
            float(min(len(searches), 10)),
            float(min(sum(a != b for a, b in pairwise(searches)), 10)),
            float(min(self.count("rage_click"), 10)),
            log1p(self.count("hover")),
            float(min(self.backs(), 10)),
            float(min(self.cart_backs(), 10)),
            float(min(self.count("cart_view"), 10)),
            float(min(self.count("add_to_cart"), 10)),
            float(min(self.count("remove_from_cart"), 10)),
            float(min(self.count("checkout_start", "checkout_step"), 10)),
            log1p(self.count(*TOUCHES)),
            int(page["scroll"]) / 1e6,
            max((e.event.scroll_depth_ppm or 0 for e in visit), default=0) / 1e6,
            log1p(int(page["dwell"]) / 1000),
            log1p((stays[-1] if stays else 0) / 1000),
            log1p(sum(stays) / 1000 / (len(stays) or 1)),
            log1p(max(stays, default=0) / 1000),
            sum(prices) / 1e6 / len(prices) if prices else 0.5,
            log1p(worth / 1e6),
            float(self.touched_cart()),
            *[log1p(self.alive(which, entry.now) / 1000) for which in range(3)],
            log1p(len(self.orders())),
            float(len(self.visits()) > 1),
            float(min(self.count("exit_intent"), 10)),
            float(min(shown, 10)),
            float(min(dismissed, 10)),
            self.focus(),
            float(source == "search"),
            float(source == "email"),
            float(source == "campaign"),
            float(self.count("purchase") > 0),
            *self.kinds(),
        ]

    def kinds(self) -> list[float]:
        """The kind of the page in view, one of eight, and how many pages of each were opened."""
        visit, opened = self.visit(), list[int]()
        for before, entry in zip([None, *visit], visit, strict=False):
            paired = entry.type == "product_view" and before and before.type == "page_view"
            if entry.type in VIEWS and not paired:
                name = str(self._as_of(entry).page(entry.tab)["page_type"])
                opened.append(crc32(name.encode()) % 8)
        now = [float(opened[-1:] == [kind]) for kind in range(8)]
        return [*now, *[log1p(opened.count(kind)) for kind in range(8)]]
