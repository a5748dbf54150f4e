"""Both kinds of model on visits they never saw, fold by fold: the network and boosted trees.

python -m infra.training.folds --rows FILE: in turn a fifth of the visits is scored by models that
were trained on the rest. Trees (LightGBM) read the same inputs row by row and answer
purchase_intent only: the champion that the network has to meet. A twin without the bottleneck says
what the concepts cost. A fold that is done is kept, so that an interrupted call goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infra.training import trees
from infra.training.bottleneck import Rows, interventions, order_of
from infra.training.data import Data, read
from infra.training.fit import train
from infra.training.fold_report import INTENT, report
from infra.training.heads import scores
from infra.training.network import Settings
from infra.training.train import NAMES, fit_heads, free_of, quantised, tell
from models.intent import MILLION

FOLDS = 5
PURCHASE = NAMES.index(INTENT)
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Parts:
    """Visits of a fold: fitted on, checked for when to stop and for calibration, held out."""

    fitted: Data
    checked: Data
    held: Data


def parts_of(data: Data, seed: int, number: int) -> tuple[Parts, NDArray[np.bool_]]:
    """A fold's visits, and which rows are held out."""
    fold = np.random.default_rng(seed).permutation(int(data.visit.max()) + 1) % (FOLDS * 2)
    held, checked = fold // 2 == number, fold == (number * 2 + 2) % (FOLDS * 2)
    return Parts(data.of(~held & ~checked), data.of(checked), data.of(held)), held[data.visit]


def fold_of(parts: Parts, settings: Settings, seed: int, twin: bool) -> Arrays:
    """What each model says of the rows held out, and what the network's head weighs."""
    fitted, checked, held = parts.fitted, parts.checked, parts.held
    network = train(fitted, checked, settings, seed)
    said = [quantised(network.concepts(each, settings)) for each in (fitted, checked, held)]
    heads = fit_heads(fitted, said[0], checked, said[1])
    said_of = scores(heads, said[2]) / MILLION
    judged = [Rows(ppm, each.concepts > 0.5, each.intents[:, PURCHASE] > 0.5)
              for ppm, each in zip(said, (fitted, checked, held), strict=True)]  # fmt: skip
    curve = interventions(heads, judged[2], INTENT, order_of(heads, judged[1], INTENT))
    wanted = fitted.intents[:, PURCHASE], checked.intents[:, PURCHASE]
    made: Arrays = {
        "network": said_of[:, PURCHASE],
        "churn": said_of[:, NAMES.index("churn_risk")],
        "concepts": said[2] / MILLION,
        "trees": np.asarray(trees.grow(fitted, checked, wanted, seed).predict(held.inputs)),
        "weights": np.array(json.dumps({each.name: each.weights_micro for each in heads})),
        "curve": np.array(json.dumps(curve)),
    }
    if twin:
        free = free_of(settings)
        made["twin"] = train(fitted, checked, free, seed).risk(held, free, INTENT)
        ppm = [each.astype(np.float32) / MILLION for each in said]
        true = [each.concepts for each in (fitted, checked, held)]
        for name, (one, two, three) in (("predicted", ppm), ("true", true)):
            of = replace(fitted, inputs=one), replace(checked, inputs=two)
            grown = trees.grow(of[0], of[1], wanted, seed, **trees.OF_CONCEPTS)
            made[name] = np.asarray(grown.predict(three))
    return made


def scored(
    data: Data, settings: Settings, seed: int, folds: int, twin: bool, keep: Path
) -> dict[str, Any]:
    """Out-of-fold scores of every row by model, concepts, head weights, corrections; kept."""
    out: dict[str, Any] = {"done": np.zeros(len(data.visit), np.bool_), "weights": [], "curves": []}
    for number in range(folds):
        parts, rows = parts_of(data, seed, number)
        file = keep.with_name(f"{keep.name}-{number}.npz")
        if not file.is_file():
            keep.parent.mkdir(parents=True, exist_ok=True)
            unfinished = file.with_suffix(".part.npz")
            np.savez(unfinished, **fold_of(parts, settings, seed, twin))
            unfinished.replace(file)
        with np.load(file) as made:
            for name in set(made.files) - {"weights", "curve"}:
                whole = out.setdefault(name, np.zeros((len(rows), *made[name].shape[1:])))
                whole[rows] = made[name]
            out["weights"].append(json.loads(str(made["weights"])))
            out["curves"].append(json.loads(str(made["curve"])))
        out["done"] |= rows
        tell(f"fold {number + 1} of {folds} scored")
    return out


def main() -> int:
    """Train, score and print the report as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=FOLDS)
    parser.add_argument("--visits", type=int, default=0, help="only so many, 0 = all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--twin", action="store_true")
    args = parser.parse_args()
    data = read(args.rows)
    if args.visits:
        chosen = np.random.default_rng(args.seed).permutation(int(data.visit.max()) + 1)
        data = data.of(chosen < args.visits)
    # The name of the rows is a hash of all data and code that matter.
    name = f"{args.rows.stem}-{args.visits}-{args.seed}{'-twin' if args.twin else ''}"
    keep = args.rows.parent / "folds" / name
    found = scored(data, Settings(), args.seed, args.folds, args.twin, keep)
    print(json.dumps(report(data, found, args.seed)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
