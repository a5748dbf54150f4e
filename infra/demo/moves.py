"""What a visitor does on a page: each move as the events an SDK sends for it, with their times."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from infra.demo.goods import Item
from infra.demo.persona import Persona

WireEvent = dict[str, Any]
Timed = list[tuple[int, WireEvent]]

ORIGIN = "https://demo.shop.example"
_CALM = 0.88
"""Frustration fades by this factor a move."""

_STRAY = 0.03
"""Chance a move that the pointer leaves the window for no reason."""


class Shopping:
    """Where the visitor stands: clock, page, product in view, cart, mood."""

    def __init__(
        self, persona: Persona, catalogue: Sequence[Item], rng: Random, start_ts_ms: int
    ) -> None:
        self.persona = persona
        self.catalogue = tuple(catalogue)
        self.rng = rng
        self.clock_ms = start_ts_ms
        self.patience = persona.patience * rng.uniform(0.6, 1.5)
        self.frustration = 0.0
        self.product: Item | None = None
        self.cart: list[Item] = []
        self.seen: list[Item] = []
        self.bought = False
        self._queries = 0
        self._favourite = rng.choice(sorted({item.category for item in catalogue}))
        self._page: dict[str, str] = {}
        self._paired = rng.random() < 0.7
        self._entered_ms = start_ts_ms
        self._scroll = 0.0
        self._out: Timed = []

    def possible(self, move: str) -> bool:
        """Whether the move makes sense from here."""
        if move in ("similar", "wishlist", "add"):
            return self.product is not None and (move != "add" or len(self.cart) < 4)
        if move == "back":
            return len(self.seen) >= 2
        if move == "compare":
            return len({item.id for item in self.seen}) >= 2
        if move == "reword":
            return self._queries > 0
        if move in ("cart", "checkout", "remove", "coupon"):
            return bool(self.cart)
        return True

    def land(self, source: dict[str, str]) -> Timed:
        """First page of the visit."""
        self._emit(0, "session_start", source=source)
        if self.persona.landing == "product":
            self._view(self._pick(), dwell=True)
        else:
            path = "/" if self.persona.landing == "home" else f"/c/{self._favourite}"
            self._open(self.persona.landing, path, source=source)
            self._read()
        return self._taken()

    def perform(self, move: str, *, buys: bool) -> Timed:
        """One move; may end the visit by a purchase."""
        self.frustration *= _CALM
        if move == "checkout":
            self._checkout(buys)
        else:
            getattr(self, f"_{move}")()
        if self.rng.random() < self.persona.friction:
            self.annoy(0.4)
        if self.rng.random() < _STRAY:
            self._emit(self.rng.randint(300, 2000), "exit_intent")
        return self._taken()

    def leave(self) -> Timed:
        """Last events of the visit; most browsers say goodbye, some just vanish."""
        rng = self.rng
        goodbye = rng.random()
        if goodbye < 0.80:
            self.clock_ms += rng.randint(100, 600)
            self._close()
        elif goodbye < 0.92:
            self._emit(rng.randint(100, 600), "hidden")
        return self._taken()

    def go_to_the_door(self) -> Timed:
        """The pointer leaves through the top edge; a few seconds decide what comes of it."""
        self._emit(self.rng.randint(200, 900), "exit_intent")
        self.clock_ms += self.rng.randint(1500, 5000)
        return self._taken()

    def annoy(self, amount: float) -> None:
        """Something went wrong: raise frustration, at most to 1."""
        self.frustration = min(self.frustration + amount, 1.0)

    def _taken(self) -> Timed:
        out, self._out = self._out, []
        return out

    def _emit(self, gap_ms: int, kind: str, **fields: Any) -> None:
        self.clock_ms += gap_ms
        event: WireEvent = {"type": kind, **fields}
        if self._page and "page" not in event:
            event["page"] = self._page
        self._out.append((self.clock_ms, event))

    def _open(self, kind: str, path: str, **fields: Any) -> None:
        """A full page load: goodbye to the old page, a page view of the new one."""
        if self._page:
            self._close()
        self._page = {"url": ORIGIN + path, "path": path, "type": kind, "title": kind}
        self._entered_ms, self._scroll = self.clock_ms, 0.0
        self.product = None
        plain = kind in ("home", "category", "search")
        if plain or self._paired:
            self._emit(self.rng.randint(150, 700), "page_view", **fields)

    def _close(self) -> None:
        active_s = max(self.clock_ms - self._entered_ms, 0) / 1000
        vectors = {"scroll_depth": round(self._scroll, 2), "active_duration_s": round(active_s, 1)}
        self._emit(5, "page_leave", vectors=vectors)

    def _dwell_ms(self, factor: float = 1.0) -> int:
        haste = 1 - 0.5 * self.frustration
        seconds = self.rng.lognormvariate(0, 0.8) * self.persona.dwell_s * factor * haste
        return int(min(max(seconds, 0.8), 240) * 1000)

    def _read(self, factor: float = 0.6) -> None:
        """Look at the page: some scrolling, perhaps a pause, then time passes."""
        rng, left_ms = self.rng, self._dwell_ms(factor)
        for depth in (0.25, 0.5, 0.75, 0.9):
            if left_ms < 600 or rng.random() > self.persona.scroll:
                break
            gap_ms = rng.randint(300, max(left_ms // 2, 301))
            left_ms -= gap_ms
            self._scroll = depth
            self._emit(gap_ms, "scroll", vectors={"scroll_depth": depth})
        if left_ms > 17_000 and rng.random() < 0.5:
            active_s = round((self.clock_ms - self._entered_ms) / 1000 + 15, 1)
            self._emit(17_000, "pause", vectors={"active_duration_s": active_s})
            left_ms -= 17_000
        if left_ms > 5_000 and rng.random() < 0.06:
            self._emit(1_000, "hidden")
            self._emit(left_ms - 2_000, "visible")
            left_ms = 1_000
        self.clock_ms += left_ms

    def _view(self, item: Item, *, dwell: bool) -> None:
        self._open("product", item.url)
        self.product = item
        self.seen = [*self.seen, item][-12:]
        self._emit(3, "product_view", product=_product(item))
        if not dwell:
            self.clock_ms += self.rng.randint(1500, 4500)
            return
        self._read(1.0)
        for kind, chance in (("zoom", 0.15), ("video_play", 0.05)):
            if self.rng.random() < chance:
                self._emit(self.rng.randint(400, 3000), kind, product=_product(item))

    def _pick(self, category: str | None = None) -> Item:
        inside = self.rng.random() < 0.75
        category = category or (self._favourite if inside else None)
        items = [item for item in self.catalogue if category in (None, item.category)]
        if self.persona.name == "bargain_hunter" and self.rng.random() < 0.7:
            items = sorted(items, key=lambda item: item.price_micros)[: max(len(items) // 2, 1)]
        return self.rng.choice(items)

    def _category(self) -> None:
        if self.rng.random() < 0.25:
            self._favourite = self._pick().category
        self._open("category", f"/c/{self._favourite}")
        if self.rng.random() < 0.4:
            self._emit(self.rng.randint(900, 3000), "hover", product=_product(self._pick()))
        self._read()

    def _product(self) -> None:
        self._view(self._pick(), dwell=True)

    def _similar(self) -> None:
        assert self.product is not None
        self._view(self._pick(self.product.category), dwell=True)

    def _back(self) -> None:
        """A-B-A: back to the one before, and often forth again, within seconds."""
        before = self.seen[-2]
        self.annoy(0.05)
        self._view(before, dwell=False)
        if self.rng.random() < 0.3 + 0.4 * self.frustration:
            self._view(self.seen[-2], dwell=False)

    def _search(self) -> None:
        self._queries += 1
        self._find(f"{self._favourite} {self._queries}")

    def _reword(self) -> None:
        """The same wish in other words, because the results did not help."""
        self._queries += 1
        self.annoy(0.12)
        self._find(f"{self._favourite} again {self._queries}")

    def _find(self, query: str) -> None:
        self._emit(self.rng.randint(1500, 6000), "search", properties={"query": query})
        self._open("search", "/search")
        self._read(0.3)

    def _rage(self) -> None:
        """Several clicks on one thing that does not answer."""
        target = {"target": self.rng.choice(("size", "zoom", "filter", "add"))}
        clicks, tracked = self.rng.randint(3, 6), self.rng.random() < 0.6
        for n in range(clicks):
            gap_ms = self.rng.randint(90, 220) if n else 800
            self.clock_ms += gap_ms
            if tracked:
                self._emit(0, "click", vectors={"tap_velocity_ms": 150}, properties=target)
            if n % 3 == 2:
                self._emit(20, "rage_click", properties=target)
        self.annoy(0.25)
        self.clock_ms += self.rng.randint(800, 4000)

    def _sort(self) -> None:
        self._emit(self.rng.randint(1200, 5000), "filter", properties={"sort": "price_asc"})
        self._read(0.3)

    def _compare(self) -> None:
        ids = ",".join(dict.fromkeys(item.id for item in self.seen[-4:]))
        self._emit(self.rng.randint(1500, 5000), "compare", properties={"products": ids})
        self._read(0.8)

    def _wishlist(self) -> None:
        assert self.product is not None
        self._emit(self.rng.randint(700, 3000), "wishlist_add", product=_product(self.product))

    def _add(self) -> None:
        assert self.product is not None
        self._emit(self.rng.randint(300, 1500), "click", properties={"target": "add"})
        self.cart.append(self.product)
        self._emit(4, "add_to_cart", product=_product(self.product), value=self._value())
        self.clock_ms += self._dwell_ms(0.2)

    def _cart(self) -> None:
        self._open("cart", "/cart")
        self._emit(3, "cart_view", value=self._value())
        self._read(0.6)

    def _remove(self) -> None:
        item = self.cart.pop(self.rng.randrange(len(self.cart)))
        self._emit(self.rng.randint(900, 5000), "remove_from_cart", product=_product(item))
        self.clock_ms += self._dwell_ms(0.2)

    def _coupon(self) -> None:
        if self._page.get("type") != "cart":
            self._cart()
        self._emit(self.rng.randint(600, 3000), "form_focus", properties={"field": "coupon"})
        if self.rng.random() < 0.5:
            self.annoy(0.2)

    def _checkout(self, buys: bool) -> None:
        if self._page.get("type") != "cart" and self.rng.random() < 0.7:
            self._cart()
        self._open("checkout", "/checkout")
        self._emit(3, "checkout_start", value=self._value())
        steps = 2 if buys else self.rng.randint(0, 2)
        for step in range(steps):
            self._emit(self._dwell_ms(0.4), "form_focus", properties={"field": f"step{step + 1}"})
            self._emit(self._dwell_ms(0.4), "checkout_step", properties={"step": step + 1.0})
        if buys:
            self._emit(self._dwell_ms(0.5), "purchase", value=self._value())
            self.bought, self.cart = True, []
        elif self.rng.random() < 0.5:
            self.annoy(0.1)
            self._view(self._pick(), dwell=True)

    def _value(self) -> str:
        micros = sum(item.price_micros for item in self.cart)
        return f"{micros // 1_000_000}.{micros % 1_000_000 // 10_000:02d}"


def _product(item: Item) -> dict[str, Any]:
    return {
        "id": item.id,
        "name": item.name,
        "category": item.category,
        "price": item.price,
        "currency": "EUR",
        "quantity": 1,
    }
