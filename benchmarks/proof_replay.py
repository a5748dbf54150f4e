"""Proof `replay`: real recorded visitors at 200 and at 1,000 events a second."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from benchmarks.proof import Proof, Result, Step
from connectors.control import ControlWriter
from connectors.registry import RegistryClient
from infra.local.stack import Stack
from schemas.site import MINIMAL

SEED = 1
PATHS = ("log_hop", "state", "dedup", "profile", "intent", "fusion", "auction", "decision_hop")
NOTES = (
    "Latency counts from the scheduled send to the arrival of the action at the visitor's socket, "
    "or of the decision record for a none; an answer that never came would be infinite. Open loop; "
    "load generator, broker, cluster and gateway share the two cores. Real sessions of a public "
    "research set; the site pushes minimal frames, as in production; 5 % of the events were "
    "produced a second time past the gateway. The step warm-up is not held to a limit."
)


def minimal_push(stack: Stack) -> None:
    """Put the demo's site in force as a production site: browsers get what they must render."""
    where = stack.state.endpoints
    writer = ControlWriter(where["brokers"], RegistryClient(where["registry"]))
    site = writer.newest("sites", "demo")
    assert site is not None, "the demo's site is in force"
    if site.push != MINIMAL:
        writer.publish_site(replace(site, push=MINIMAL))


def warmed(stack: Stack) -> Result:
    """A JVM's first minute is its compiler's: not measured, but printed."""
    minimal_push(stack)
    return replayed(stack, 2000, 500.0)


def replayed(stack: Stack, sessions: int, rate: float) -> Result:
    """One replay, as `kairos replay` does it."""
    from cli.replay import replay

    asked = argparse.Namespace(
        path=None,
        dataset="clickstream-dmm",
        site="demo",
        sessions=sessions,
        rate=rate,
        speed=None,
        resend=0.05,
        shuffle=0,
        seed=SEED,
    )
    return replay(asked, stack.state)


def _check(p99_ms_max: float, sessions: int) -> Callable[[Result], list[str]]:
    def check(result: Result) -> list[str]:
        wrong = []
        if not (result["applied"] == result["acked"] == result["sent"]):
            wrong.append("not every acknowledged event was applied")
        if result["duplicate"] != result["resent"]:
            wrong.append("re-sent events and duplicates differ")
        if result["slots_with_two_bodies"]:
            wrong.append("a slot has two bodies")
        if result["sessions_with_action"] < sessions / 5 or len(result["by_campaign"]) < 3:
            wrong.append("too few sessions with an action, or too few winners")
        p99 = result["latency_ms"]["p99"]
        if p99 is None or p99 > p99_ms_max:
            wrong.append(f"event -> decision p99 {p99} ms, promised {p99_ms_max:g} ms")
        return wrong

    return check


def _step(name: str, sessions: int, rate: float, p99_ms_max: float) -> Step:
    return Step(
        name,
        lambda stack: replayed(stack, sessions, rate),
        _check(p99_ms_max, sessions),
    )


def _table(results: Mapping[str, Result]) -> list[str]:
    head = "| step | events/s | p50 ms | p90 | p99 | p99.9 | max | applied | duplicate | late |"
    lines = [head, "|" + " --- |" * 10]
    for name, r in results.items():
        t = r["latency_ms"]
        cells = [name, r["events_per_s"], t["p50"], t["p90"], t["p99"], t["p99_9"], t["max"]]
        cells += [r["applied"], r["duplicate"], r["late"]]
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    lines += ["", "| step | " + " | ".join(f"{p} p50/p99 ms" for p in PATHS) + " |"]
    lines.append("|" + " --- |" * (len(PATHS) + 1))
    for name, r in results.items():
        stages = [r["ledger_ms"].get(path, {"p50": None, "p99": None}) for path in PATHS]
        shown = [f"{stage['p50']} / {stage['p99']}" for stage in stages]
        lines.append(f"| {name} | " + " | ".join(shown) + " |")
    for name, r in results.items():
        lines += [
            "",
            f"{name}: winners {r['by_campaign']}, sessions with an action "
            f"{r['sessions_with_action']} of {r['sessions']}, won on scores {r['won_on_scores']}, "
            f"none {r['none_reasons']}. CPU seconds {r['cpu_s']} in {r['took_s']} s. "
            f"RSS MiB {r['rss_mib']}.",
        ]
    return lines


PROOF = Proof(
    name="replay",
    help="recorded real visitors through the whole loop, with conservation and latency",
    seed=SEED,
    steps=(
        Step("warm-up", warmed, lambda result: []),
        _step("200-per-s", 500, 200, 50.0),
        _step("1000-per-s", 3000, 1000, 100.0),
    ),
    notes=NOTES,
    table=_table,
)
