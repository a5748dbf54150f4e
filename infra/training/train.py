"""Trains the intent model on simulated visitors: python -m infra.training.train --out DIR.

Runs in the training environment (`kairos model train` makes it), since `onnx` and the engine's
Beam want different protobuf versions. On one thread (OPENBLAS_NUM_THREADS=1, which that command
sets) sums have one order, so the same seed gives the same bytes on the same machine.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infra.demo.goods import STAND_IN, Item
from infra.training import card, heads
from infra.training.labels import CONCEPTS, INTENTS, SIGNS, labels, medians
from infra.training.network import Data, Network, Settings, train
from infra.training.visits import visits
from models.features import FEATURES
from models.intent import MILLION
from schemas.model import Head, Model

NAME = "kairos-intent-simulated"
SIZE_MAX = 64 * 1024
SPLITS = {"train": 0.66, "validation": 0.17, "test": 0.17}


@dataclass(frozen=True, slots=True)
class Made:
    """A trained model and what its card says."""

    model: Model
    card: dict[str, object]


def build(count: int, seed: str, catalogue: Sequence[Item] = STAND_IN) -> Data:
    """Rows of `count` simulated visitors; the seed names the crowd."""
    of_category = medians([(item.category, item.price_micros) for item in catalogue])
    inputs: list[list[float]] = []
    truth: list[tuple[bool, ...]] = []
    visit_of: list[int] = []
    for number, visit in enumerate(visits(count, seed, catalogue)):
        inputs.extend(visit.rows)
        truth.extend(labels(visit.events, of_category))
        visit_of.extend([number] * len(visit.rows))
    table = np.array(truth, np.float32)
    split = len(CONCEPTS)
    return Data(
        np.array(inputs, np.float32), table[:, :split], table[:, split:],
        np.array(visit_of, np.int64),
    )  # fmt: skip


def quantised(network: Network, data: Data) -> NDArray[np.int64]:
    """Concepts in ppm, as serving rounds them."""
    exact = network.concepts(data.inputs).astype(np.float64)
    rounded: NDArray[np.int64] = np.rint(exact * MILLION).astype(np.int64)
    return rounded


def fit_heads(network: Network, data: Data, validation: Data) -> tuple[Head, ...]:
    """One calibrated head an intent."""
    fitted, checked = quantised(network, data), quantised(network, validation)
    out = []
    for at, name in enumerate(INTENTS):
        truth = data.intents[:, at].astype(np.float64)
        head = heads.fit(name, fitted, truth, tuple(CONCEPTS), SIGNS[name])
        out.append(heads.calibrate(head, checked, validation.intents[:, at].astype(np.float64)))
    return tuple(out)


def make(visitors: int, seed: int) -> Made:
    """Simulate, train, export, measure on visitors that were never trained on."""
    from infra.training.export import to_onnx

    crowds = {name: round(visitors * share) for name, share in SPLITS.items()}
    data = {name: build(count, f"{name}:{seed}") for name, count in crowds.items()}
    tell(", ".join(f"{name}: {len(each.inputs)} rows" for name, each in data.items()))
    network = train(data["train"], data["validation"], Settings(), seed, tell)
    graph = to_onnx(network)
    assert len(graph) <= SIZE_MAX, f"the network takes {len(graph)} bytes, at most {SIZE_MAX}"
    tops = fit_heads(network, data["train"], data["validation"])
    held_out = data["test"]
    written = card.write(
        seed=seed, crowds=crowds, rows={name: len(each.inputs) for name, each in data.items()},
        concepts=quantised(network, held_out), truth=held_out, heads=tops,
    )  # fmt: skip
    model = Model(
        name=NAME, sha256=sha256(graph).hexdigest(), onnx=graph, features=FEATURES,
        concepts=tuple(CONCEPTS), heads=tops, card=json.dumps(written, ensure_ascii=False),
    )  # fmt: skip
    return Made(model, written)


def save(made: Made, folder: Path) -> None:
    """Write default.json (all but the bytes) and default.onnx."""
    folder.mkdir(parents=True, exist_ok=True)
    record = made.model.to_record()
    (folder / "default.onnx").write_bytes(record.pop("onnx"))
    record["signature"] = record["signature"].hex()
    record["card"] = made.card
    text = json.dumps(record, indent=1, ensure_ascii=False, default=list)
    (folder / "default.json").write_text(text + "\n", encoding="utf-8")


def tell(text: str) -> None:
    """Progress goes to standard error."""
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Train and write; prints the card as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    made = make(args.visitors, args.seed)
    save(made, args.out)
    print(json.dumps(made.card, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
