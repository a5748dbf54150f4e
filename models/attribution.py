"""9 Attribution: one key's decisions meet its outcomes and orders; each slot yields one reward.

1. A decision counts if it had a choice: somebody bid. Its first body by slot_id counts.
2. An order credits **every** decision of the key up to `horizon` before it. An arm is drawn at
   the decision, so whatever followed, later actions included, is that arm's own outcome: the
   difference between arms is what choosing one of them brought. A last touch would give the
   orders of those who got nothing to whatever they were shown later. Nobody may add such rewards
   up to a turnover: reports count orders by visitor.
3. The first order within the `window` makes a positive, on arrival. No order until the window
   closes makes a negative, on the log's clock; the first order after that, until the horizon, one
   correction that takes its place. Of `convert` the shop says it alone: it counts when the window
   closes without an order.
4. Outcomes find their decision by slot. What comes before its decision waits for it, since the
   two topics are read side by side: any interleaving of them ends with the same rewards.
5. What a gateway showed as a stand-in is a slot of its own kind: `source` fallback, no propensity.
6. A charge is reserved with the decision of an action that is shown, released where no impression
   came until it expired + 10 s, and booked again should one come later. What is withheld costs
   nothing.
7. Learning is told of each decision at once, as one that brought nothing so far (an opening):
   positives come early and negatives late, and without it every arm would look good for as long
   as a window, and each arm that is shown more and more better than it is.

Withheld winners and doing nothing are decisions like any other here.
"""

from __future__ import annotations

from models.attribution_slots import (
    Terms,
    Told,
    opening_of,
    reward_of,
    slot_of,
)
from models.order_margin import margin_micros
from schemas.decision import Decision
from schemas.ids import MILLION, short_hash
from schemas.ledger import (
    CLOSED_MAX,
    EARLY_MAX,
    NEGATIVE,
    ORDERS_MAX,
    POSITIVE,
    SILENT,
    SLOTS_MAX,
    Ledger,
    Slot,
)
from schemas.lesson import Bill
from schemas.outcome import CLICK, CONVERT, DISMISS, IMPRESSION, ORDER, Outcome
from schemas.reward import FALLBACK
from schemas.site import CLICKS, CONVERSIONS

KEPT_MS = 3_600_000
"""How long an order or outcome waits for a decision that is read later than it."""


def nothing_told() -> Told:
    """Neither rewards nor bills nor openings."""
    return Told([], [], [])


def decided(ledger: Ledger, decision: Decision, terms: Terms, told: Told) -> bool:
    """Take one decision in; False for a repeat of its slot, and where there was no choice."""
    name = decision.slot_id
    if _find(ledger, name) is not None or short_hash(name) in ledger.closed:
        return False
    if not decision.candidates and decision.fallback is None:
        return False
    slot = slot_of(ledger, decision, terms)
    _add(ledger, slot, decision.user_key, decision.decided_at_ms, told)
    if slot.counted:
        told.openings.append(opening_of(ledger, slot, decision.user_key))
    if slot.charged:
        told.bills.append(Bill(slot.campaign_id, slot.decided_ms, slot.charge_micros))
    for each in [each for each in ledger.early if name == each.slot_id or _carried(each, slot)]:
        ledger.early.remove(each)
        happened(ledger, decision.user_key, each, told)
    for order in sorted(ledger.orders, key=_when):
        _credit(ledger, slot, decision.user_key, order, told)
    return True


