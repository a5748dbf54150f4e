"""Proof `intent`: the model on recorded visitors that it never saw, against boosted trees."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from benchmarks import anchors
from benchmarks.intent_page import PICTURE, table
from benchmarks.proof import Proof, Result, Step, folder
from benchmarks.training_cut import cut_and_resumed
from cli.model_picture import reliability
from cli.output import progress
from cli.progress import Bar
from connectors.datasets import DatasetMissing
from infra.local.layout import CHECKOUT, read_layout
from infra.local.stack import Stack
from infra.training.bottleneck import COMPLETENESS_MIN, problems
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
TRAIN_S_MAX = 600.0
CONCEPT_MIN, CONCEPTS_MEAN_MIN, CONCEPT_ECE_MAX = 0.60, 0.70, 0.05
ANCHORS = {"shoppers": (0.76, 0.80), "shoppers_with_page_values": (0.91, 0.95),
           "retail": (0.65, 0.85)}  # fmt: skip
"""AUROC between which the evaluation reads public tables as others do."""

FLIPS = 50_000
"""A weight that differs from zero by less, in millionths, has no sign to keep."""

NOTES = (
    "ClickstreamDMM, evaluation only: weights fitted here are thrown away. Five folds by session; "
    "after k events only sessions with more than k count. `trees` are LightGBM on the same inputs, "
    "in the same folds; `twin` is the network without the concept bottleneck. Intervals are 95 % "
    "bootstraps over sessions. The learning curve has as many sessions as named, a fifth of which "
    "is tested and a tenth says when to stop. Corrections: concepts go to their 5th or 95th "
    "percentile by what was true. Anchors: the same trees and measures on public tables, ten "
    "folds. What is done of a fold or step is kept, so an interrupted proof goes on."
)


def _folds(*arguments: str) -> Result:
    if not DATA.is_dir():
        raise DatasetMissing(f"{DATA} is not there; it holds clickstream_dmm_events.parquet")
    layout = read_layout()
    python = ensure(layout.home, progress)
    with Bar(1, "parts folded") as bar:
        source = Source(DATASET, DATA.resolve())
        rows = build(source, layout.home / "training", layout.checkout, bar.update)
    given = ["--rows", str(rows), *arguments]
    found: Result = json.loads(run(python, layout.checkout, "infra.training.folds", given))
    return found


def _compare(stack: Stack) -> Result:
    return _folds("--twin", "--seed", str(SEED))


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
    for name, most in (("ece", ECE_MAX), ("brier", BRIER_MAX)):
        if result[name]["network"]["value"] > most:
            wrong.append(f"{name} {result[name]['network']['value']} instead of {most}")
    lead = result["lead"]
    if lead["exits_crossed"]["ci"][0] <= lead["stays_crossed"]["ci"][1]:
        wrong.append("churn_risk crosses before exits no more often than in matched stays")
    return [*wrong, *_check_concepts(result["concepts"]), *_check_bottleneck(result)]


def _check_bottleneck(result: Result) -> list[str]:
    left = result["completeness"]
    wrong = [f"completeness {each} after {k} events" for k, each in left.items()
             if each < COMPLETENESS_MIN]  # fmt: skip
    return wrong + problems({**result, "completeness": left["all"]})


def _check_concepts(concepts: Result) -> list[str]:
    wrong = [f"concept {name}: AUROC {each['value']}" for name, each in concepts.items()
             if each["value"] < CONCEPT_MIN]  # fmt: skip
    wrong += [f"concept {name}: calibration error {each['ece']}" for name, each in concepts.items()
              if each["ece"] > CONCEPT_ECE_MAX]  # fmt: skip
    mean = sum(each["value"] for each in concepts.values()) / len(concepts)
    return wrong if mean >= CONCEPTS_MEAN_MIN else [*wrong, f"mean concept AUROC {mean:.4f}"]


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


def _anchors(stack: Stack) -> Result:
    layout = read_layout()
    python, tables_in = ensure(layout.home, progress), layout.home / "training"
    tables_in.mkdir(parents=True, exist_ok=True)
    visits = DATA / "online_shoppers_intention.parquet"
    tables = {
        "shoppers": anchors.shoppers(visits, page_values=False),
        "shoppers_with_page_values": anchors.shoppers(visits, page_values=True),
        "retail": anchors.retail(DATA / "online_retail.parquet"),
    }
    out = {}
    for name, (inputs, truth) in tables.items():
        file = tables_in / f"anchor-{name}.npz"
        np.savez(file, inputs=inputs, truth=truth)
        given = ["--table", str(file), "--seed", str(SEED)]
        out[name] = json.loads(run(python, layout.checkout, "infra.training.anchors", given))
    return out


def _check_anchors(result: Result) -> list[str]:
    return [
        f"{name}: AUROC {result[name]['auroc']['value']} instead of {low} to {high}"
        for name, (low, high) in ANCHORS.items()
        if not low <= result[name]["auroc"]["value"] <= high
    ]


def _training(stack: Stack) -> Result:
    return cut_and_resumed(read_layout(), DATA.resolve(), folder(PROOF) / "training")


def _check_training(result: Result) -> list[str]:
    wrong = [] if result["same_bytes"] else ["training that was cut short ends with other bytes"]
    if result["resumed_s"] >= result["train_s"]:
        wrong.append("training that was cut short began anew")
    if result["left_behind"]:
        wrong.append(f"left behind: {result['left_behind']}")
    took_s = result["fold_s"] + result["train_s"]
    return [*wrong, f"training took {took_s} s"] if took_s > TRAIN_S_MAX else wrong


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
        Step("compare", _compare, _check_compare),
        Step("signs", _signs, _check_signs),
        *(_size(sessions) for sessions in SIZES),
        Step("anchors", _anchors, _check_anchors),
        Step("training", _training, _check_training),
    ),
    notes=NOTES,
    table=lambda results: table(results, SEEDS, FLIPS),
    services=(),
    pictures=lambda results: {PICTURE: reliability(results["compare"]["reliability"])},
)
