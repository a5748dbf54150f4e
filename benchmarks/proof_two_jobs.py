"""Proof `two-jobs`: deciding and learning on the same cores, at 200 events a second."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from benchmarks.proof import Proof, Result, Step
from benchmarks.proof_replay import minimal_push, replayed
from connectors.avro import Codec, codec
from connectors.control import ControlWriter
from connectors.registry import RegistryClient
from connectors.topic_tail import Tailed, TopicTail
from infra.local.stack import Stack
from schemas.policy import Policy
from schemas.site import CONVERSIONS
from schemas.topics import POLICY

SEED, RATE, SESSIONS = 1, 200.0, 1_500
P99_MS_MAX, LAG_MS_MAX, RSS_MIB_MAX = 200.0, 5_000.0, 6 * 1024
NOTES = (
    "Recorded visits as in the proof `replay`, with the learning cluster beside the deciding one; "
    "windows close after ten seconds, so that every epoch has rewards. Learning "
    "lag counts from the end of an epoch on the log's clock to the arrival of its policy at a "
    "reader of the topic; the policy is in force a second after that end at the earliest. Memory "
    "is the resident set of every process of the stack, shared pages counted in each."
)


def _taught(stack: Stack) -> Result:
    """Both jobs up, JVMs warm; not held to a limit."""
    stack.learn()
    minimal_push(stack)
    where = stack.state.endpoints
    writer = ControlWriter(where["brokers"], RegistryClient(where["registry"]))
    site = writer.newest("sites", "demo")
    assert site is not None, "the demo's site is in force"
    writer.publish_site(
        replace(site, reward=CONVERSIONS, reward_window_ms=10_000, reward_horizon_ms=10_000)
    )
    return _measured(stack, SESSIONS // 2)


def _measured(stack: Stack, sessions: int) -> Result:
    """One replay, and the policies that arrived meanwhile."""
    where = stack.state.endpoints
    policies: Codec[Policy] = codec(POLICY, RegistryClient(where["registry"]))
    seen: list[Tailed] = []
    tail = TopicTail(where["brokers"], POLICY, seen.append).start()
    result = replayed(stack, sessions, RATE)
    tail.stop()
    made = [(each.arrived_ms, policies.decode(each.value)) for each in seen if each.value]
    lags = sorted(arrived - policy.learned_until_ms for arrived, policy in made)
    memory = sum(row["rss_mib"] for row in stack.status()["processes"])
    return {
        **result,
        "policies": len(lags),
        "rewards": max((policy.rewards for _, policy in made), default=0),
        "lag_ms": {"p50": _at(lags, 0.5), "p99": _at(lags, 0.99), "max": _at(lags, 1.0)},
        "rss_all_mib": round(memory),
    }


def _at(ordered: list[float], share: float) -> float | None:
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)]) if ordered else None


def _check(result: Result) -> list[str]:
    wrong = []
    if result["applied"] != result["acked"] or result["slots_with_two_bodies"]:
        wrong.append("an acknowledged event was not applied, or a slot has two bodies")
    p99_ms, lag_ms = result["latency_ms"]["p99"], result["lag_ms"]["max"]
    if p99_ms is None or p99_ms > P99_MS_MAX:
        wrong.append(f"event -> decision p99 {p99_ms} ms, promised {P99_MS_MAX:g} ms")
    if lag_ms is None or lag_ms > LAG_MS_MAX:
        wrong.append(f"learning lag {lag_ms} ms, promised {LAG_MS_MAX:g} ms")
    if result["rss_all_mib"] > RSS_MIB_MAX:
        wrong.append(f"{result['rss_all_mib']} MiB resident, promised {RSS_MIB_MAX}")
    return wrong


def _table(results: Mapping[str, Result]) -> list[str]:
    head = ["step", "events/s", "p50 ms", "p90", "p99", "max"]
    head += ["policies", "rewards", "lag p50 ms", "lag p99", "lag max", "RSS MiB"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for name, r in results.items():
        t, lag = r["latency_ms"], r["lag_ms"]
        cells: list[Any] = [name, r["events_per_s"], t["p50"], t["p90"], t["p99"], t["max"]]
        cells += [r["policies"], r["rewards"], lag["p50"], lag["p99"], lag["max"]]
        lines.append("| " + " | ".join(str(cell) for cell in (*cells, r["rss_all_mib"])) + " |")
    for name, r in results.items():
        lines += ["", f"{name}: CPU seconds {r['cpu_s']} in {r['took_s']} s."]
        lines += [f"RSS MiB {r['rss_mib']}."]
    return lines


PROOF = Proof(
    name="two-jobs",
    help="deciding and learning on the same cores: latency, learning lag and memory",
    seed=SEED,
    steps=(
        Step("warm-up", _taught, lambda result: []),
        Step("200-per-s", lambda stack: _measured(stack, SESSIONS), _check),
    ),
    notes=NOTES,
    table=_table,
)
