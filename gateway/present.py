"""A decision as a client gets it: what it must render, and for a full site also why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import asdict

from schemas.decision import Decision
from schemas.event import Event
from schemas.site import FULL, Site

PPM = 1_000_000
HIGH_FROM_PPM = 500_000
TRIGGER_TYPES = {"modal": "in_app_modal", "banner": "in_app_banner", "inline": "in_app_inline"}
SCORES_SHOWN = ("engagement_intent", "purchase_intent", "churn_risk")
PLACEMENT, FALLBACK, NO_FALLBACK = "page", "fallback", "no_fallback"
Ledger = dict[str, Any]


def decision_frame(
    decision: Decision, site: Site, ledger: Ledger, *, now_ms: float
) -> dict[str, Any]:
    """The frame of an action; `now_ms` is the moment of the push."""
    assert decision.render is not None, "only an action is rendered"
    frame: dict[str, Any] = {
        "type": "decision",
        "slot_id": decision.slot_id,
        "decision_id": decision.decision_id,
        "event_id": decision.trigger.event_id or None,
        "seq": decision.seq,
        "epoch": decision.epoch_ms,
        "placement": decision.placement,
        "class": decision.latency_class,
        "source": decision.source,
        "ttl_ms": max(0, decision.expires_at_ms - int(now_ms)),
        "campaign_id": decision.campaign_id,
        "action_type": decision.action_type,
        "render": decision.render.to_json(),
    }
    if site.push == FULL:
        frame.update(_measured(decision, ledger, now_ms))
        frame["orchestration"] = {
            "winner_campaign": decision.campaign_id,
            "trigger_type": TRIGGER_TYPES.get(decision.render.kind, decision.render.kind),
        }
    return frame


def none_frame(decision: Decision, ledger: Ledger, *, now_ms: float) -> dict[str, Any]:
    """The frame that says why nothing shows; sent to full sites only."""
    return {
        "type": "none",
        "slot_id": decision.slot_id,
        "decision_id": decision.decision_id,
        "event_id": decision.trigger.event_id or None,
        "placement": decision.placement,
        "class": decision.latency_class,
        "reason": none_reason(decision),
        "campaign_id": decision.campaign_id or None,
        **_measured(decision, ledger, now_ms),
    }


def fallback_frame(
    carrier: Decision, slot_id: str, event: Event, latency_class: str, *, now_ms: float
) -> dict[str, Any]:
    """The frame of a fallback: it answers `event`, and names the decision that carried it."""
    fallback = carrier.fallback
    assert fallback is not None, "only what is carried is shown"
    return {
        "type": "decision",
        "slot_id": slot_id,
        "decision_id": carrier.decision_id,
        "event_id": event.event_id,
        "seq": 0,
        "epoch": carrier.epoch_ms,
        "placement": fallback.placement,
        "class": latency_class,
        "source": FALLBACK,
        "ttl_ms": max(0, fallback.valid_until_ms - int(now_ms)),
        "campaign_id": fallback.campaign_id,
        "action_type": fallback.action_type,
        "render": fallback.render.to_json(),
    }


def no_fallback_frame(slot_id: str, event: Event, latency_class: str) -> dict[str, Any]:
    """The frame that says that time is up and nothing may stand in; sent to full sites only."""
    return {
        "type": "none",
        "slot_id": slot_id,
        "decision_id": None,
        "event_id": event.event_id,
        "placement": PLACEMENT,
        "class": latency_class,
        "reason": NO_FALLBACK,
        "campaign_id": None,
    }


def none_reason(decision: Decision) -> str:
    """Why the client gets no action: withheld, or the core's own reason."""
    return decision.withheld or decision.reason or "none"


def cancel_frames(slots: Sequence[str], seq: int, epoch: int | str | None) -> list[dict[str, Any]]:
    """The frames that withdraw slots; a client that has the last of them stands at `seq`.

    The others say 0, which moves no position; so does the last where an action of `seq` follows.
    """
    last = len(slots) - 1
    return [
        {"type": "cancel", "slot_id": slot_id, "seq": seq if at == last else 0, "epoch": epoch}
        for at, slot_id in enumerate(slots)
    ]


def started_ms(decision: Decision, ledger: Ledger) -> float:
    """When the clock of this decision started: its event's receipt, or its deadline."""
    received = ledger.get("received_at_ms")
    return received if isinstance(received, (int, float)) else decision.decided_at_ms


def _measured(decision: Decision, ledger: Ledger, now_ms: float) -> dict[str, Any]:
    return {
        "latency_ms": round(max(0.0, now_ms - started_ms(decision, ledger)), 1),
        "rtme_state": {
            **{name: _share(decision.scores.get(name)) for name in SCORES_SHOWN},
            "concept": concept_label(decision.concepts),
        },
        "explain": {
            "sentence": sentence(decision),
            "concepts": {name: _share(ppm) for name, ppm in decision.concepts.items()},
            "trigger": asdict(decision.trigger),
        },
        "scores": {name: _share(ppm) for name, ppm in decision.scores.items()},
        "stage": decision.stage,
        "candidates": [asdict(each) for each in decision.candidates],
        "nothing": asdict(decision.nothing),
        "explored": decision.explored,
        "removed": {
            code: sum(byte.bit_count() for byte in bits) for code, bits in decision.reasons.items()
        },
        "counts": asdict(decision.counts),
        "versions": asdict(decision.versions),
        "ledger": {**ledger, "pushed_at_ms": round(now_ms, 1)},
    }


def concept_label(concepts: dict[str, int]) -> str | None:
    """`high_` or `low_` and the concept furthest from the middle; ties go by name."""
    if not concepts:
        return None
    name = min(concepts, key=lambda each: (-abs(concepts[each] - HIGH_FROM_PPM), each))
    return ("high_" if concepts[name] >= HIGH_FROM_PPM else "low_") + name


def sentence(decision: Decision) -> str:
    """One line a marketer reads."""
    asked = decision.trigger.kind or "a deadline"
    label = concept_label(decision.concepts)
    mood = f" with {label.replace('_', ' ')}" if label else ""
    stage = decision.stage or "unknown"
    if decision.render is None:
        return f"Nothing after {asked} in stage {stage}{mood}: {none_reason(decision)}."
    rivals = max(0, len(decision.candidates) - 1)
    return (
        f"{decision.campaign_id} won after {asked} in stage {stage}{mood}, "
        f"against {rivals} other{'' if rivals == 1 else 's'}."
    )


def _share(ppm: int | None) -> float | None:
    return None if ppm is None else ppm / PPM
