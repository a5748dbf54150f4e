"""Proof `intent`: the model on recorded visitors that it never saw, against boosted trees."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.proof import Proof, Result, Step
from cli.output import progress
from connectors.datasets import DatasetMissing
from infra.local.layout import CHECKOUT, read_layout
from infra.local.stack import Stack
from infra.training.environment import ensure, run
from infra.training.labels import SIGNS
from infra.training.rows import DATASET, Source, build

DATA = Path(os.environ.get("KAIROS_DATA", CHECKOUT.parent / "shared" / "data"))
SEED = 1
SIZES = (500, 2_000, 8_000)
SEEDS = (1, 2, 3, 4, 5)
AUROC_MIN = {"3": 0.66, "5": 0.71, "8": 0.705, "12": 0.70}
UNDER_TREES_MAX = 0.005
LEAK = 0.8
ECE_MAX, BRIER_MAX = 0.02, 0.172
COMPLETENESS_MIN = 0.97
CONCEPTS_MEAN_MIN = 0.70
FLIPS = 50_000
"""A weight that differs from zero by less, in millionths, has no sign to keep."""

NOTES = (
    "ClickstreamDMM, evaluation only: weights fitted here are thrown away. Five folds by session; "
    "after k events only sessions with more than k count. `trees` are LightGBM on the same inputs, "
    "in the same folds; `twin` is the network without the concept bottleneck. Intervals are 95 % "
    "bootstraps over sessions. The learning curve trains on the sessions named, of which the "
    "fifth that is tested is no part."
)


def _folds(*arguments: str) -> Result:
    if not DATA.is_dir():
        raise DatasetMissing(f"{DATA} is not there; it holds clickstream_dmm_events.parquet")
    layout = read_layout()
    python = ensure(layout.home, progress)
    rows = build(
        Source(DATASET, DATA.resolve()), layout.home / "training", layout.checkout,
        lambda done, parts: progress(f"events folded: {done} of {parts} parts"),
    )  # fmt: skip
    given = ["--rows", str(rows), *arguments]
    found: Result = json.loads(run(python, layout.checkout, "infra.training.folds", given))
    return found


def _check_compare(result: Result) -> list[str]:
    wrong = []
    for k, each in result["after"].items():
        network, trees = each["network"]["value"], each["trees"]["value"]
        if network < AUROC_MIN[k]:
            wrong.append(f"AUROC {network} after {k} events instead of {AUROC_MIN[k]}")
        if network < trees - UNDER_TREES_MAX:
            wrong.append(f"after {k} events {trees - network:.4f} under the trees")
        if int(k) <= 8 and network > LEAK:
            wrong.append(f"AUROC {network} after {k} events: something leaks")
        if result["completeness"][k] < COMPLETENESS_MIN:
            wrong.append(f"completeness {result['completeness'][k]} after {k} events")
    for name, most in (("ece", ECE_MAX), ("brier", BRIER_MAX)):
        if result[name]["network"]["value"] > most:
            wrong.append(f"{name} {result[name]['network']['value']} instead of {most}")
    lead = result["lead"]
    if lead["exits_crossed"]["ci"][0] <= lead["stays_crossed"]["ci"][1]:
        wrong.append("churn_risk crosses before exits no more often than in matched stays")
    concepts = [each["value"] for each in result["concepts"].values()]
    if sum(concepts) / len(concepts) < CONCEPTS_MEAN_MIN:
        wrong.append(f"mean concept AUROC {sum(concepts) / len(concepts):.4f}")
    return wrong


def _check_signs(result: Result) -> list[str]:
    """Known signs are kept by every seed."""
    wrong = []
    for seed, heads in result["weights"].items():
        for head, signs in SIGNS.items():
            for concept, sign in signs.items():
                weight = heads[head][result["names"].index(concept)]
                if weight * sign < 0:
                    wrong.append(f"seed {seed}: {concept} has weight {weight} in {head}")
    return wrong


def _signs(stack: Stack) -> Result:
    from infra.training.labels import CONCEPTS

    weights = {}
    for seed in SEEDS:
        found = _folds("--seed", str(seed), "--folds", "1")
        weights[str(seed)] = found["weights"][0]
    return {"weights": weights, "names": list(CONCEPTS)}


def _table(results: Mapping[str, Result]) -> list[str]:
    compared = results["compare"]
    lines = ["| after | n | network | trees | twin | completeness |",
             "| --- | --- | --- | --- | --- | --- |"]  # fmt: skip
    for k, each in compared["after"].items():
        shown = " | ".join(_shown(each[name]) for name in ("network", "trees", "twin"))
        lines.append(f"| {k} events | {each['n']} | {shown} | {compared['completeness'][k]} |")
    lines += ["", "| all events | network | trees | twin |", "| --- | --- | --- | --- |"]
    for name in ("auroc", "auprc", "brier", "ece"):
        shown = " | ".join(_shown(compared[name][each]) for each in ("network", "trees", "twin"))
        lines.append(f"| {name} | {shown} |")
    lines += ["", "| concept | label occurs | AUROC |", "| --- | --- | --- |"]
    for name, each in compared["concepts"].items():
        lines.append(f"| {name} | {each['base_rate']:.1%} | {_shown(each)} |")
    lines += ["", "| sessions | after 3 | 5 | 8 | 12 events |", "| --- | --- | --- | --- | --- |"]
    sizes = {**{f"{size:,}": results[f"size-{size}"] for size in SIZES}, "all": compared}
    for size, found in sizes.items():
        shown = " | ".join(_shown(each["network"]) for each in found["after"].values())
        lines.append(f"| {size} | {shown} |")
    return [*lines, "", _lead_line(compared["lead"]), "", *_sign_lines(results["signs"])]


def _lead_line(lead: Mapping[str, Any]) -> str:
    """How early churn_risk tells an exit without purchase."""
    return (
        f"Lead time: churn_risk crosses {lead['threshold']:.3f} before the last event in "
        f"{lead['exits_crossed']['value']:.1%} of {lead['exits']:,} exits without purchase "
        f"(interval {lead['exits_crossed']['ci']}), at the same event number in "
        f"{lead['stays_crossed']['value']:.1%} of {lead['stays']:,} matched visits that go on for "
        f"five events or more (interval {lead['stays_crossed']['ci']}). From the crossing to the "
        f"last event of an exit: median {lead['seconds']['value']} s, interval "
        f"{lead['seconds']['ci']}."
    )


def _sign_lines(result: Result) -> list[str]:
    at = result["names"]
    rows = ["| purchase_intent | " + " | ".join(f"seed {each}" for each in SEEDS) + " |",
            "| --- |" + " --- |" * len(SEEDS)]  # fmt: skip
    for number, name in enumerate(at):
        shown = [result["weights"][str(seed)]["purchase_intent"][number] for seed in SEEDS]
        stable = len({each > 0 for each in shown if abs(each) > FLIPS}) <= 1
        rows.append(f"| {name}{'' if stable else ' (unstable)'} | "
                    + " | ".join(f"{each / 1e6:+.2f}" for each in shown) + " |")  # fmt: skip
    return rows


def _shown(each: Mapping[str, Any]) -> str:
    if each["ci"] is None:
        return "-"
    return f"{each['value']:.4f} ({each['ci'][0]:.3f}-{each['ci'][1]:.3f})"


def _size(sessions: int) -> Step:
    return Step(
        f"size-{sessions}",
        lambda stack: _folds("--visits", str(sessions), "--seed", str(SEED)),
        lambda result: [],
    )


PROOF = Proof(
    name="intent",
    help="the intent model on recorded visitors it never saw, against boosted trees",
    seed=SEED,
    steps=(
        Step("compare", lambda stack: _folds("--twin", "--seed", str(SEED)), _check_compare),
        Step("signs", _signs, _check_signs),
        *(_size(sessions) for sessions in SIZES),
    ),
    notes=NOTES,
    table=_table,
    services=(),
)
