"""Trains the intent model on rows: python -m infra.training.train --rows FILE --out FOLDER.

Runs in the training environment (`kairos model train` makes it), since `onnx` and the engine's
Beam want different protobuf versions. On one thread, which that command sets, sums have one order,
so the same rows and seed give the same bytes on the same machine.
"""

from __future__ import annotations

import argparse
import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infra.training import card, heads, trees
from infra.training.data import Data, Floats, read
from infra.training.export import to_onnx
from infra.training.labels import CONCEPTS, INTENTS, KIND_OF, SIGNS
from infra.training.network import Settings, train
from models.features import FEATURES
from models.intent import MILLION
from schemas.model import Head, Model

SIZE_MAX = 64 * 1024
SPLITS = {"train": 0.66, "validation": 0.17, "test": 0.17}
NAMES = tuple(INTENTS)
NETWORK, TREES = "network", "trees"
Fitted = tuple[bytes, int, dict[str, NDArray[np.int64]]]
"""ONNX bytes, size of the hidden state, and the concepts in ppm of each part."""


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
    fitted = heads.fit_all(said, truth, NAMES, KIND_OF, tuple(CONCEPTS), SIGNS)
    truth = validation.intents.astype(np.float64)
    return heads.calibrate_all(fitted, checked, truth, KIND_OF)


def _trained(parts: dict[str, Data], seed: int, settings: Settings) -> Fitted:
    network = train(parts["train"], parts["validation"], settings, seed, tell)
    graph = to_onnx(network)
    assert len(graph) <= SIZE_MAX, f"the network takes {len(graph)} bytes, at most {SIZE_MAX}"
    said = {name: quantised(network.concepts(each, settings)) for name, each in parts.items()}
    return graph, settings.hidden, said


def _grown(parts: dict[str, Data], seed: int, settings: Settings) -> Fitted:
    grown = trees.train(parts["train"], parts["validation"], seed)
    said = {name: quantised(grown.concepts(each)) for name, each in parts.items()}
    return trees.to_onnx(grown), 0, said


def make(
    data: Data, told: dict[str, Any], seed: int, settings: Settings, kind: str = NETWORK
) -> Model:
    """Train, export, and measure on visits that were never trained on."""
    parts = split(data, seed)
    tell(", ".join(f"{name}: {len(each.visit)} rows" for name, each in parts.items()))
    graph, hidden, said = (_grown if kind == TREES else _trained)(parts, seed, settings)
    tell("fitting the heads")
    tops = fit_heads(parts["train"], said["train"], parts["validation"], said["validation"])
    written = card.write(
        told=told, seed=seed, parts=parts, concepts=said["test"], heads=tops
    )  # fmt: skip
    return Model(
        name=str(told["name"]), sha256=sha256(graph).hexdigest(), onnx=graph, features=FEATURES,
        concepts=tuple(CONCEPTS), hidden_size=hidden, heads=tops,
        card=json.dumps(written, ensure_ascii=False),
        ece_ppm=round(written["held_out"]["intents"]["purchase_intent"]["ece"] * MILLION),
    )  # fmt: skip


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
    parser.add_argument("--epochs", type=int, default=Settings().epochs)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    settings = Settings(epochs=args.epochs)
    model = make(read(args.rows), args.told, args.seed, settings, args.kind)
    save(model, args.out)
    print(model.card)
    return 0


if __name__ == "__main__":
    sys.exit(main())
