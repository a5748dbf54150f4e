"""7 Two decisions of one slot compared: what changed between two catalogues, models or policies.

Sides are called a (before) and b (after). A change has one kind, by what a visitor or a budget
would notice first, and one cause, looked for in this order:

1. the old winner: gone from the catalogue, removed by a rule, or below the reserve;
2. the new winner: new in the catalogue, or no longer removed by the rule that had removed it;
3. both still bid: whose bid, quality or priority moved, else the draw.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from models.why_words import REFUSALS
from schemas.decision import Candidate, Decision

WINNER, WITHHELD, PRICE, ACTION, ASKED = "winner", "withheld", "price", "action", "asked"
KINDS = (ASKED, WINNER, WITHHELD, PRICE, ACTION)
AUCTION_REASONS = ("below_reserve", "outbid", "not_drawn")


class Change(Struct, frozen=True):
    """One slot that is decided differently; an empty campaign means none.

    `first` is True for the first change of its user key: later ones may only follow from it,
    through caps, stages and exclusions.
    """

    slot_id: str
    user_key: str
    decided_at_ms: int
    trigger: str
    kind: str
    cause: str
    detail: str
    before: str
    after: str
    price_before_micros: int
    price_after_micros: int
    first: bool = False


class Side(Struct, frozen=True):
    """One side's decision and the ids its reason bitmaps stand for."""

    decision: Decision
    ids: tuple[str, ...]

    def bid(self, campaign_id: str) -> Candidate | None:
        """The candidate of a campaign, None where it is not among the best ten."""
        found = (each for each in self.decision.candidates if each.campaign_id == campaign_id)
        return next(found, None)

    def reason(self, campaign_id: str) -> str:
        """Why a campaign did not win: `won`, a reason code, or `absent` from the catalogue."""
        if campaign_id == self.decision.campaign_id:
            return "won"
        if campaign_id not in self.ids:
            return "absent"
        at = self.ids.index(campaign_id)
        for code, bits in self.decision.reasons.items():
            if bits[at >> 3] >> (at & 7) & 1:
                return code
        return self.decision.reason or "absent"


def compared(a: Side | None, b: Side | None) -> Change | None:
    """How the decision of one slot changed, None where a visitor and a budget see the same."""
    if a is None or b is None:
        return _asked(a, b)
    one, two = a.decision, b.decision
    if one.campaign_id != two.campaign_id:
        return _change(a, b, WINNER, *_why_winner(a, b))
    if one.withheld != two.withheld:
        detail = f"{one.withheld or 'shown'} became {two.withheld or 'shown'}"
        return _change(a, b, WITHHELD, two.withheld or one.withheld, detail)
    if (one.price_micros, one.charge_micros) != (two.price_micros, two.charge_micros):
        return _change(a, b, PRICE, *_why_price(a, b))
    shown = [(each.action_type, each.render, each.expires_at_ms) for each in (one, two)]
    if shown[0] != shown[1]:
        names = ("action", "render", "ttl")
        moved = [name for name, x, y in zip(names, *shown, strict=True) if x != y]
        return _change(a, b, ACTION, moved[0], ", ".join(moved))
    return None


def _asked(a: Side | None, b: Side | None) -> Change | None:
    """A slot that only one side decided: another stage or a score crossed its threshold."""
    there = a or b
    assert there is not None
    side = "a" if a is not None else "b"
    kind = there.decision.trigger.kind
    change = _change(there, there, ASKED, f"asked only in {side}", f"trigger {kind}")
    if a is None:
        return replace(change, before="", price_before_micros=0)
    return replace(change, after="", price_after_micros=0)


def _change(a: Side, b: Side, kind: str, cause: str, detail: str) -> Change:
    one, two = a.decision, b.decision
    return Change(
        slot_id=one.slot_id,
        user_key=one.user_key,
        decided_at_ms=one.decided_at_ms,
        trigger=one.trigger.kind,
        kind=kind,
        cause=cause,
        detail=detail,
        before=one.campaign_id,
        after=two.campaign_id,
        price_before_micros=one.price_micros,
        price_after_micros=two.price_micros,
    )


def _why_winner(a: Side, b: Side) -> tuple[str, str]:
    """(cause, detail) of another winner."""
    old, new = a.decision.campaign_id, b.decision.campaign_id
    if old:
        now = b.reason(old)
        if now == "absent":
            return "campaign gone", f"{old} is not in b"
        if now not in AUCTION_REASONS:
            return f"rule {now}", f"in b {old} {REFUSALS.get(now, now)}"
        if now == "below_reserve":
            return _moved(a, b, old, "reserve")
    if new:
        was = a.reason(new)
        if was == "absent":
            return "new campaign", f"{new} is not in a"
        if was not in AUCTION_REASONS:
            return f"rule {was}", f"in a, not in b, {new} {REFUSALS.get(was, was)}"
        if was == "below_reserve" and not old:
            return _moved(a, b, new, "reserve")
        cause, detail = _moved(a, b, new, "")
        return (cause, detail) if cause else _moved(a, b, old, "draw")
    return _moved(a, b, old, "draw")


def _why_price(a: Side, b: Side) -> tuple[str, str]:
    """(cause, detail) of another price for the same winner: its own quality or who comes second."""
    winner = a.decision.campaign_id
    second = [_second(side) for side in (a, b)]
    if second[0] != second[1] and second[1]:
        why = a.reason(second[1])
        gone = b.reason(second[0]) if second[0] else ""
        detail = f"second was {second[0] or 'none'}, is {second[1]}"
        if why == "absent":
            return "new campaign", detail
        if gone == "absent":
            return "campaign gone", detail
        if why not in AUCTION_REASONS:
            return f"rule {why}", detail
        if gone and gone not in AUCTION_REASONS:
            return f"rule {gone}", detail
    if second[0] and not second[1]:
        gone = b.reason(second[0])
        cause = "campaign gone" if gone == "absent" else f"rule {gone}"
        return cause, f"{second[0]} no longer sets the price"
    for name in (winner, second[1]):
        cause, detail = _moved(a, b, name, "") if name else ("", "")
        if cause and (name != winner or cause != "bid"):
            return cause, detail
    return "reserve", f"nobody's bid moved, so doing nothing sets the price of {winner}"


def _second(side: Side) -> str:
    winner = side.decision.campaign_id
    others = (each.campaign_id for each in side.decision.candidates if each.campaign_id != winner)
    return next(others, "")


def _moved(a: Side, b: Side, campaign_id: str, otherwise: str) -> tuple[str, str]:
    """(cause, detail): the first number of a campaign's bid that moved."""
    one, two = a.bid(campaign_id), b.bid(campaign_id)
    if one is None or two is None:
        return otherwise or "bid", f"{campaign_id} is not among the best ten on both sides"
    for name, was, now in (
        ("bid", one.bid_micros, two.bid_micros),
        ("quality", one.quality_ppm, two.quality_ppm),
    ):
        if was != now:
            return name, f"{name} of {campaign_id}: {was} -> {now}"
    return otherwise, f"{campaign_id} offers the same on both sides"
