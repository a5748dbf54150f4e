"""Good input: a site, an event, a batch, a decision, each to be changed field by field."""

from __future__ import annotations

from typing import Any

from schemas.decision import Decision, TriggerRef
from schemas.render import Render
from schemas.site import Site

ORIGIN = "https://shop.example"
SEED = "0123456789abcdef0123456789abcdef"
TS_MS = 1_712_613_245_000


def make_site(**changes: Any) -> Site:
    """A shop with one origin; consent is asked for unless the test says otherwise."""
    fields: dict[str, Any] = {
        "site": "demo",
        "version": 1,
        "origins": (ORIGIN,),
        "mint_secret": b"m" * 32,
        "consent": "required",
    }
    return Site(**{**fields, **changes})


def make_event(**changes: Any) -> dict[str, Any]:
    """One good event of a batch."""
    event: dict[str, Any] = {
        "event_id": "9f8c4b2a-1e3d-4f7c-8a2b-0c1d2e3f4a5b",
        "session_index": 42,
        "type": "product_view",
        "ts": TS_MS,
    }
    return {**event, **changes}


def make_batch(*events: Any, **changes: Any) -> dict[str, Any]:
    """A good batch around these events, or around one good event."""
    batch: dict[str, Any] = {
        "site": "demo",
        "visitor_seed": SEED,
        "session_id": "s-91",
        "tab_id": "t1",
        "sent_at": TS_MS + 10,
        "consent": {"analytics": True, "personalization": True, "marketing": False},
        "events": list(events) or [make_event()],
    }
    batch.update(changes)
    return {name: value for name, value in batch.items() if value is not None}


def make_decision(user_key: str, number: int = 1, **changes: Any) -> Decision:
    """An action for session s-91, tab t1."""
    fields: dict[str, Any] = {
        "slot_id": f"s_{number}",
        "decision_id": f"d_{number}",
        "seq": number,
        "epoch_ms": 1,
        "site": "demo",
        "user_key": user_key,
        "session_id": "s-91",
        "tab_id": "t1",
        "trigger": TriggerRef("product_view", "e1"),
        "decided_at_ms": TS_MS,
        "latency_class": "standard",
        "placement": "page",
        "source": "rule",
        "campaign_id": "WINTER",
        "action_type": "discount_popup",
        "reason": "won",
        "render": Render(kind="modal", title="15 % off"),
        "expires_at_ms": 4_000_000_000_000,
        "scores": {"churn_risk": 40_000, "engagement_intent": 920_000, "purchase_intent": 500_000},
        "concepts": {"frustration": 300_000, "stickiness": 950_000},
    }
    return Decision(**{**fields, **changes})
