"""A report's state: decisions and orders folded into one entry and one total a visitor.

1. A visitor enters at the first decision that had a winner while the site was live, shown or
   withheld: the auction runs for everybody, so both arms enter alike. The arm of that moment stays
   (intention to treat), painted or not, and one visitor counts once, never an impression.
2. The site's holdout and the rollout withhold from all campaigns; their visitors are the control
   overall. A campaign with a holdout of its own also has an entry at its own first win.
3. Every order from the entry until the horizon counts, once by event id. What was known at the
   entry (purchase_intent, in ppm) is the covariate of CUPED.
"""

from __future__ import annotations

from msgspec import Struct, field

from schemas.decision import Decision
from schemas.ids import MILLION
from schemas.outcome import IMPRESSION, ORDER, Outcome
from schemas.site import OBSERVE

HOLDOUT, ROLLOUT, CAMPAIGN_HOLDOUT = "holdout", "rollout", "campaign_holdout"
SITE_WIDE = (HOLDOUT, ROLLOUT)
COVARIATE = "purchase_intent"


class Entry(Struct, frozen=True, gc=False):
    """How a visitor came in; `chance_ppm` is the probability of having been withheld."""

    at_ms: int
    campaign_id: str
    withheld: bool
    chance_ppm: int
    covariate_ppm: int


class Visitor(Struct):
    """One user key: entries overall and by campaign, and orders as (at_ms, margin_micros)."""

    entry: Entry | None = None
    own: dict[str, Entry] = field(default_factory=dict)
    orders: dict[str, tuple[int, int]] = field(default_factory=dict)


class Totals(Struct):
    """Decisions by slot, shown and explored ones, and impressions of what a gateway stood in."""

    decisions: int = 0
    shown: int = 0
    explored: int = 0
    fallbacks: int = 0


class ReportState(Struct):
    """All of a report; it grows with the visitors, so it is for a reader's process."""

    visitors: dict[str, Visitor] = field(default_factory=dict)
    totals: Totals = field(default_factory=Totals)
    slots: set[str] = field(default_factory=set)


def decided(state: ReportState, decision: Decision, mode: str) -> None:
    """Take one decision in; `mode` is that of the site under the decision's version."""
    if decision.slot_id in state.slots:
        return
    state.slots.add(decision.slot_id)
    state.totals.decisions += 1
    if not decision.campaign_id:
        state.totals.explored += decision.explored
        return
    state.totals.shown += not decision.withheld
    state.totals.explored += decision.explored and not decision.withheld
    if mode == OBSERVE:
        return
    visitor = state.visitors.setdefault(decision.user_key, Visitor())
    site_wide = decision.withheld in SITE_WIDE
    if visitor.entry is None:
        visitor.entry = _entry(decision, site_wide, _site_chance_ppm(decision))
    share = decision.withholding.campaign_holdout_ppm
    if share and not site_wide and decision.campaign_id not in visitor.own:
        own = decision.withheld == CAMPAIGN_HOLDOUT
        visitor.own[decision.campaign_id] = _entry(decision, own, share)


def happened(state: ReportState, user_key: str, outcome: Outcome, margin_micros: int) -> None:
    """Take one outcome in; an order counts once, whether it came before or after its entry."""
    if outcome.kind == ORDER:
        visitor = state.visitors.setdefault(user_key, Visitor())
        visitor.orders.setdefault(outcome.event_id, (outcome.at_ms, margin_micros))
    elif outcome.kind == IMPRESSION and outcome.fallback:
        state.totals.fallbacks += 1


def _site_chance_ppm(decision: Decision) -> int:
    drawn = decision.withholding
    return MILLION - (MILLION - drawn.holdout_ppm) * drawn.rollout_ppm // MILLION


def _entry(decision: Decision, withheld: bool, chance_ppm: int) -> Entry:
    covariate = decision.scores.get(COVARIATE, 0)
    return Entry(decision.decided_at_ms, decision.campaign_id, withheld, chance_ppm, covariate)
