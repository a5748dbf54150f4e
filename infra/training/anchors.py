"""Anchors: tables of which others published figures, scored by the trees and measures used here.

python -m infra.training.anchors --table FILE: ten folds by row. Where a known figure does not come
out, the evaluation is wrong, not the data.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from infra.training import measures
from infra.training.data import Floats
from infra.training.trees import PARAMETERS

FOLDS = 10
ROUNDS = 100
LEAST = 20
"""Rows in a leaf: these tables have thousands of rows, not hundreds of thousands."""


def figures(inputs: Floats, truth: Floats, seed: int) -> dict[str, Any]:
    """Out-of-fold figures of boosted trees over rows [n, f] with labels of 0 and 1."""
    fold = np.random.default_rng(seed).permutation(len(truth)) % FOLDS
    said = np.zeros(len(truth))
    for number in range(FOLDS):
        fitted = lightgbm.Dataset(inputs[fold != number], truth[fold != number])
        settings = {**PARAMETERS, "seed": seed, "min_data_in_leaf": LEAST}
        grown = lightgbm.train(settings, fitted, ROUNDS)
        said[fold == number] = np.asarray(grown.predict(inputs[fold == number]))
    true, row = truth > 0.5, np.arange(len(truth))
    return {
        "n": len(truth),
        "base_rate": round(float(true.mean()), 4),
        **{name: measures.with_interval(measure, said, true, row, seed=seed)
           for name, measure in (("auroc", measures.auroc), ("auprc", measures.auprc),
                                 ("brier", measures.brier))},
    }  # fmt: skip


def main() -> int:
    """Score and print the figures as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with np.load(args.table) as held:
        print(json.dumps(figures(held["inputs"], held["truth"], args.seed)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
