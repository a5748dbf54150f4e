"""The card of a model: its data, how well it does on visitors it never saw, its limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infra.training import measures
from infra.training.data import Data
from infra.training.heads import scores
from infra.training.labels import CONCEPTS, HORIZON_MS, PAGES_AHEAD
from models.features import FEATURES
from models.intent import MILLION
from schemas.model import Head

PERCENTILES = (5, 50, 90, 95)
LIMITS = (
    "A shop that sends fewer event types than the training visits gets weaker scores.",
    "Trained without shown actions: impressions and dismissals do not move the scores.",
    "Prices are compared within a category, so without a products snapshot price signals are flat.",
)
ON_SIMULATED = (
    "Trained on simulated visitors only: nothing here says how well it does on real traffic; "
    "`kairos model eval` does.",
)


def features_sha256(features: Sequence[str] = FEATURES) -> str:
    """Names and order of the inputs as one hash."""
    return sha256("\n".join(features).encode()).hexdigest()


def write(
    *,
    told: Mapping[str, Any],
    seed: int,
    parts: Mapping[str, Data],
    concepts: NDArray[np.int64],
    heads: Sequence[Head],
) -> dict[str, Any]:
    """The card as one JSON object; figures are for the held-out visits named `test`.

    `told` says what only the caller knows: name, data, period, licence, where labels are from.
    """
    truth = parts["test"]
    return {
        **told,
        "seed": seed,
        "visitors": {name: int(each.visit.max()) + 1 for name, each in parts.items()},
        "rows": {name: len(each.visit) for name, each in parts.items()},
        "labels": f"from the future of the log: {PAGES_AHEAD} page events or {HORIZON_MS // 60_000}"
        " minutes ahead; rules in infra/training/labels.py",
        "held_out": {
            "concepts": _of_concepts(concepts, truth, seed, str(told["validated_on"])),
            "intents": _of_heads(heads, concepts, truth, seed),
        },
        "concept_percentiles_ppm": _percentiles(CONCEPTS, concepts),
        "score_percentiles_ppm": _percentiles(
            [head.name for head in heads], scores(heads, concepts)
        ),
        "features_sha256": features_sha256(),
        "determinism": "the same seed, versions and machine give the same bytes; another CPU may "
        "round differently",
        "limits": [*(ON_SIMULATED if told["simulated"] else ()), *LIMITS],
    }


def _of_concepts(
    concepts: NDArray[np.int64], truth: Data, seed: int, validated_on: str
) -> dict[str, Any]:
    """A concept whose label never occurs is known by its rule only."""
    out = {}
    for at, name in enumerate(CONCEPTS):
        said = _figures(concepts[:, at] / MILLION, truth.concepts[:, at], truth.visit, seed)
        real = said["auroc"]["value"] is not None
        out[name] = {**said, "validated_on": validated_on if real else "rule"}
    return out


def _of_heads(
    heads: Sequence[Head], concepts: NDArray[np.int64], truth: Data, seed: int
) -> dict[str, Any]:
    said = scores(heads, concepts)
    return {
        head.name: _figures(said[:, at] / MILLION, truth.intents[:, at], truth.visit, seed)
        for at, head in enumerate(heads)
    }


def _figures(
    score: NDArray[np.float64], truth: NDArray[np.float32], visit: NDArray[np.int64], seed: int
) -> dict[str, Any]:
    said = truth > 0.5
    return {
        "base_rate": round(float(said.mean()), 4),
        "auroc": measures.with_interval(measures.auroc, score, said, visit, seed=seed),
        "ece": round(measures.ece(score, said, np.ones(len(score))), 4),
    }


def _percentiles(names: Iterable[str], values: NDArray[np.int64]) -> dict[str, dict[str, int]]:
    """What production is compared with later (models/drift.py)."""
    return {
        name: {f"p{p}": int(np.percentile(values[:, at], p)) for p in PERCENTILES}
        for at, name in enumerate(names)
    }
