"""Both kinds of model on visits they never saw, fold by fold: the network and boosted trees.

python -m infra.training.folds --rows FILE: in turn a fifth of the visits is scored by models that
were trained on the rest. Trees (LightGBM) read the same inputs row by row and answer
purchase_intent only: the champion that the network has to meet. A twin without the bottleneck says
what the concepts cost. After k events only visits with more than k count.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infra.training import leads, measures, trees
from infra.training.data import Data, read
from infra.training.heads import scores
from infra.training.labels import CONCEPTS
from infra.training.network import Settings, train
from infra.training.train import NAMES, fit_heads, quantised, tell
from models.intent import MILLION

AFTER_EVENTS = (3, 5, 8, 12)
FOLDS = 5
INTENT = "purchase_intent"
RARE = 0.01
Floats = NDArray[np.float64]


def scored(data: Data, settings: Settings, seed: int, folds: int, twin: bool) -> dict[str, Any]:
    """Out-of-fold scores of every row: `network`, `trees`, `twin`, `concepts`, and head weights."""
    visits = int(data.visit.max()) + 1
    fold = np.random.default_rng(seed).permutation(visits) % (FOLDS * 2)
    out = {name: np.zeros(len(data.visit)) for name in ("network", "trees", "twin", "churn")}
    concepts = np.zeros(data.concepts.shape)
    weights = []
    done, at = np.zeros(len(data.visit), np.bool_), NAMES.index(INTENT)
    for number in range(folds):
        tested, checked = fold // 2 == number, fold == (number * 2 + 2) % (FOLDS * 2)
        fitted, validation = data.of(~tested & ~checked), data.of(checked)
        rows, held = tested[data.visit], data.of(tested)
        network = train(fitted, validation, settings, seed)
        said = [quantised(network.concepts(each, settings)) for each in (fitted, validation, held)]
        heads = fit_heads(fitted, said[0], validation, said[1])
        concepts[rows] = said[2] / MILLION
        said_of = scores(heads, said[2]) / MILLION
        out["network"][rows] = said_of[:, at]
        out["churn"][rows] = said_of[:, NAMES.index("churn_risk")]
        weights.append({head.name: list(head.weights_micro) for head in heads})
        wanted = fitted.intents[:, at], validation.intents[:, at]
        booster = trees.grow(fitted, validation, wanted, seed)
        out["trees"][rows] = booster.predict(held.inputs)
        if twin:
            free = Settings(epochs=settings.epochs, bottleneck=False, concept_share=0.1)
            out["twin"][rows] = train(fitted, validation, free, seed).risk(held, free, INTENT)
        done |= rows
        tell(f"fold {number + 1} of {folds} scored")
    return {**out, "concepts": concepts, "weights": weights, "done": done}


def report(data: Data, found: dict[str, Any], seed: int) -> dict[str, Any]:
    """Figures with intervals by visit of each model, and how the network stands to the others."""
    truth = data.intents[:, NAMES.index(INTENT)] > 0.5
    starts = np.flatnonzero(np.diff(data.visit, prepend=-1))
    lengths = np.bincount(data.visit)
    place = np.arange(len(data.visit)) - starts[data.visit] + 1
    still_open = found["done"] & (place < lengths[data.visit])
    out: dict[str, Any] = {"n": int(found["done"][starts].sum()), "after": {}}
    names = [name for name in ("network", "trees", "twin") if found[name].any()]
    for k in AFTER_EVENTS:
        rows = still_open & (place == k)
        visit = np.arange(int(rows.sum()))
        figures = {
            name: measures.with_interval(measures.auroc, found[name][rows], truth[rows], visit,
                                         seed=seed)
            for name in names
        }  # fmt: skip
        out["after"][str(k)] = {"n": int(rows.sum()), **figures}
    for name, measure in (("ece", measures.ece), ("brier", measures.brier),
                          ("auprc", measures.auprc), ("auroc", measures.auroc)):  # fmt: skip
        rows = found["done"]
        out[name] = {
            each: measures.with_interval(measure, found[each][rows], truth[rows],
                                         data.visit[rows], seed=seed)
            for each in names
        }  # fmt: skip
    out["concepts"] = _concepts(data, found, still_open, seed)
    out["lead"] = leads.report(data, found["churn"], found["done"], seed)
    out["completeness"] = _completeness(out, names)
    out["weights"] = found["weights"]
    return out


def _concepts(data: Data, found: dict[str, Any], rows: Any, seed: int) -> dict[str, Any]:
    """Concepts whose label occurs in at least 1 % of rows; the others cannot be judged here."""
    out = {}
    for at, name in enumerate(CONCEPTS):
        truth = data.concepts[rows, at] > 0.5
        if RARE <= truth.mean() <= 1 - RARE:
            said = found["concepts"][rows, at]
            figure = measures.with_interval(measures.auroc, said, truth, data.visit[rows],
                                            seed=seed)  # fmt: skip
            out[name] = {"base_rate": round(float(truth.mean()), 4), **figure}
    return out


def _completeness(out: dict[str, Any], names: Sequence[str]) -> dict[str, float] | None:
    """(AUROC - 0.5) of the network over that of its free twin, after each k."""
    if "twin" not in names:
        return None
    return {
        k: round((each["network"]["value"] - 0.5) / (each["twin"]["value"] - 0.5), 4)
        for k, each in out["after"].items()
    }


def main() -> int:
    """Train, score and print the report as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=FOLDS)
    parser.add_argument("--epochs", type=int, default=Settings().epochs)
    parser.add_argument("--visits", type=int, default=0, help="only so many, 0 = all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--twin", action="store_true")
    args = parser.parse_args()
    data = read(args.rows)
    if args.visits:
        chosen = np.random.default_rng(args.seed).permutation(int(data.visit.max()) + 1)
        data = data.of(chosen < args.visits)
    found = scored(data, Settings(epochs=args.epochs), args.seed, args.folds, args.twin)
    print(json.dumps(report(data, found, args.seed)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
