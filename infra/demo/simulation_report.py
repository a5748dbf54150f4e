"""What a simulation saw: the replay's report, and what was learned against the hidden truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.openloop import Replay, Settings
from benchmarks.replay_report import Slots, report
from infra.demo.goods import Item
from infra.demo.persona import Persona
from infra.demo.personas import BY_NAME
from infra.demo.simulation import Crowd, Seen, Simulation
from infra.training import measures
from models.intent import MILLION
from schemas.decision import Decision

AFTER_DECISIONS = (3, 5)
SCORES = ("purchase_intent", "churn_risk", "engagement_intent")


class Simulated(Replay):
    """A replay whose visitors are personas instead of recordings."""

    def __init__(self, settings: Settings, crowd: Crowd, catalogue: Sequence[Item]) -> None:
        super().__init__(settings, [])
        self.simulation = Simulation(crowd, catalogue, remember=True, run=self.run)

    async def _send_all(self) -> None:
        await self.simulation.play()


def summarise(done: Simulated, base_ppm: Mapping[str, int], *, truth: bool) -> dict[str, Any]:
    """Keys as `kairos replay --json`, `simulated` beside them, `learned_vs_true` if asked.

    `base_ppm` holds what each campaign's quality would be without any score.
    """
    settings, seen = done.settings, done.simulation.seen
    out: dict[str, Any] = {"simulated": True, "seed": done.simulation.crowd.seed}
    out |= report(done.run, done.decisions, settings.site, 0.0, base_ppm)
    out["visitors"] = len(seen)
    out["purchases"] = sum(each.bought for each in seen)
    out["outcomes"] = dict(Counter(kind for each in seen for kind, _ in each.outcomes))
    if truth:
        slots = Slots(done.run.decisions, done.decisions)
        decided = [decision for decision, _ in slots.first.values()]
        out["learned_vs_true"] = learned_vs_true(seen, done.run.users, decided)
    return out


def learned_vs_true(
    seen: Sequence[Seen], users: Sequence[str | None], decided: Iterable[Decision]
) -> dict[str, Any]:
    """How well the live scores tell who will buy, and how each persona answered what it saw."""
    by_user: dict[str, list[Decision]] = {}
    for decision in sorted(decided, key=lambda each: each.decided_at_ms):
        if decision.scores:
            by_user.setdefault(decision.user_key, []).append(decision)
    pairs = [
        (each, _before_purchase(by_user.get(user or "", [])))
        for each, user in zip(seen, users, strict=True)
    ]
    return {
        "purchase_intent_auroc": {str(k): _auroc(pairs, k) for k in AFTER_DECISIONS},
        "personas": {
            name: _persona(BY_NAME[name], [pair for pair in pairs if pair[0].truth.persona == name])
            for name in sorted({each.truth.persona for each in seen})
        },
    }


def _before_purchase(decisions: list[Decision]) -> list[Decision]:
    kinds = [decision.trigger.kind for decision in decisions]
    return decisions[: kinds.index("purchase")] if "purchase" in kinds else decisions


def _auroc(pairs: Sequence[tuple[Seen, list[Decision]]], after: int) -> dict[str, Any]:
    """Over visits that were still going on: more than `after` decisions before a purchase."""
    rows = [
        (decisions[after - 1].scores.get("purchase_intent", 0) / MILLION, each.truth.will_buy)
        for each, decisions in pairs
        if len(decisions) > after
    ]
    if len({bought for _, bought in rows}) < 2:
        return {"n": len(rows), "value": None, "ci": None}
    scores, truth = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    visit = np.arange(len(rows))
    return {
        "n": len(rows),
        **measures.with_interval(measures.auroc, scores, truth, visit, seed=1),
    }


def _persona(persona: Persona, pairs: Sequence[tuple[Seen, list[Decision]]]) -> dict[str, Any]:
    actions = {action for each, _ in pairs for action in each.shown.values()}
    return {
        "visitors": len(pairs),
        "will_buy": sum(each.truth.will_buy for each, _ in pairs),
        "bought": sum(each.bought for each, _ in pairs),
        "mean_scores": {name: _mean(name, pairs) for name in SCORES},
        "answers": {
            action: _answers(persona, action, [each for each, _ in pairs])
            for action in sorted(actions)
        },
    }


def _mean(name: str, pairs: Sequence[tuple[Seen, list[Decision]]]) -> float | None:
    """Mean of each visitor's newest score before a purchase."""
    found = [decisions[-1].scores[name] / MILLION for _, decisions in pairs
             if decisions and name in decisions[-1].scores]  # fmt: skip
    return round(float(np.mean(found)), 3) if found else None


def _answers(persona: Persona, action: str, seen: Sequence[Seen]) -> Mapping[str, float]:
    kinds = Counter(kind for each in seen for kind, what in each.outcomes if what == action)
    true = persona.response(action)
    return {
        "shown": kinds["impression"],
        "clicked": kinds["action_click"],
        "dismissed": kinds["dismiss"],
        "true_click": true.click,
        "true_dismiss": true.dismiss,
        "true_lift": true.lift,
    }