def happened(ledger: Ledger, user_key: str, outcome: Outcome, told: Told) -> None:
    """Take one outcome or order in; a repeat changes nothing."""
    if outcome.kind == ORDER:
        return _ordered(ledger, user_key, outcome, told)
    slot = _find(ledger, outcome.slot_id)
    if outcome.fallback and outcome.kind == IMPRESSION:
        carrier = next((s for s in ledger.slots if s.decision_id == outcome.decision_id), None)
        slot = (
            None if carrier is None else _stood_in(ledger, user_key, carrier, slot, outcome, told)
        )
    if slot is None:
        if short_hash(outcome.slot_id) not in ledger.closed:
            _wait(ledger.early, outcome, EARLY_MAX)
            ledger.forget_ms = max(ledger.forget_ms, outcome.at_ms + KEPT_MS)
        return None
    if outcome.kind == IMPRESSION and not slot.shown_ms:
        slot.shown_ms = outcome.at_ms
        _confirm(slot, told)
    elif outcome.kind == CLICK and not slot.clicked_ms:
        slot.clicked_ms = outcome.at_ms
        if slot.kind == CLICKS:
            _positive(ledger, slot, user_key, outcome, told)
    elif outcome.kind == DISMISS and not slot.dismissed_ms:
        slot.dismissed_ms = outcome.at_ms
    elif outcome.kind == CONVERT and not slot.converted_ms:
        slot.converted_ms = outcome.at_ms
        slot.converted_micros = margin_micros(outcome, slot.margin_ppm)
    return None


def advance(ledger: Ledger, user_key: str, until_ms: int, told: Told) -> None:
    """Run every deadline up to `until_ms`, by time and then by slot."""
    for slot in sorted(ledger.slots, key=lambda each: (each.closes_ms, each.slot_id)):
        if slot.closes_ms <= until_ms and slot.told == SILENT:
            _close(ledger, slot, user_key, slot.closes_ms, told)
    for slot in ledger.slots:
        if _may_lapse(slot) and slot.lapses_ms <= until_ms:
            slot.charged = False
            told.bills.append(Bill(slot.campaign_id, slot.decided_ms, -slot.charge_micros))
    for slot in [each for each in ledger.slots if _ends_ms(each) <= until_ms]:
        _drop(ledger, slot)
    for order in [each for each in ledger.orders if each.at_ms + KEPT_MS <= until_ms]:
        ledger.orders.remove(order)
        _remember(ledger, order.event_id)
    ledger.early = [each for each in ledger.early if each.at_ms + KEPT_MS > until_ms]
    if ledger.timer_ms <= until_ms:
        ledger.timer_ms = 0


def next_ms(ledger: Ledger) -> int:
    """Engine time of the next deadline, 0 for none."""
    times = [ledger.forget_ms] if ledger.forget_ms else []
    for slot in ledger.slots:
        times.append(_ends_ms(slot) if slot.told != SILENT else slot.closes_ms)
        if _may_lapse(slot):
            times.append(slot.lapses_ms)
    return min(times, default=0)


def is_over(ledger: Ledger) -> bool:
    """Whether nothing is left that an outcome, an order or a decision could meet."""
    return not ledger.slots and not ledger.orders and not ledger.early


def _when(outcome: Outcome) -> tuple[int, str]:
    return outcome.at_ms, outcome.event_id


def _may_lapse(slot: Slot) -> bool:
    return slot.charged and not slot.shown_ms and slot.lapses_ms > 0


def _ends_ms(slot: Slot) -> int:
    """When nothing more can come of a slot."""
    return max(slot.ends_ms, slot.lapses_ms) if _may_lapse(slot) else slot.ends_ms


def _find(ledger: Ledger, slot_id: str) -> Slot | None:
    return next((each for each in ledger.slots if each.slot_id == slot_id), None)


def _add(ledger: Ledger, slot: Slot, user_key: str, at_ms: int, told: Told) -> None:
    """The oldest goes where there is no room; its reward, if it has none yet, is a negative."""
    while len(ledger.slots) >= SLOTS_MAX:
        oldest = min(ledger.slots, key=lambda each: (each.decided_ms, each.slot_id))
        if oldest.told == SILENT:
            _close(ledger, oldest, user_key, at_ms, told)
        _drop(ledger, oldest)
        told.crowded_out += 1
    ledger.slots.append(slot)
    ledger.forget_ms = max(ledger.forget_ms, _ends_ms(slot))


def _carried(outcome: Outcome, slot: Slot) -> bool:
    """Whether the outcome tells of the stand-in that this slot's decision carried."""
    return outcome.fallback and outcome.decision_id == slot.decision_id


def _drop(ledger: Ledger, slot: Slot) -> None:
    ledger.slots = [each for each in ledger.slots if each is not slot]
    _remember(ledger, slot.slot_id)


