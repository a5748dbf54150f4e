"""The card of a model: its data, how well it does on visitors it never saw, its limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infra.training import measures
from infra.training.heads import scores
from infra.training.labels import CONCEPTS, HORIZON_MS, INTENTS, PAGES_AHEAD
from infra.training.network import Data
from models.features import FEATURES
from models.intent import MILLION, scores_ppm
from schemas.model import Head

PERCENTILES = (5, 50, 90, 95)
LIMITS = (
    "Trained on simulated visitors only: nothing here says how well it does on real traffic; "
    "`kairos model eval` does. On recorded sessions with anonymous page types and no products "
    "its purchase_intent is little better than chance.",
    "The demo shop's event mix; a shop that sends fewer event types gets weaker scores.",
    "Trained without shown actions: impressions and dismissals do not move the scores.",
    "Prices are compared within a category, so without a products snapshot price signals are flat.",
)


def features_sha256(features: Sequence[str] = FEATURES) -> str:
    """Names and order of the inputs as one hash."""
    return sha256("\n".join(features).encode()).hexdigest()


def write(
    *,
    seed: int,
    crowds: Mapping[str, int],
    rows: Mapping[str, int],
    concepts: NDArray[np.int64],
    truth: Data,
    heads: Sequence[Head],
) -> dict[str, Any]:
    """The card as one JSON object; figures are for the held-out crowd named `test`."""
    return {
        "data": "simulated persona visitors (infra/demo/personas.py), shown no action",
        "simulated": True,
        "seed": seed,
        "visitors": dict(crowds),
        "rows": dict(rows),
        "period": "seven simulated days from 2025-10-09, 15 % of the visitors return a day later",
        "licence": "Apache-2.0",
        "labels": f"from the future of the log: {PAGES_AHEAD} page events or {HORIZON_MS // 60_000}"
        " minutes ahead; rules in infra/training/labels.py",
        "held_out": {
            "concepts": _of_concepts(concepts, truth, seed),
            "intents": _of_heads(heads, concepts, truth, seed),
        },
        "concept_percentiles_ppm": _percentiles(CONCEPTS, concepts),
        "score_percentiles_ppm": _percentiles(
            [head.name for head in heads], _scored(heads, concepts)
        ),
        "features_sha256": features_sha256(),
        "determinism": "the same seed, versions and machine give the same bytes; another CPU may "
        "round differently",
        "limits": list(LIMITS),
    }


def _of_concepts(concepts: NDArray[np.int64], truth: Data, seed: int) -> dict[str, Any]:
    return {
        name: _figures(concepts[:, at] / MILLION, truth.concepts[:, at], truth.visit, seed)
        for at, name in enumerate(CONCEPTS)
    }


def _of_heads(
    heads: Sequence[Head], concepts: NDArray[np.int64], truth: Data, seed: int
) -> dict[str, Any]:
    names = list(INTENTS)
    return {
        head.name: _figures(
            scores(head, concepts) / MILLION,
            truth.intents[:, names.index(head.name)],
            truth.visit,
            seed,
        )
        for head in heads
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


def _scored(heads: Sequence[Head], concepts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.array([scores_ppm(heads, row) for row in concepts.tolist()], np.int64)


def _percentiles(names: Iterable[str], values: NDArray[np.int64]) -> dict[str, dict[str, int]]:
    """What production is compared with later (models/drift.py)."""
    return {
        name: {f"p{p}": int(np.percentile(values[:, at], p)) for p in PERCENTILES}
        for at, name in enumerate(names)
    }
