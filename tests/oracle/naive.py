"""A slow and obvious decider: one visitor's log in, what must have been decided out.

It shares with the product the wire types and the hashes that name and draw (schemas/ids.py), and
nothing else: no masks, no columns, no state but lists of what happened.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from schemas.event import Event, Product
from schemas.ids import deadline_slot, event_slot
from tests.oracle.choosing import Slot
from tests.oracle.history import Entry, History
from tests.oracle.shop import DAY, HOLD, LAPSE, STAGES, STALE, Facts, Given, Shop, score

ASKING = (
    "page_view product_view add_to_cart remove_from_cart cart_view checkout_start exit_intent "
    "purchase ask"
).split()
FIRST = "purchase page_view product_view cart_view checkout_start page_leave hidden".split()
"""What goes before a deadline of the same millisecond, and ends a dwell."""


@dataclass
class Oracle:
    """One visitor. `take` gives what each event must lead to."""

    shop: Shop
    key: str
    entries: list[Entry] = field(default_factory=list)
    given: list[Given] = field(default_factory=list)
    taken: list[tuple[str, str, int, str]] = field(default_factory=list)
    fired: set[tuple[tuple[str, str], int]] = field(default_factory=set)
    counted: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("applied", "duplicate", "late", "conflict"), 0)
    )
    confirming: set[str] = field(default_factory=set)
    now: int = 0
    pushed: int = 0

    def history(self) -> History:
        """Everything that was applied."""
        return History(self.entries, self.shop.products)

    def take(self, event: Event) -> list[Facts]:
        """The decisions up to this event and by it."""
        now = max(self.now, event.received_at_ms)
        out = self._overdue(now - (event.type in FIRST))
        self.now = now
        verdict = self._verdict(event)
        self.counted["applied" if verdict == "conflict" else verdict] += 1
        self.counted["conflict"] += verdict == "conflict"
        if verdict in ("applied", "conflict"):
            stale = event.sent_at_ms - event.ts_ms > STALE
            self.entries.append(Entry(event, now, stale))
            if not stale:
                out += self._live(self.entries[-1])
        return out + (self._overdue(now) if event.type in FIRST else [])

    def _verdict(self, event: Event) -> str:
        """Each (session, tab) remembers what it saw, 1,024 places back, ids for 64."""
        place = (event.session_id, event.tab_id)
        before = [(i, name) for *at, i, name in self.taken if tuple(at) == place]
        newest = max((index for index, _ in before), default=-1)
        index = event.session_index
        if newest - index >= 1024:
            return "late"
        ids = [name for at, name in before if at == index]
        if ids and (newest - index >= 64 or event.event_id in ids):
            return "duplicate"
        self.taken.append((*place, index, event.event_id))
        return "conflict" if ids else "applied"

    # What time brings

    def _overdue(self, until: int) -> list[Facts]:
        out = []
        while due := [each for each in self._dwelling() if each[0] <= until]:
            at, _, tab = min(due)
            self.fired.add((tab, at))
            self.now = max(self.now, at)
            out += self._decide("dwell", "", at, tab, "deadline", at)
        return out

    def _dwelling(self) -> list[tuple[int, int, tuple[str, str]]]:
        """(deadline, order of use, tab) of every tab that stays on a product."""
        visit = self.history().visit()
        out = []
        for tab in {entry.tab for entry in visit}:
            mine = [entry for entry in visit if entry.tab == tab]
            order = visit.index(mine[-1])
            last = [entry for entry in mine if entry.type in FIRST][-1:]
            if last and last[0].type == "product_view":
                at = last[0].now + self.shop.site.dwell_ms
                if (tab, at) not in self.fired:
                    out.append((at, order, tab))
        return out

    # What an event brings

    def _live(self, entry: Entry) -> list[Facts]:
        event = entry.event
        if event.type in ("impression", "dismiss", "action_click", "convert"):
            self._answered(event)
        shown, dismissed = self._shown()
        entry.concepts = self.shop.concepts_of(self.history().vector(shown, dismissed))
        entry.scores = [score(head, entry.concepts) for head in self.shop.heads]
        earlier = [e for e in self.entries[:-1] if not e.stale]
        moved = self._stage(entry, earlier)
        instant = moved or event.type in ("add_to_cart", "remove_from_cart", "exit_intent")
        speed = "instant" if instant else "standard"
        if event.type in ASKING:
            cancels = self._cancelled(event)
            return self._decide(
                event.type, event.event_id, 0, entry.tab, speed, self.now, cancels, event.bot
            )
        if moved:
            speed, kind = "instant", "stage"
        elif earlier and self._crossed(earlier[-1], entry):
            kind = "threshold"
        else:
            return []
        return self._decide(kind, event.event_id, 0, entry.tab, speed, self.now, (), event.bot)

    def _shown(self) -> tuple[int, int]:
        """Impressions that confirmed something, and dismissals, in this visit."""
        visit = self.history().visit()
        return sum(e.event.event_id in self.confirming for e in visit), self.history().count(
            "dismiss"
        )

    def _stage(self, entry: Entry, earlier: list[Entry]) -> bool:
        history = self.history()
        visit = history.visit()
        before = earlier[-1] if len(visit) > 1 else None
        stage = before.stage if before else 0
        entry.stage_entry = before.stage_entry if before else 0
        intent = dict(zip([h.name for h in self.shop.heads], entry.scores, strict=True))
        if history.count("purchase"):
            entry.stage = 0
        elif (
            history.count("checkout_start", "checkout_step")
            or intent["purchase_intent"] >= self.shop.site.high_intent_ppm
        ):
            entry.stage = 2
        elif history.count("cart_view") or history.cart():
            entry.stage = max(stage, 1)
        else:
            entry.stage = stage
        entry.stage_entry += entry.stage != stage
        return entry.stage != stage

    def _crossed(self, before: Entry, entry: Entry) -> bool:
        names = [*[head.name for head in self.shop.heads], *self.shop.concept_names]
        old = dict(zip(names, before.scores + before.concepts, strict=True))
        new = dict(zip(names, entry.scores + entry.concepts, strict=True))
        return any(old[n] < least <= new[n] for n, least in self.shop.site.thresholds.items())

    def _answered(self, event: Event) -> None:
        found = None
        if event.source_shown == "fallback":
            held = [g for g in self.given if not g.slot and g.decision == event.decision_id]
            if held:
                found = held[0]
                for each in self.given:
                    if each.slot == event.slot_id and each.state == "reserved":
                        each.state = "released"
                found.slot = event.slot_id or ""
        if found is None:
            same = [g for g in self.given if g.slot == event.slot_id and g.state != "withheld"]
            found = same[-1] if same else None
        if found is None:
            return
        if event.type == "impression":
            if found.state != "shown":
                self.confirming.add(event.event_id)
            found.state = "shown"
        found.dismissed = found.dismissed or event.type == "dismiss"

    def _cancelled(self, event: Event) -> tuple[str, ...]:
        bought = event.type == "purchase"
        emptied = event.type == "remove_from_cart" and not self.history().cart()
        out = []
        for each in self.given:
            if not bought and not (emptied and each.campaign.action_type == "cart_save"):
                continue
            running = each.state in ("reserved", "shown") and self.now <= each.until
            if running and not each.dismissed:
                out.append(each.slot)
            if each.state in ("reserved", "held"):
                each.state = "released"
        return tuple(out)

    # Deciding

    def facts(self, trigger: str, tab: tuple[str, str], now: int) -> Facts:
        """What conditions read."""
        history = self.history()
        visit, page, cart = history.visit(), history.page(tab), history.cart()
        newest = [e for e in self.entries if not e.stale][-1]
        value = sum(units * price for units, price in cart.values())
        orders, left = history.orders(), history.left_cart()
        mean = sum(orders) // len(orders) if orders else 0
        shown, dismissed = self._shown()
        buying = history.count("checkout_start", "checkout_step") and not history.count("purchase")
        known = {p.id: p for p in self.shop.products}.get(str(page["product_id"]))
        out: Facts = {
            "trigger": trigger,
            "stage": STAGES[newest.stage],
            **dict(zip([h.name for h in self.shop.heads], newest.scores, strict=True)),
            **dict(zip(self.shop.concept_names, newest.concepts, strict=True)),
            "cart_value": value,
            "cart_items": sum(units for units, _ in cart.values()),
            "orders": len(orders),
            "order_value": sum(orders),
            "potential_value": max(value, mean, page["product_price"]),
            "checkout_critical": int(bool(cart and buying)),
            "cart_left": int(left == "left"),
            "cart_abandoned": int(left == "abandoned"),
            "session_age": now - visit[0].now,
            "session_events": len(visit),
            "page_views": history.count("page_view", "cart_view", "checkout_start"),
            "product_views": history.count("product_view"),
            "searches": history.count("search"),
            "scroll_depth": max((e.event.scroll_depth_ppm or 0 for e in visit), default=0),
            "rage_clicks": history.count("rage_click"),
            "hovers": history.count("hover"),
            "shown_session": shown,
            "dismissed_session": dismissed,
            "utm_source": "",
            "utm_medium": "",
            "utm_campaign": "",
            "referrer_host": "",
            **history.source(),
            "returning": int(len(history.visits()) > 1),
            "identified": int(":u:" in self.key),
            "consent_marketing": int(newest.event.consent.marketing),
            "hour": now // 3_600_000 % 24,
            "weekday": (now // DAY + 3) % 7,
            **{name: value for name, value in page.items() if name != "scroll"},
        }
        if trigger == "dwell":
            out["dwell"] = max(out["dwell"], self.shop.site.dwell_ms)
        if page["product_id"]:
            looked = Event(product=_product(page))
            out["product_stock"] = known.stock if known else -1
            out["product_price_percentile"] = history.standing(looked)
        return out

    def _decide(
        self,
        kind: str,
        event_id: str,
        deadline: int,
        tab: tuple[str, str],
        speed: str,
        now: int,
        cancels: tuple[str, ...] = (),
        bot: bool = False,
    ) -> list[Facts]:
        said = {"trigger": kind, "class": speed, "cancels": cancels, "now": now}
        if bot:
            places = ["page"]
        else:
            places = list(self.shop.site.placements)
            self._release(tab, now)
        slots = []
        for place in places:
            name = (
                deadline_slot(self.shop.site.site, self.key, place, kind, deadline)
                if deadline
                else event_slot(self.shop.site.site, self.key, place, event_id)
            )
            slots.append(Slot(self, place, kind, tab, now, name, said, bot=bot))
        if any(slot.winner for slot in slots):
            for slot in slots:
                slot.out["fallback_reason"] = slot.out["fallback_reason"] if slot.winner else ""
        elif not bot:
            for at, slot in enumerate(slots):
                if slot.hold(now + HOLD):
                    for later in slots[at + 1 :]:
                        later.out["fallback_reason"] = "stage_used"
                    break
        for slot in slots:
            self.pushed += bool(slot.out["shown"] or cancels)
            slot.out["seq"] = self.pushed if slot.out["shown"] or cancels else 0
        return [slot.out for slot in slots]

    def _release(self, tab: tuple[str, str], now: int) -> None:
        """The tab's next decision gives up what its last one held; it is kept a little longer."""
        for each in list(self.given):
            if each.state == "held" and each.tab == tab:
                each.state, each.until = "released", now + LAPSE
            elif each.state == "released" and not each.slot and now > each.until:
                self.given.remove(each)


def _product(page: dict[str, int | str]) -> Product:
    price = int(page["product_price"])
    return Product(category=str(page["product_category"]), price_micros=price)
