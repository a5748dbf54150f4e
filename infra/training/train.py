"""Trains the intent model on rows: python -m infra.training.train --rows FILE --out FILE.

Runs in the training environment (`kairos model train` makes it), since `onnx` and the engine's
Beam want different protobuf versions. On one thread, which that command sets, sums have one order,
so the same rows and seed give the same bytes on the same machine. What was interrupted goes on
after its last epoch: the same call, the same bytes.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cli.progress import Bar
from infra.training import card, heads, trees
from infra.training.bottleneck import (
    Rows,
    completeness_of,
    interventions,
    now_and_then,
    order_of,
)
from infra.training.data import Data, Floats, read
from infra.training.export import PARTS_MAX, difference, to_onnx
from infra.training.fit import train
from infra.training.labels import CONCEPTS, INTENTS, KIND_OF, SIGNS
from infra.training.measures import auroc
from infra.training.network import Network, Settings
from models.features import FEATURES
from models.intent import MILLION
from schemas.model import Head, Model

SIZE_MAX = 64 * 1024
SPLITS = {"train": 0.66, "validation": 0.17, "test": 0.17}
NAMES = tuple(INTENTS)
CONCEPT_NAMES = tuple(CONCEPTS)
NETWORK, TREES = "network", "trees"
INTENT = "purchase_intent"


@dataclass(frozen=True, slots=True)
class Fitted:
    """ONNX bytes, size of the hidden state, the concepts in ppm of each part, the score of the
    held-out rows by the twin that has no bottleneck (empty for trees), and how far fifty steps of
    serving part from training.
    """

    graph: bytes
    hidden: int
    said: dict[str, NDArray[np.int64]]
    free: Floats
    parts_by: float = 0.0


def split(data: Data, seed: int) -> dict[str, Data]:
    """Visits dealt out to train, validation and test."""
    visits = int(data.visit.max()) + 1
    place = np.random.default_rng(seed).permutation(visits) / visits
    out, low = {}, 0.0
    for name, share in SPLITS.items():
        out[name] = data.of((place >= low) & (place < low + share))
        low += share
    return out


def quantised(concepts: Floats) -> NDArray[np.int64]:
    """Concepts in ppm, as serving rounds them."""
    rounded: NDArray[np.int64] = np.rint(concepts.astype(np.float64) * MILLION).astype(np.int64)
    return rounded


def fit_heads(
    data: Data, said: NDArray[np.int64], validation: Data, checked: NDArray[np.int64]
) -> tuple[Head, ...]:
    """One calibrated head an intent, from quantised concepts of both."""
    truth = data.intents.astype(np.float64)
    seen = now_and_then(said, data.concepts > 0.5)
    fitted = heads.fit_all(seen, truth, NAMES, KIND_OF, tuple(CONCEPTS), SIGNS)
    truth = validation.intents.astype(np.float64)
    return heads.calibrate_all(fitted, checked, truth, KIND_OF)


def free_of(settings: Settings) -> Settings:
    """Of the twin without the bottleneck."""
    return replace(settings, bottleneck=False, concept_share=0.1)


def _trained(parts: dict[str, Data], seed: int, settings: Settings, keep: Path) -> Fitted:
    network = _fitted("network", parts, seed, settings, keep)
    graph = to_onnx(network)
    assert len(graph) <= SIZE_MAX, f"the network takes {len(graph)} bytes, at most {SIZE_MAX}"
    found = {name: network.concepts(each, settings) for name, each in parts.items()}
    parts_by = difference(graph, network, found["test"], parts["test"])
    assert parts_by <= PARTS_MAX, f"serving parts from training by {parts_by}"
    said = {name: quantised(each) for name, each in found.items()}
    free = free_of(settings)
    twin = _fitted("twin", parts, seed, free, keep)
    return Fitted(graph, settings.hidden, said, twin.risk(parts["test"], free, INTENT), parts_by)


def _fitted(
    name: str, parts: dict[str, Data], seed: int, settings: Settings, keep: Path
) -> Network:
    with Bar(1, f"steps of the {name}") as bar:
        return train(
            parts["train"], parts["validation"], settings, seed, bar.update,
            keep.with_name(f"{keep.name}-{name}.npz"),
        )  # fmt: skip


def _grown(parts: dict[str, Data], seed: int) -> Fitted:
    grown = trees.train(parts["train"], parts["validation"], seed)
    said = {name: quantised(grown.concepts(each)) for name, each in parts.items()}
    return Fitted(trees.to_onnx(grown), 0, said, np.zeros(0, np.float32))


def make(
    data: Data, told: dict[str, Any], seed: int, settings: Settings, kind: str, keep: Path
) -> Model:
    """Train, export, and measure on visits that were never trained on."""
    parts = split(data, seed)
    tell(", ".join(f"{name}: {len(each.visit)} rows" for name, each in parts.items()))
    fitted = _grown(parts, seed) if kind == TREES else _trained(parts, seed, settings, keep)
    said = fitted.said
    tell("fitting the heads")
    tops = fit_heads(parts["train"], said["train"], parts["validation"], said["validation"])
    written = card.write(told=told, seed=seed, parts=parts, concepts=said["test"], heads=tops)
    written["bottleneck"] = bottleneck_of(parts, fitted, tops, seed)
    written["serving_parts_by"] = round(fitted.parts_by, 9)
    return Model(
        name=str(told["name"]), sha256=sha256(fitted.graph).hexdigest(), onnx=fitted.graph,
        features=FEATURES, concepts=tuple(CONCEPTS), hidden_size=fitted.hidden, heads=tops,
        card=json.dumps(written, ensure_ascii=False),
        ece_ppm=round(written["held_out"]["intents"][INTENT]["ece"] * MILLION),
    )  # fmt: skip


def bottleneck_of(
    parts: dict[str, Data], fitted: Fitted, tops: tuple[Head, ...], seed: int
) -> dict[str, Any]:
    """Whether it holds on the held-out rows, for the card (infra/training/bottleneck.py)."""
    at = NAMES.index(INTENT)
    train_, check, test = parts["train"], parts["validation"], parts["test"]
    truth, ones = test.intents[:, at] > 0.5, np.ones(len(test.visit))
    score = heads.scores(tops, fitted.said["test"])[:, at] / MILLION
    leak = {"head": round(auroc(score, truth, ones), 4)}
    ppm = {name: (each / MILLION).astype(np.float32) for name, each in fitted.said.items()}
    true = {name: each.concepts for name, each in parts.items()}
    for name, inputs in (("predicted", ppm), ("true", true)):
        of = replace(train_, inputs=inputs["train"]), replace(check, inputs=inputs["validation"])
        wanted = train_.intents[:, at], check.intents[:, at]
        grown = trees.grow(of[0], of[1], wanted, seed, **trees.OF_CONCEPTS)
        leak[name] = round(auroc(np.asarray(grown.predict(inputs["test"])), truth, ones), 4)
    judged = {name: Rows(fitted.said[name], each.concepts > 0.5, each.intents[:, at] > 0.5)
              for name, each in (("validation", check), ("test", test))}  # fmt: skip
    order = order_of(tops, judged["validation"], INTENT)
    curve = interventions(tops, judged["test"], INTENT, order)
    left: dict[str, Any] = {"value": None, "ci": None}
    if len(fitted.free):
        left = completeness_of(score, fitted.free.astype(np.float64), truth, test.visit, seed)
    return {"completeness": left["value"], "completeness_ci": left["ci"], "leakage": leak,
            "interventions": [(CONCEPT_NAMES[each] if each >= 0 else "", value)
                              for each, value in curve]}  # fmt: skip


def save(model: Model, file: Path) -> None:
    """Write the record but the bytes into `file`, the network beside it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    record = model.to_record()
    file.with_suffix(".onnx").write_bytes(record.pop("onnx"))
    record["signature"] = record["signature"].hex()
    record["card"] = json.loads(model.card)
    text = json.dumps(record, indent=1, ensure_ascii=False, default=list)
    file.write_text(text + "\n", encoding="utf-8")


def tell(text: str) -> None:
    """Progress goes to standard error."""
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Train and write; prints the card as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--told", type=json.loads, required=True, help="name, data, licence")
    parser.add_argument("--kind", choices=(NETWORK, TREES), default=NETWORK)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    # The name of the rows is a hash of all data and code that matter.
    keep = args.rows.parent / "fits" / f"{args.rows.stem}-{args.seed}"
    model = make(read(args.rows), args.told, args.seed, Settings(), args.kind, keep)
    save(model, args.out)
    for file in keep.parent.glob(f"{keep.name}-*"):
        file.unlink()
    print(model.card)
    return 0


if __name__ == "__main__":
    sys.exit(main())
