"""How a model does on recorded real visitors: prefixes of sessions, never their end.

Evaluation only: nothing here is trained or tuned on the data. After k events only sessions with
more than k events count, since a finished session gives itself away by its length.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from connectors.datasets import DatasetMissing, Visit, load
from connectors.onnx import OnnxScorer
from infra.training import measures
from infra.training.labels import CONCEPTS, labels
from infra.training.visits import Profiler
from models.intent import MILLION, scores_ppm
from schemas.model import Model

DATASET = "clickstream-dmm"
AFTER_EVENTS = (3, 5, 8, 12)
AT_S = (8, 15, 30, 60)
INTENT = "purchase_intent"
LABELLED = (
    "drop_off stickiness checkout_readiness hesitation deliberation exploration category_focus"
).split()
"""Concepts whose labels this data can give; the others need events it does not have."""

_SUMMARIES: dict[str, measures.Measure] = {
    "auprc": measures.auprc,
    "log_loss": measures.log_loss,
    "brier": measures.brier,
    "ece": measures.ece,
}


@dataclass(frozen=True, slots=True)
class Session:
    """One recorded session as scored: per event its time, its score and concepts in [0, 1]."""

    bought: bool
    times_ms: tuple[int, ...]
    scores: tuple[float, ...]
    concepts: tuple[tuple[float, ...], ...]
    labels: tuple[tuple[bool, ...], ...]


def evaluate(
    model: Model, path: Path, *, sessions: int, seed: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    """The report, keys as the public interface names them. Raises DatasetMissing."""
    found = []
    bought = purchases(path)
    recorded = load(DATASET, path, sessions=sessions, seed=seed)
    for number, session in enumerate(scored(model, recorded, bought), 1):
        found.append(session)
        if number % 4000 == 0:
            tell(f"{number} of {len(recorded)} sessions scored")
    return report(model, found, seed)


def purchases(path: Path) -> dict[str, bool]:
    """Session id as the adapter names it -> whether the session bought."""
    file = (path if path.is_dir() else path.parent) / "clickstream_dmm_sessions.parquet"
    if not file.is_file():
        raise DatasetMissing(f"{file} is not there; it holds the purchase labels")
    from pyarrow import parquet

    table = parquet.read_table(file, columns=["session_id", "purchase"]).to_pydict()
    return {
        f"s-{sha256(name.encode()).hexdigest()[:16]}": bool(purchase)
        for name, purchase in zip(table["session_id"], table["purchase"], strict=True)
    }


def scored(
    model: Model, recorded: Sequence[Visit], bought: Mapping[str, bool]
) -> Iterator[Session]:
    """Each session through the job's own step, the network and the head."""
    profiler, scorer = Profiler(features=model.features), OnnxScorer.from_model(model)
    head = [head.name for head in model.heads].index(INTENT)
    for visit in recorded:
        hidden = b""
        events, scores, concepts = [], [], []
        for event, row, begins in profiler.recorded(visit):
            said, hidden = scorer.step(row, b"" if begins else hidden)
            events.append(event)
            scores.append(scores_ppm(model.heads, said)[head] / MILLION)
            concepts.append(tuple(value / MILLION for value in said))
        yield Session(
            bought[visit.session_id],
            tuple(each.at_ms for each in visit.events),
            tuple(scores),
            tuple(concepts),
            tuple(labels(events, {}, bought=bought[visit.session_id])),
        )


def report(model: Model, sessions: Sequence[Session], seed: int) -> dict[str, Any]:
    """All figures, each with the 95 % interval of a bootstrap over sessions."""
    out: dict[str, Any] = {
        "n": len(sessions),
        "base_rate": round(sum(each.bought for each in sessions) / max(len(sessions), 1), 4),
        "model": {"name": model.name, "sha256": model.sha256},
        "evaluation_only": True,
    }
    after = {str(k): [(s, s.scores[k - 1]) for s in sessions if len(s.scores) > k]
             for k in AFTER_EVENTS}  # fmt: skip
    at = {str(s): _at(sessions, s * 1000) for s in AT_S}
    for key, picked in (("auroc", after), ("auroc_at_s", at)):
        figures = {name: _figure(measures.auroc, rows, seed) for name, rows in picked.items()}
        out[key] = {name: figure["value"] for name, figure in figures.items()}
        out[f"{key}_ci"] = {name: figure["ci"] for name, figure in figures.items()}
    out["n_after"] = {name: len(rows) for name, rows in after.items()}
    every = [(s, score) for s in sessions for score in s.scores]
    for name, measure in _SUMMARIES.items():
        figure = _figure(measure, every, seed)
        out[name], out[f"{name}_ci"] = figure["value"], figure["ci"]
    out["concepts"] = {name: _concept(model, sessions, name, seed) for name in model.concepts}
    # A twin without the bottleneck is trained beside a model and not on what it is judged by.
    held = json.loads(model.card or "{}").get("bottleneck", {})
    out |= {name: held.get(name) for name in ("completeness", "completeness_ci")}
    return out


def _at(sessions: Sequence[Session], at_ms: int) -> list[tuple[Session, float]]:
    """The newest score at a time since landing, of sessions that go on after it."""
    out = []
    for session in sessions:
        seen = sum(time_ms <= at_ms for time_ms in session.times_ms)
        if seen < len(session.times_ms):
            out.append((session, session.scores[seen - 1]))
    return out


def _figure(
    measure: measures.Measure, rows: Sequence[tuple[Session, float]], seed: int
) -> dict[str, Any]:
    if not rows:
        return {"value": None, "ci": None}
    numbers: dict[int, int] = {}
    visit = np.array([numbers.setdefault(id(session), len(numbers)) for session, _ in rows])
    scores = np.array([score for _, score in rows])
    truth = np.array([session.bought for session, _ in rows])
    return measures.with_interval(measure, scores, truth, visit, seed=seed)


def _concept(model: Model, sessions: Sequence[Session], name: str, seed: int) -> dict[str, Any]:
    if name not in LABELLED:
        return {"auroc": None, "auroc_ci": None, "validated_on": None}
    at, label_at = model.concepts.index(name), list(CONCEPTS).index(name)
    rows = [
        (number, said[at], label[label_at])
        for number, session in enumerate(sessions)
        for said, label in zip(session.concepts[:-1], session.labels[:-1], strict=True)
    ]
    visit, said, truth = (np.array(column) for column in zip(*rows, strict=True))
    figure = measures.with_interval(measures.auroc, said, truth, visit, seed=seed)
    return {"auroc": figure["value"], "auroc_ci": figure["ci"], "validated_on": DATASET}
