"""An explanation as one JSON object."""

from __future__ import annotations

from typing import Any

from msgspec.structs import asdict

from connectors.decisions_found import Found
from models.why import Intent, Offered, Removed, Why
from models.why_flips import Flip
from models.why_time_out import AFTER, answered_by
from models.why_words import REFUSALS
from schemas.event import Event

FALLBACK, NO_FALLBACK = "fallback", "no_fallback"


def as_json(why: Why, found: Found) -> dict[str, Any]:
    """What `kairos why --json` prints: shares in ppm, money in micros, logits in millionths."""
    decision = why.case.decision
    return {
        "sentence": why.sentence,
        "exact": why.exact,
        "decision_id": decision.decision_id,
        "slot_id": decision.slot_id,
        "site": decision.site,
        "user_key": decision.user_key,
        "placement": decision.placement,
        "trigger": asdict(decision.trigger),
        "decided_at_ms": decision.decided_at_ms,
        "stage": decision.stage,
        "campaign_id": decision.campaign_id or None,
        "reason": decision.reason,
        "concepts": decision.concepts,
        "scores": {each.name: _intent(each) for each in why.intents},
        "candidates": [_offered(each) for each in why.candidates],
        "reserve_score": decision.nothing.score,
        "reasons": {each.campaign_id: _removed(each) for each in why.removed},
        "price_micros": decision.price_micros,
        "charge_micros": decision.charge_micros,
        "propensity_ppm": decision.propensity_ppm,
        "explored": decision.explored,
        "holdout": decision.holdout,
        "withheld": decision.withheld or None,
        "withholding": asdict(decision.withholding),
        "flips": [_flip(each) for each in why.flips],
        "facts": why.case.facts,
        "versions": asdict(decision.versions),
        "checks": {"total": len(why.checks), "wrong": [_wrong(why, at) for at in _red(why)]},
        "time_out": next((_time_out(each) for each in found.time_outs.answered), None),
        "stood_in_for": [each.slot_id for each in found.time_outs.lent],
        "ledger": found.ledger,
        "build_id": found.build_id,
    }


def undecided_json(record: Event) -> dict[str, Any]:
    """An event that no job has decided, whose time was up at a gateway."""
    sentence = f"No decision of this event is in the log yet. {answered_by(record)}"
    return {
        "sentence": sentence,
        "slot_id": record.slot_id,
        "event_id": record.event_id,
        "site": record.site,
        "user_key": record.user_key,
        "time_out": _time_out(record),
    }


def _time_out(record: Event) -> dict[str, Any]:
    return {
        "answered": FALLBACK if record.decision_id else NO_FALLBACK,
        "decision_id": record.decision_id,
        "after_ms": record.properties.get(AFTER),
        "at_ms": record.received_at_ms,
        "gateway_id": record.gateway_id,
    }


def _intent(each: Intent) -> dict[str, Any]:
    return {
        "kind": each.kind,
        "score_ppm": each.score_ppm,
        "raw_ppm": each.raw_ppm,
        "logit_micro": each.logit_micro,
        "bias_micro": each.bias_micro,
        "contributions_micro": dict(each.parts),
    }


def _offered(each: Offered) -> dict[str, Any]:
    return {
        **asdict(each.candidate),
        "worth_micros": each.worth_micros,
        "quality_parts_ppm": dict(each.quality_parts),
    }


def _removed(each: Removed) -> dict[str, Any]:
    told: dict[str, Any] = {"reason": each.code, "means": REFUSALS.get(each.code, each.code)}
    if each.condition:
        told["condition"] = each.condition
        told["values"] = dict(each.values)
    return told


def _flip(each: Flip) -> dict[str, Any]:
    return {**asdict(each), "change_ppm": each.change_ppm}


def _red(why: Why) -> list[int]:
    return [at for at, each in enumerate(why.checks) if not each.ok]


def _wrong(why: Why, at: int) -> dict[str, Any]:
    check = why.checks[at]
    return {"check": check.name, "logged": str(check.logged), "computed": str(check.computed)}