def _remember(ledger: Ledger, name: str) -> None:
    """This slot or order is done with: what is told of it again changes nothing."""
    ledger.closed = [*ledger.closed, short_hash(name)][-CLOSED_MAX:]


def _wait(waiting: list[Outcome], outcome: Outcome, most: int) -> bool:
    """Keep it; False if it is known already. The oldest go where there is no room."""
    if any(each.event_id == outcome.event_id for each in waiting):
        return False
    waiting.append(outcome)
    del waiting[:-most]
    return True


def _ordered(ledger: Ledger, user_key: str, order: Outcome, told: Told) -> None:
    known = short_hash(order.event_id) in ledger.closed
    if known or not _wait(ledger.orders, order, ORDERS_MAX):
        return
    ledger.forget_ms = max(ledger.forget_ms, order.at_ms + KEPT_MS)
    for slot in ledger.slots:
        _credit(ledger, slot, user_key, order, told)


def _credit(ledger: Ledger, slot: Slot, user_key: str, order: Outcome, told: Told) -> None:
    if slot.kind != CLICKS and slot.decided_ms < order.at_ms <= slot.ends_ms:
        if slot.told == SILENT and order.at_ms > slot.closes_ms:
            # Its timer is late, or the decision is: the window closed before this order.
            _close(ledger, slot, user_key, slot.closes_ms, told)
        _positive(ledger, slot, user_key, order, told)


def _positive(ledger: Ledger, slot: Slot, user_key: str, cause: Outcome, told: Told) -> None:
    """The slot's reward, or the correction of its negative."""
    if slot.told == POSITIVE or slot.silent:
        return
    earned = margin_micros(cause, slot.margin_ppm)
    micros = MILLION if slot.kind in (CONVERSIONS, CLICKS) else earned
    made = reward_of(ledger, slot, user_key, cause.at_ms, cause.kind != CLICK, micros)
    told.rewards.append(made)
    slot.told = POSITIVE


def _close(ledger: Ledger, slot: Slot, user_key: str, at_ms: int, told: Told) -> None:
    """The window's end: what the shop said of the slot itself, else a negative."""
    converted = slot.kind != CLICKS and 0 < slot.converted_ms <= slot.closes_ms
    micros = 0
    if converted:
        micros = MILLION if slot.kind == CONVERSIONS else slot.converted_micros
    if not slot.silent:
        told.rewards.append(reward_of(ledger, slot, user_key, at_ms, converted, micros))
    slot.told = POSITIVE if converted else NEGATIVE


def _confirm(slot: Slot, told: Told) -> None:
    """An impression settles the charge; one that had lapsed is booked again."""
    if slot.source == FALLBACK or not slot.campaign_id or slot.withheld:
        return
    again = 0 if slot.charged else slot.charge_micros
    slot.charged = True
    told.bills.append(Bill(slot.campaign_id, slot.decided_ms, again, 1))


def _stood_in(
    ledger: Ledger, user_key: str, carrier: Slot, slot: Slot | None, outcome: Outcome, told: Told
) -> Slot:
    """The slot in which a stand-in was shown: nothing was drawn for it, so it teaches nothing."""
    if slot is None:
        slot = Slot(
            slot_id=outcome.slot_id,
            decision_id=outcome.decision_id,
            decided_ms=outcome.at_ms,
            closes_ms=outcome.at_ms + carrier.closes_ms - carrier.decided_ms,
            ends_ms=outcome.at_ms + carrier.ends_ms - carrier.decided_ms,
            kind=carrier.kind,
            margin_ppm=carrier.margin_ppm,
            policy_version=carrier.policy_version,
        )
        _add(ledger, slot, user_key, outcome.at_ms, told)
    if slot.charged and slot.source != FALLBACK:
        told.bills.append(Bill(slot.campaign_id, slot.decided_ms, -slot.charge_micros))
    slot.source, slot.campaign_id, slot.placement = (
        *(FALLBACK, carrier.stand_in),
        carrier.stand_in_placement,
    )
    slot.charged, slot.withheld, slot.explored, slot.propensity_ppm = False, "", False, 0
    slot.silent = False
    return slot
