"""The sentence: who won against whom, or why nobody did, and what would have flipped it."""

from __future__ import annotations

from collections.abc import Sequence

from models.why_case import Case
from models.why_checks import AUCTION_REASONS
from models.why_flips import WINNER, Flip, smallest
from models.why_words import (
    REFUSALS,
    SILENCES,
    WITHHELD,
    listed,
    money,
    named,
    shares,
)
from schemas.decision import Candidate
from schemas.ids import MILLION

LEANING_MAX = 2
REASONS_MAX = 3


def sentence(case: Case, flips: Sequence[Flip]) -> str:
    """One to three sentences a marketer reads."""
    asked = f"After {named(case.decision.trigger.kind or 'a deadline')}"
    stage = f" in stage {named(case.decision.stage)}" if case.decision.stage else ""
    told = _won(case) if case.decision.campaign_id else _none(case)
    return " ".join(filter(None, (f"{asked}{stage}, {told}", _flip(smallest(flips, WINNER)))))


def _won(case: Case) -> str:
    decision = case.decision
    currency = case.view.site.currency if case.view.site else ""
    rows = decision.candidates
    winner = next(each for each in rows if each.campaign_id == decision.campaign_id)
    rivals = [each for each in rows if each is not winner]
    verb = "was shown" if not decision.withheld else "won but was withheld"
    beaten = f"ahead of {_worth(rivals[0], currency)}" if rivals else "alone"
    nothing = f"doing nothing counted for {_score(decision.nothing.score, currency)}"
    withheld = WITHHELD.get(decision.withheld, decision.withheld)
    reason = f", because {withheld}" if decision.withheld else ""
    return (
        f"{_worth(winner, currency)} {verb}{reason}, {beaten}; {nothing}. "
        f"It pays {money(decision.price_micros, currency)} per extra conversion"
        f"{_leaning(case, decision.campaign_id)}."
    )


def _worth(each: Candidate, currency: str) -> str:
    return f"{each.campaign_id} (worth {_score(each.score, currency)})"


def _score(score: int, currency: str) -> str:
    """A score is micros times ppm: money that this slot is expected to bring."""
    return money(score // MILLION, currency)


def _leaning(case: Case, campaign_id: str) -> str:
    """What lifted the winner's quality most, if anything did."""
    campaign = case.campaigns.get(campaign_id)
    known = {**case.decision.scores, **case.decision.concepts}
    adds = {
        name: weight * known.get(name, 0)
        for name, weight in (campaign.response if campaign else {}).items()
    }
    top = sorted((name for name, added in adds.items() if added > 0), key=lambda n: (-adds[n], n))
    if not top:
        return ""
    words = [f"{named(name)} {shares(known[name], MILLION)[0]}" for name in top[:LEANING_MAX]]
    return f" and leans on {listed(words)}"


def _none(case: Case) -> str:
    decision = case.decision
    if decision.reason in SILENCES:
        return f"nothing was shown: {SILENCES[decision.reason]}."
    currency = case.view.site.currency if case.view.site else ""
    if decision.candidates:
        best = _worth(decision.candidates[0], currency)
        nothing = _score(decision.nothing.score, currency)
        return f"nothing was shown: the best, {best}, was below doing nothing ({nothing})."
    return f"nothing was shown: {_refusals(case)}."


def _refusals(case: Case) -> str:
    """The commonest reasons with the campaigns they removed."""
    by_code: dict[str, list[str]] = {}
    for name, codes in case.reasons().items():
        for code in codes:
            if code not in AUCTION_REASONS:
                by_code.setdefault(code, []).append(name)
    if not by_code:
        return "there is no campaign"
    codes = sorted(by_code, key=lambda code: (-len(by_code[code]), code))
    told = [f"{listed(by_code[code], 2)} {REFUSALS.get(code, code)}" for code in codes]
    return "; ".join(told[:REASONS_MAX]) + ("; ..." if len(told) > REASONS_MAX else "")


def _flip(flip: Flip | None) -> str:
    if flip is None:
        return ""
    was, now = shares(flip.from_ppm, flip.to_ppm)
    after = f"{flip.after} would have won" if flip.after else "nothing would have won"
    return f"With {named(flip.concept)} at {now} instead of {was}, {after}."
