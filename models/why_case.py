"""7 A case: one decision, what was in force, and the facts it was taken on.

Everything an explanation reads. `outcome` takes the decision again where concepts and scores are
others; everything that no concept moves stays as it was: the trigger, the stage, caps and
exclusions, products and stock.
"""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from models.context import View
from models.facts import Facts
from models.intent import scores_ppm
from models.rules import Rule, compile_rule
from models.trust import qualities_in_force
from models.why_auction import Lot, lot_of, sold, sold_out
from schemas.campaign import Campaign
from schemas.decision import Decision
from schemas.policy import Quality

BY_CONCEPTS = frozenset("when stock trigger below_reserve outbid not_drawn".split())
"""Reasons that other concepts may lift; all others stand whatever a model finds."""


@lru_cache(maxsize=4096)
def rule_of(condition: str) -> Rule:
    """A campaign's condition, compiled once."""
    return compile_rule(condition)


def holds(campaign: Campaign, table: Facts) -> bool:
    """Whether a campaign's condition holds on these facts; without one it always does."""
    return not campaign.when or rule_of(campaign.when).holds(table)


def _learned(campaign: Campaign, quality: Quality | None) -> Campaign:
    """The campaign with what learning found in place of its own base and weights."""
    if quality is None:
        return campaign
    return replace(campaign, base_ppm=quality.base_ppm, response=quality.response)


class Outcome(Struct, frozen=True):
    """Who may bid and who wins; an empty winner means none."""

    winner: str
    eligible: tuple[str, ...]
    lots: tuple[Lot, ...] = ()


class Case(Struct, frozen=True):
    """One decision with its view; `facts` is None where the visitor's events are not at hand."""

    decision: Decision
    view: View
    facts: Facts | None = None

    @property
    def campaigns(self) -> dict[str, Campaign]:
        """The catalogue in force by id, in its own order, with learned qualities where they bid."""
        catalogue = self.view.catalogue
        ids = catalogue.ids if catalogue is not None else ()
        own = {name: catalogue.by_id[name].campaign for name in ids} if catalogue else {}
        learned = qualities_in_force(self.view.policy, self.decision.decided_at_ms)
        return {name: _learned(each, learned.get(name)) for name, each in own.items()}

    def reasons(self) -> dict[str, list[str]]:
        """Campaign -> the reason codes that the record gives for its loss; the winner has none."""
        out: dict[str, list[str]] = {name: [] for name in self.campaigns}
        for code, bits in self.decision.reasons.items():
            for at, name in enumerate(out):
                if at >> 3 < len(bits) and bits[at >> 3] >> (at & 7) & 1:
                    out[name].append(code)
        return out

    def contenders(self) -> list[Campaign]:
        """Campaigns that nothing but conditions, stock, trigger and auction stood against."""
        reasons = self.reasons()
        return [
            campaign
            for name, campaign in self.campaigns.items()
            if set(reasons[name]) <= BY_CONCEPTS and (reasons[name] or self._won(name))
        ]

    def _won(self, name: str) -> bool:
        return name == self.decision.campaign_id

    def table(self, concepts_ppm: list[int]) -> Facts:
        """The facts where the model had found these concepts."""
        model = self.view.model
        assert model is not None and self.facts is not None
        names = [head.name for head in model.heads]
        scores = dict(zip(names, scores_ppm(model.heads, concepts_ppm), strict=True))
        return {**self.facts, **scores, **dict(zip(model.concepts, concepts_ppm, strict=True))}

    def outcome(self, table: Facts) -> Outcome:
        """Who would have bid and won on these facts."""
        trigger = self.decision.trigger.kind
        eligible = [
            campaign
            for campaign in self.contenders()
            if holds(campaign, table)
            and not sold_out(campaign, self.view)
            and (not campaign.on or trigger in campaign.on)
        ]
        lots = [lot_of(campaign, self.view, table) for campaign in eligible]
        winner = sold(lots, self.decision.nothing.score).winner
        names = tuple(campaign.id for campaign in eligible)
        return Outcome(winner.campaign_id if winner else "", names, tuple(lots))
