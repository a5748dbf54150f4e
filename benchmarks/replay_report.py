"""What a replay saw, as the numbers of `kairos replay --json`."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from math import inf
from typing import Any

from benchmarks.openloop import Run, Sent
from benchmarks.percentiles import summary
from connectors.avro import HEADER_BYTES, BadFrame, Codec
from connectors.topic_tail import Tailed
from schemas.decision import Decision
from schemas.event import DECISION_POINTS
from schemas.ids import event_slot

STAGES_US = ("decode", "state", "dedup", "profile", "intent", "fusion", "auction", "encode")


class Slots:
    """The decisions of a run by slot: the first record of each, and bodies that disagree."""

    def __init__(self, records: Iterable[Tailed], codec: Codec[Decision]) -> None:
        self.first: dict[str, tuple[Decision, Tailed]] = {}
        self.bodies: dict[tuple[str, str], set[bytes]] = {}
        self.repeated = 0
        for record in records:
            try:
                decision = codec.decode(record.value)
            except BadFrame:
                continue
            body = hashlib.sha256((record.value or b"")[HEADER_BYTES:]).digest()
            self.repeated += decision.slot_id in self.first
            self.first.setdefault(decision.slot_id, (decision, record))
            name = (decision.slot_id, decision.decision_id)
            self.bodies.setdefault(name, set()).add(body)

    @property
    def two_bodies(self) -> int:
        """Slots with two different bodies under the same versions: must be 0."""
        return sum(len(bodies) > 1 for bodies in self.bodies.values())


def report(
    run: Run, codec: Codec[Decision], site: str, warmup_s: float, base_ppm: Mapping[str, int]
) -> dict[str, Any]:
    """The result of one replay; latencies leave out what was due in the first `warmup_s`.

    `base_ppm` holds what each campaign's quality would be without any score.
    """
    ours = {user for user in run.users if user is not None}
    slots = Slots((r for r in run.decisions if (r.key or b"").decode() in ours), codec)
    decided = [d for d, _ in slots.first.values() if d.reason != "probe"]
    counts = {
        name: sum(getattr(each, name) for each in run.counts.values())
        for name in ("applied", "duplicate", "late", "dead_lettered", "conflict")
    }
    unanswered = sum(not sent.answered for sent in run.sent)
    elapsed_s = max((run.ended_ms - run.started_ms) / 1000, 0.001)
    return {
        "sent": len(run.sent),
        "acked": run.accepted,
        "rejected": run.rejected,
        "unanswered": unanswered,
        "resent": run.resent,
        "gateway_duplicates": run.gateway_duplicates,
        **counts,
        "users": len(ours),
        "users_answering": len(run.counts),
        "conserved": _conserved(run, counts, unanswered),
        "decisions": len(decided),
        "repeated": slots.repeated,
        "slots_with_two_bodies": slots.two_bodies,
        "slots_pushed_twice": run.socket_repeats,
        "never_arrived": _never_arrived(run, slots, site),
        "by_campaign": _tally(d.campaign_id for d in decided if d.campaign_id),
        "by_trigger": _tally(d.trigger.kind for d in decided),
        "none_reasons": _tally(d.reason for d in decided if d.reason != "won"),
        "won_on_scores": sum(_won_on_scores(each, base_ppm) for each in decided),
        "sessions_with_action": len({d.session_id for d in decided if d.render is not None}),
        "sessions": len(run.users),
        "latency_ms": {**summary(latencies(run, slots, site, warmup_s)), "warmup_s": warmup_s},
        "ledger_ms": ledger(slots),
        "landing_to_first_action_s": _first_action(run, slots, site),
        "events_per_s": round(len(run.sent) / elapsed_s, 1),
        "statuses": {str(status): number for status, number in sorted(run.statuses.items())},
    }


def _conserved(run: Run, counts: Mapping[str, int], unanswered: int) -> bool:
    """Whether the four counts meet what was sent; an unanswered event may have landed or not."""
    landed = sum(counts[name] for name in ("applied", "duplicate", "late", "dead_lettered"))
    least = run.accepted + run.resent
    return least <= landed <= least + unanswered


def latencies(run: Run, slots: Slots, site: str, warmup_s: float) -> list[float]:
    """Scheduled send -> arrival in ms, one a decision point; infinity where nothing came."""
    return [
        arrival_ms(run, slots, site, sent) - sent.due_ms
        for sent in run.sent
        if sent.type in DECISION_POINTS and sent.due_ms >= run.started_ms + warmup_s * 1000
    ]


def arrival_ms(run: Run, slots: Slots, site: str, sent: Sent) -> float:
    """When the answer to this event reached its visitor (an action) or the topic (a none)."""
    user = run.users[sent.visit]
    slot = event_slot(site, user or "", "page", sent.event_id)
    found = slots.first.get(slot)
    if found is None:
        return inf
    decision, record = found
    return record.arrived_ms if decision.render is None else run.socket_ms.get(slot, inf)


def _never_arrived(run: Run, slots: Slots, site: str) -> dict[str, int]:
    """Decision points without an answer: no record in the topic, or an action no socket got."""
    missing = {"record": 0, "action": 0}
    for sent in run.sent:
        if sent.type in DECISION_POINTS and arrival_ms(run, slots, site, sent) == inf:
            slot = event_slot(site, run.users[sent.visit] or "", "page", sent.event_id)
            missing["action" if slot in slots.first else "record"] += 1
    return missing


def ledger(slots: Slots) -> dict[str, dict[str, float | None]]:
    """p50 and p99 of each stage in ms, from the decisions' headers."""
    samples: dict[str, list[float]] = {}
    for _, record in slots.first.values():
        header = record.headers.get("kairos.ledger")
        if header is None:
            continue
        entry = json.loads(header)
        consumed, emitted = entry["consumed_at_ms"], entry["emitted_at_ms"]
        samples.setdefault("log_hop", []).append(consumed - entry["received_at_ms"])
        samples.setdefault("decision_hop", []).append(record.arrived_ms - emitted)
        for stage, micros in entry["us"].items():
            samples.setdefault(stage, []).append(micros / 1000)
    return {
        stage: {name: summary(values)[name] for name in ("p50", "p99")}
        for stage, values in samples.items()
    }


def _won_on_scores(decision: Decision, base_ppm: Mapping[str, int]) -> bool:
    """Whether the scores chose: by bids and base rates alone another one would have won."""
    if decision.source != "model" or not decision.campaign_id:
        return False
    plain = max(
        decision.candidates,
        key=lambda each: each.bid_micros * base_ppm.get(each.campaign_id, 0),
    )
    return plain.campaign_id != decision.campaign_id


def _first_action(run: Run, slots: Slots, site: str) -> dict[str, float | None]:
    """Seconds from a visit's first event to its first action, over visits that got one."""
    landing: dict[int, float] = {}
    first: dict[int, float] = {}
    for sent in run.sent:
        landing[sent.visit] = min(landing.get(sent.visit, inf), sent.due_ms)
        slot = event_slot(site, run.users[sent.visit] or "", "page", sent.event_id)
        if slot in run.socket_ms:
            first[sent.visit] = min(first.get(sent.visit, inf), run.socket_ms[slot])
    waits = [(first[visit] - landing[visit]) / 1000 for visit in first]
    return {name: summary(waits)[name] for name in ("p50", "p90")}


def _tally(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())
