"""One slot decided slowly: each campaign asked each rule in turn, then a naive auction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.auction import Bid
from schemas.campaign import Campaign
from schemas.ids import decision_id, draw_ppm
from tests.models.auction_oracle import Instance, naive_winner
from tests.oracle.history import Entry
from tests.oracle.shop import DAY, MILLION, STAGES, Given, price_of, ranked

if TYPE_CHECKING:
    from tests.oracle.naive import Oracle


class Slot:
    """The decision of one placement as `out`; books what it gives away."""

    def __init__(
        self,
        visitor: Oracle,
        place: str,
        kind: str,
        tab: tuple[str, str],
        now: int,
        name: str,
        said: dict[str, Any],
        *,
        bot: bool,
    ) -> None:
        self.visitor, self.place, self.kind, self.tab, self.now = visitor, place, kind, tab, now
        self.name, self.shop = name, visitor.shop
        self.decision = decision_id(name, self.shop.versions)
        self.winner: Campaign | None = None
        self.out: dict[str, Any] = {
            **said,
            "slot": name,
            "decision": self.decision,
            "place": place,
            "counts": dict(visitor.counted),
            "stage": STAGES[self.newest.stage],
            "scores": list(self.newest.scores),
            "concepts": list(self.newest.concepts),
            "campaign": "",
            "reason": "bot" if bot else "no_eligible",
            "fallback_reason": "bot" if bot else "no_eligible",
            "reasons": {},
            "candidates": [],
            "price": 0,
            "charge": 0,
            "expires": 0,
            "withheld": "",
            "offer": "",
            "fallback": "",
            "until": 0,
            "shown": False,
        }
        if not bot:
            self._choose()

    @property
    def newest(self) -> Entry:
        """The newest live event."""
        return [e for e in self.visitor.entries if not e.stale][-1]

    def _choose(self) -> None:
        gone = {each.id: self._why_not(each) for each in self.shop.campaigns}
        self.silent = [each for each in self.shop.campaigns if gone[each.id] == "trigger"]
        bidding = [each for each in self.shop.campaigns if not gone[each.id]]
        number = len(self.visitor.history().visits())
        seen = [g for g in self.visitor.given if g.visit == number]
        times = 1 + sum(g.state in ("shown", "withheld") for g in seen)
        self.reserve = min(self.shop.site.reserve_micros * MILLION * times, (1 << 63) - 1)
        facts = self.visitor.facts(self.kind, self.tab, self.now)
        bids = [self.bid(each, facts, urgent=True) for each in bidding]
        best = naive_winner(Instance(bids, self.reserve))
        order = ranked([self._first_if_it_may(bid) for bid in bids])
        for bid in order:
            least = max(self.reserve, 1)
            lost = "below_reserve" if bid.score < least else "outbid"
            if bid.campaign_id != best:
                gone[bid.campaign_id] = lost
        self.out["reasons"] = {
            why: [n for n in gone if gone[n] == why] for why in sorted({*gone.values()} - {""})
        }
        self.out["candidates"] = [
            (b.campaign_id, b.bid_micros, b.quality_ppm, b.override) for b in order[:10]
        ]
        if "below_reserve" in gone.values():
            self.out["reason"] = self.out["fallback_reason"] = "below_reserve"
        for code in ("stage_used", "bought"):
            if code in gone.values():
                self.out["fallback_reason"] = code
        if best:
            self._give(best, [self._first_if_it_may(bid) for bid in bids])

    def _first_if_it_may(self, bid: Bid) -> Bid:
        """Who would not reach the reserve goes before nobody."""
        able = bid.score >= max(self.reserve, 1)
        return Bid(
            bid.campaign_id, bid.bid_micros, bid.quality_ppm, bid.priority, bid.override and able
        )

    def _give(self, best: str, bids: list[Bid]) -> None:
        campaign = next(each for each in self.shop.campaigns if each.id == best)
        quality = next(bid.quality_ppm for bid in bids if bid.campaign_id == best)
        price = price_of(bids, self.reserve)
        why = self._withheld(campaign)
        self.winner = campaign
        self.book(campaign, self.now + campaign.ttl_ms, "withheld" if why else "reserved")
        self.out |= {
            "campaign": best,
            "reason": "withheld" if why else "won",
            "fallback_reason": why or "stage_used",
            "price": price,
            "charge": -(-price * quality // MILLION),
            "expires": self.now + campaign.ttl_ms,
            "withheld": why,
            "offer": self._offer(campaign),
            "shown": not why,
        }

    def hold(self, until: int) -> bool:
        """Keep the best of those whose moment it only was not; False where there is none."""
        facts = self.visitor.facts(self.kind, self.tab, self.now)
        able = [
            each
            for each in self.silent
            if each.fallback and self.shop.holds[each.id](facts) and not self._sold_out(each)
        ]
        bids = [self.bid(each, facts, urgent=False) for each in able]
        best = naive_winner(Instance(bids, self.reserve))
        if not best:
            return False
        campaign = next(each for each in able if each.id == best)
        self.out["fallback_reason"] = self._withheld(campaign)
        if self.out["fallback_reason"]:
            return False
        self.book(campaign, until, "held")
        self.out["fallback"], self.out["until"] = best, until
        return True

    def book(self, campaign: Campaign, until: int, state: str) -> None:
        """Remember what was given away."""
        given = Given(
            "" if state == "held" else self.name,
            self.decision,
            campaign,
            len(self.visitor.history().visits()),
            self.newest.stage_entry,
            self.tab,
            self.now,
            until,
            state,
        )
        self.visitor.given.append(given)

    def bid(self, campaign: Campaign, facts: dict[str, Any], *, urgent: bool) -> Bid:
        """Margin under pacing, and base plus what the scores add."""
        offer = {o.name: o for o in campaign.offers}.get(self._offer(campaign))
        worth = (offer.margin_micros if offer else campaign.margin_micros) + campaign.value_micros
        share = self.shop.pacing.get(campaign.id, MILLION)
        added = sum(weight * facts.get(name, 0) for name, weight in campaign.response.items())
        quality = (campaign.base_ppm * MILLION + added) // MILLION
        first = campaign.priority_override == "checkout" and bool(facts["checkout_critical"])
        return Bid(
            campaign.id,
            worth * share // MILLION,
            min(max(quality, 0), MILLION),
            campaign.priority,
            first and urgent,
        )

    def _offer(self, campaign: Campaign) -> str:
        facts = self.visitor.facts(self.kind, self.tab, self.now)
        risk, value = facts.get("churn_risk", 0), facts["potential_value"]
        found = [o for o in campaign.offers if risk >= o.risk_ppm and value >= o.value_micros]
        return found[-1].name if found else ""

    def _withheld(self, campaign: Campaign) -> str:
        site, key = self.shop.site, self.visitor.key
        if draw_ppm(site.salt, "holdout", key) < site.holdout_ppm:
            return "holdout"
        if site.mode == "observe":
            return "observe"
        if draw_ppm(site.salt, "rollout", key) >= site.rollout_ppm:
            return "rollout"
        own = draw_ppm(site.salt, "holdout", campaign.id, key)
        return "campaign_holdout" if own < campaign.holdout_ppm else ""

    def _sold_out(self, campaign: Campaign) -> bool:
        stock = {product.id: product.stock for product in self.shop.products}
        named = [product.id for product in campaign.render.products]
        return bool(named) and all(stock.get(name) == 0 for name in named)

    def _why_not(self, c: Campaign) -> str:
        """The first rule that keeps a campaign from bidding; empty if none does."""
        visitor, now = self.visitor, self.now
        history = visitor.history()
        number, consent = len(history.visits()), self.newest.event.consent
        counting = [g for g in visitor.given if g.counts(now)]
        ours = [g for g in counting if g.visit == number]
        same = [g for g in counting if g.campaign.id == c.id]
        rivals = {g.campaign.id for g in ours if set(g.campaign.excludes) & set(c.excludes)}
        left, popup = history.left_cart(), c.render.kind == "modal"
        saves = c.action_type == "cart_save" and left == "left" and self.kind == "exit_intent"
        checks = (
            ("paused", c.paused),
            ("placement", c.placement != self.place),
            ("bought", history.count("purchase") > 0),
            ("stage_used", any(g.entry == self.newest.stage_entry for g in ours)),
            ("schedule", now < c.starts_at_ms or 0 < c.ends_at_ms <= now),
            ("budget", self.shop.pacing.get(c.id, MILLION) == 0),
            ("consent", not all(getattr(consent, purpose) for purpose in c.needs)),
            ("stage", bool(c.stages) and STAGES[self.newest.stage] not in c.stages),
            ("cart_left", bool(left) and popup and not saves),
            ("excluded", bool(rivals - {c.id})),
            ("cap_session", 0 < c.cap_session <= sum(g.visit == number for g in same)),
            ("cap_day", 0 < c.cap_day <= sum(now - g.decided < DAY for g in same)),
            ("cap_user", 0 < c.cap_user <= len(same)),
            ("trigger", bool(c.on) and self.kind not in c.on),
        )
        for code, failing in checks:
            if failing:
                return code
        if not self.shop.holds[c.id](visitor.facts(self.kind, self.tab, now)):
            return "when"
        return "stock" if self._sold_out(c) else ""
