"""7 Why: the explanation of one decision, of a none too, computed from the decision's own record.

    sentence        what a marketer reads
    intents         every score with what each concept adds to its logit: the sum is the logit
    candidates      bid x quality = score against the reserve; price; what each won or lost by
    removed         all others, with the rule that removed them
    flips           the smallest change of one concept that gives another winner, or other bidders
    checks          the record computed again; all of them agree, or it says which do not

Concepts and scores are not causes of behaviour but what the model reads in it: a flip says what
the rules would have done with another reading, not what the visitor would have done.
"""

from __future__ import annotations

from msgspec import Struct

from models.intent import contributions, logit_micro, raw_ppm
from models.why_auction import pacing_of
from models.why_case import Case, rule_of
from models.why_checks import AUCTION_REASONS, Check, checks
from models.why_flips import Flip, flips
from models.why_sentence import sentence
from schemas.decision import Candidate
from schemas.model import SIGMOID


class Intent(Struct, frozen=True):
    """One score: logit = bias + sum of `parts` (concept, millionths), exactly; then calibration.

    `raw_ppm` is before calibration. Of a `risk` the logit is against going on, of a `hazard` that
    of its own window, given that none before it came true.
    """

    name: str
    score_ppm: int
    bias_micro: int
    parts: tuple[tuple[str, int], ...]
    raw_ppm: int = 0
    kind: str = SIGMOID

    @property
    def logit_micro(self) -> int:
        """The logit in millionths."""
        return self.bias_micro + sum(each for _, each in self.parts)


class Offered(Struct, frozen=True):
    """One candidate and what its numbers are made of.

    `quality_parts` are (what, ppm of quality it adds): the base, then each weighed score.
    """

    candidate: Candidate
    worth_micros: int
    pacing_ppm: int
    quality_parts: tuple[tuple[str, int], ...]


class Removed(Struct, frozen=True):
    """One campaign that did not bid: the rule's code and, for `when`, the condition."""

    campaign_id: str
    code: str
    condition: str = ""
    values: tuple[tuple[str, int | str], ...] = ()


class Why(Struct, frozen=True):
    """An explanation; `exact` says that every check agrees."""

    case: Case
    sentence: str
    intents: tuple[Intent, ...]
    candidates: tuple[Offered, ...]
    removed: tuple[Removed, ...]
    flips: tuple[Flip, ...]
    checks: tuple[Check, ...]

    @property
    def exact(self) -> bool:
        """Whether the record computes again to what it says."""
        return all(each.ok for each in self.checks)


def explain(case: Case) -> Why:
    """The explanation of a decision under the versions it names, its facts where at hand."""
    found = tuple(flips(case))
    return Why(
        case=case,
        sentence=sentence(case, found),
        intents=_intents(case),
        candidates=tuple(_offered(case, each) for each in case.decision.candidates),
        removed=_removed(case),
        flips=found,
        checks=tuple(checks(case)),
    )


def _intents(case: Case) -> tuple[Intent, ...]:
    """Every head, its concepts by how much they move it."""
    model, decision = case.view.model, case.decision
    if model is None or tuple(decision.concepts) != model.concepts:
        return ()
    values = list(decision.concepts.values())
    out = []
    before = raw_ppm(model.heads, [logit_micro(head, values) for head in model.heads])
    for head, raw in zip(model.heads, before, strict=True):
        parts = zip(model.concepts, contributions(head, values), strict=True)
        by_size = sorted(parts, key=lambda part: (-abs(part[1]), part[0]))
        score = decision.scores.get(head.name, 0)
        out.append(Intent(head.name, score, head.bias_micro, tuple(by_size), raw, head.kind))
    return tuple(out)


def _offered(case: Case, each: Candidate) -> Offered:
    campaign = case.campaigns.get(each.campaign_id)
    if campaign is None:
        return Offered(each, 0, each.pacing_ppm, ())
    offers = {offer.name: offer.margin_micros for offer in campaign.offers}
    worth = offers.get(each.offer, campaign.margin_micros) + campaign.value_micros
    known = {**case.decision.scores, **case.decision.concepts}
    parts = [("base", campaign.base_ppm)]
    for name, weight in campaign.response.items():
        parts.append((name, weight * known.get(name, 0) // 1_000_000))
    return Offered(each, worth, pacing_of(case.view, campaign.id), tuple(parts))


def _removed(case: Case) -> tuple[Removed, ...]:
    out = []
    for name, codes in case.reasons().items():
        code = codes[0] if codes else ""
        if not code or code in AUCTION_REASONS:
            continue
        rule = rule_of(case.campaigns[name].when) if code == "when" else None
        facts = case.facts or {**case.decision.scores, **case.decision.concepts}
        values = [(each, facts[each]) for each in rule.names if each in facts] if rule else []
        out.append(Removed(name, code, rule.text if rule else "", tuple(values)))
    return tuple(out)
