"""The report of a comparison: figures with intervals by visit of each model, and what they cost.

After k events, and at so many seconds from landing, only visits that are still open count: a
finished one gives itself away by its length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infra.training import leads, measures
from infra.training.bottleneck import completeness
from infra.training.data import Data
from infra.training.labels import CONCEPTS, INTENTS

AFTER_EVENTS = (3, 5, 8, 12)
AT_S = (8, 15, 30, 60)
MODELS = ("network", "trees", "twin")
INTENT = "purchase_intent"
RARE = 0.01
AT_EACH = ("auprc", "log_loss")
SUMMARIES: dict[str, measures.Measure] = {
    "auroc": measures.auroc,
    "auprc": measures.auprc,
    "log_loss": measures.log_loss,
    "brier": measures.brier,
    "ece": measures.ece,
}
Bools = NDArray[np.bool_]


def report(data: Data, found: dict[str, Any], seed: int) -> dict[str, Any]:
    """Of out-of-fold scores as infra/training/folds.py makes them."""
    truth = data.intents[:, list(INTENTS).index(INTENT)] > 0.5
    done, names = found["done"], [name for name in MODELS if name in found]
    place, still_open, starts = _places(data)
    still_open &= done

    def figures(measure: measures.Measure, rows: Bools) -> dict[str, Any]:
        return {
            name: measures.with_interval(
                measure, found[name][rows], truth[rows], data.visit[rows], seed=seed
            )
            for name in names
        }

    def ranked(rows: Bools) -> dict[str, Any]:
        return {"n": int(rows.sum()), **figures(measures.auroc, rows),
                **{each: figures(SUMMARIES[each], rows) for each in AT_EACH}}  # fmt: skip

    out: dict[str, Any] = {
        "n": int(done[starts].sum()),
        "after": {str(k): ranked(still_open & (place == k)) for k in AFTER_EVENTS},
        "at_s": {str(s): ranked(still_open & _newest_at(data, s)) for s in AT_S},
        **{name: figures(measure, done) for name, measure in SUMMARIES.items()},
        "reliability": {each: measures.reliability(found[each][done], truth[done])
                        for each in names},
        "concepts": _concepts(data, found, still_open, done, seed),
        "lead": leads.report(data, found["churn"], done, seed),
        "weights": found["weights"],
        "interventions": list(_corrections(found["curves"])),
    }  # fmt: skip
    return {**out, **_against_twin(out, found, truth)} if "twin" in names else out


def _against_twin(out: dict[str, Any], found: dict[str, Any], truth: Bools) -> dict[str, Any]:
    done = found["done"]
    ones = np.ones(int(done.sum()))
    return {
        "completeness": {
            **{k: _left(each) for k, each in out["after"].items()}, "all": _left(out["auroc"])
        },
        "leakage": {
            name: round(measures.auroc(found[key][done], truth[done], ones), 4)
            for name, key in (("head", "network"), ("predicted", "predicted"), ("true", "true"))
        },
    }  # fmt: skip


def _left(of_models: dict[str, Any]) -> float:
    return completeness(of_models["network"]["value"], of_models["twin"]["value"])


def _places(data: Data) -> tuple[NDArray[np.int64], Bools, NDArray[np.int64]]:
    """Number of each event in its visit from 1; whether the visit goes on; where visits start."""
    starts = np.flatnonzero(np.diff(data.visit, prepend=-1))
    lengths = np.bincount(data.visit)
    place = np.arange(len(data.visit)) - starts[data.visit] + 1
    return place, place < lengths[data.visit], starts


def _newest_at(data: Data, at_s: int) -> Bools:
    """The newest row of each visit at a time since landing."""
    early: Bools = data.age_s <= at_s
    newest = early.copy()
    newest[:-1] &= ~(early[1:] & (data.visit[1:] == data.visit[:-1]))
    return newest


def _concepts(
    data: Data, found: dict[str, Any], rows: Bools, done: Bools, seed: int
) -> dict[str, Any]:
    """Concepts whose label occurs in at least 1 % of rows; the others cannot be judged here."""
    out = {}
    for at, name in enumerate(CONCEPTS):
        truth = data.concepts[rows, at] > 0.5
        if RARE <= truth.mean() <= 1 - RARE:
            said = found["concepts"][rows, at]
            figure = measures.with_interval(measures.auroc, said, truth, data.visit[rows],
                                            seed=seed)  # fmt: skip
            # A label such as drop_off is likelier where the visit may have ended: all rows count.
            true, of = data.concepts[done, at] > 0.5, found["concepts"][done, at]
            ece = measures.ece(of, true, np.ones(len(of)))
            out[name] = {"base_rate": round(float(truth.mean()), 4), **figure,
                         "ece": round(ece, 4)}  # fmt: skip
    return out


def _corrections(curves: Sequence[Any]) -> Iterator[tuple[list[str], float]]:
    """After each number of corrections: what each fold corrected then, and the mean AUROC."""
    for step in zip(*curves, strict=False):
        names = [list(CONCEPTS)[at] if at >= 0 else "" for at, _ in step]
        yield sorted(set(names)), round(float(np.mean([value for _, value in step])), 4)
