"""One visitor as the invariants see it: what was sent, what was given. Naive on purpose.

Nothing here is shared with the core: dedup is a set, caps are counted over plain lists, from the
decisions and events of the log alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b

from schemas.campaign import Campaign, Campaigns
from schemas.decision import Decision
from schemas.event import Event

SESSION_GAP_MS = 30 * 60 * 1000
DAY_MS = 24 * 3600 * 1000
LAPSE_MS = 10_000
WINDOW = 1_024
HASHED = 64
RESERVED, SHOWN, WITHHELD, HELD, GONE = "reserved", "shown", "withheld", "held", "gone"
SILENT = frozenset(("bot", "probe", "no_site", "no_catalogue"))
BEFORE_DEADLINE = frozenset(
    "purchase page_view product_view cart_view checkout_start page_leave hidden".split()
)


@dataclass
class Gift:
    """One action given to the visitor."""

    slot_id: str
    decision_id: str
    campaign_id: str
    session: int
    stage: str
    tab: tuple[str, str]
    at_ms: int
    until_ms: int
    state: str

    def counts(self, now_ms: int) -> bool:
        """Whether it uses up caps and its stage."""
        if self.state == HELD:
            return now_ms <= self.until_ms
        if self.state == RESERVED:
            return now_ms <= self.until_ms + LAPSE_MS
        return self.state in (SHOWN, WITHHELD)


@dataclass
class Seen:
    """What one tab of one session has sent."""

    newest: int = -1
    ids: dict[int, set[bytes]] = field(default_factory=dict)


@dataclass
class Ledger:
    """One life of a user key, from its epoch until it is forgotten."""

    epoch_ms: int
    applied: int = 0
    duplicate: int = 0
    late: int = 0
    dead_lettered: int = 0
    now_ms: int = 0
    session: int = 0
    session_ms: int = 0
    bought: bool = False
    gifts: list[Gift] = field(default_factory=list)
    seen: dict[tuple[str, str], Seen] = field(default_factory=dict)
    holdout_draws: set[int] = field(default_factory=set)

    def verdict(self, event: Event) -> str:
        """applied, duplicate or late; remembers the event."""
        tab = self.seen.setdefault((event.session_id, event.tab_id), Seen())
        index, mark = event.session_index, blake2b(event.event_id.encode(), digest_size=2).digest()
        behind = tab.newest - index
        if behind >= WINDOW:
            return "late"
        known = tab.ids.setdefault(index, set())
        if known and (mark in known or behind >= HASHED):
            return "duplicate"
        known.add(mark)
        tab.newest = max(tab.newest, index)
        return "applied"

    def arrives(self, event: Event) -> None:
        """Fold one fresh event in, as far as caps depend on it."""
        now_ms = self.now_ms
        if self.session == 0 or now_ms - self.session_ms > SESSION_GAP_MS:
            self.session, self.bought = self.session + 1, False
        self.session_ms = now_ms
        if event.type == "impression":
            self._shown(event)
        if event.type == "purchase":
            self.bought = True
            for gift in self.gifts:
                if gift.state in (RESERVED, HELD):
                    gift.state, gift.until_ms = GONE, 0

    def _shown(self, event: Event) -> None:
        if event.source_shown == "fallback":
            for gift in self.gifts:
                if gift.slot_id or gift.decision_id != event.decision_id:
                    continue
                if gift.state == GONE and self.now_ms > gift.until_ms:
                    return
                for other in self.gifts:
                    if other.slot_id == event.slot_id and other.state == RESERVED:
                        other.state = GONE
                gift.slot_id, gift.state = event.slot_id or "", SHOWN
                return
        for gift in self.gifts:
            if gift.slot_id == event.slot_id and gift.state != WITHHELD:
                gift.state = SHOWN

    def left_page(self) -> None:
        """A page key forgets all but its counts."""
        self.session, self.bought, self.gifts = 0, False, []

    def release(self, tab: tuple[str, str], now_ms: int) -> None:
        """The tab's next decision takes back the fallback that its last one held."""
        for gift in self.gifts:
            if gift.state == HELD and gift.tab == tab:
                gift.state, gift.until_ms = GONE, now_ms + LAPSE_MS

    def give(self, decision: Decision, catalogue: Campaigns | None) -> list[str]:
        """Book what a decision gives; what is wrong with giving it."""
        tab, now_ms = (decision.session_id, decision.tab_id), decision.decided_at_ms
        wrong: list[str] = []
        if decision.withholding.holdout_ppm:
            self.holdout_draws.add(decision.withholding.holdout_draw_ppm)
            if len(self.holdout_draws) > 1:
                wrong.append(f"the holdout draws of one visitor differ: {self.holdout_draws}")
        if decision.campaign_id:
            wrong += self._exceeded(decision.campaign_id, decision, catalogue)
            state = WITHHELD if decision.withheld else RESERVED
            self._book(decision, decision.campaign_id, tab, decision.expires_at_ms, state)
            if decision.withheld and decision.render is not None:
                wrong.append("a withheld winner is shown")
        fallback = decision.fallback
        if fallback is not None:
            wrong += self._exceeded(fallback.campaign_id, decision, catalogue)
            self._book(decision, fallback.campaign_id, tab, fallback.valid_until_ms, HELD)
        return [f"{each} at {now_ms}" for each in wrong]

    def _book(
        self, decision: Decision, name: str, tab: tuple[str, str], until_ms: int, state: str
    ) -> None:
        slot_id = "" if state == HELD else decision.slot_id
        at_ms = decision.decided_at_ms
        made = (slot_id, decision.decision_id, name, self.session, decision.stage, tab, at_ms)
        self.gifts.append(Gift(*made, until_ms, state))

    def _exceeded(self, name: str, decision: Decision, catalogue: Campaigns | None) -> list[str]:
        """Caps, the stage and silence after a purchase, each counted over all gifts."""
        assert catalogue is not None, "a campaign won under no catalogue"
        now_ms = decision.decided_at_ms
        by_id = {each.id: each for each in catalogue.campaigns}
        campaign = by_id[name]
        counting = [gift for gift in self.gifts if gift.counts(now_ms)]
        wrong = []
        if self.bought:
            wrong.append(f"{name}: an action after the purchase")
        for gift in counting:
            if (gift.session, gift.stage) == (self.session, decision.stage):
                wrong.append(f"{name}: {gift.campaign_id} had its action in {gift.stage}")
        same = [gift for gift in counting if gift.campaign_id == name]
        caps = (campaign.cap_session, campaign.cap_day, campaign.cap_user)
        wrong += self._over(name, caps, same, now_ms)
        for cap in catalogue.channels:
            if cap.channel == campaign.channel:
                alike = [g for g in counting if _channel(by_id, g.campaign_id) == cap.channel]
                caps = (cap.cap_session, cap.cap_day, cap.cap_user)
                wrong += self._over(f"channel {cap.channel}", caps, alike, now_ms)
        return wrong

    def _over(
        self, name: str, caps: tuple[int, int, int], given: list[Gift], now_ms: int
    ) -> list[str]:
        session = sum(gift.session == self.session for gift in given)
        day = sum(now_ms - gift.at_ms < DAY_MS for gift in given)
        used = zip(("session", "day", "user"), caps, (session, day, len(given)), strict=True)
        return [
            f"{name}: cap_{span} {cap} was used up by {count}"
            for span, cap, count in used
            if 0 < cap <= count
        ]


def _channel(by_id: dict[str, Campaign], name: str) -> str:
    return by_id[name].channel if name in by_id else ""
