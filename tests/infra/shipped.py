"""The shipped model, scripted sessions through the job's own step, and visitors it never saw."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.onnx import OnnxScorer
from infra.demo.goods import STAND_IN
from infra.model import load
from infra.training.labels import CONCEPTS, labels, medians
from infra.training.visits import START_MS, Profiler, logged, visits
from models.intent import scores_ppm
from schemas.model import Model
from schemas.profile import Profile

USER = "demo:v:" + "0" * 32
FRESH_SEED = "fresh"
RAGE = "rage_click"


@cache
def model() -> Model:
    """The committed model."""
    return load()


@cache
def card() -> dict[str, Any]:
    """Its card."""
    out: dict[str, Any] = json.loads(model().card)
    return out


def page(kind: str, path: str) -> dict[str, Any]:
    """A page as an SDK names it."""
    return {"page": {"url": f"https://demo.shop.example{path}", "path": path, "type": kind}}


def product(n: int) -> dict[str, Any]:
    """A product page of the stand-in catalogue."""
    item = STAND_IN[n]
    fields = {"id": item.id, "name": item.name, "category": item.category, "price": item.price}
    return {**page("product", item.url), "product": fields}


def concepts_after(script: list[tuple[int, str, dict[str, Any]]]) -> dict[str, int]:
    """Concepts in ppm after a script of (gap in ms, type, fields), through the job's own step."""
    profiler = Profiler(STAND_IN, model().features)
    scorer = OnnxScorer.from_model(model())
    profile: Profile | None = None
    hidden = b""
    ts_ms, concepts = START_MS, [0] * len(CONCEPTS)
    for index, (gap_ms, kind, fields) in enumerate(script):
        ts_ms += gap_ms
        wire = {"event_id": f"e{index}", "session_index": index, "type": kind, "ts": ts_ms}
        profile, row = profiler.fold(profile, logged(wire | fields, USER, "s1", "t1", ts_ms + 20))
        assert row is not None
        concepts, hidden = scorer.step(row, hidden)
    return dict(zip(model().concepts, concepts, strict=True))


def percentile(concept: str, which: str) -> int:
    """A percentile of the concept over held-out simulated visitors."""
    return int(card()["concept_percentiles_ppm"][concept][which])


CALM = [
    (0, "session_start", {}),
    (200, "page_view", page("home", "/")),
    (9000, "page_view", page("category", "/c/kitchen")),
    (12_000, "page_view", page("product", STAND_IN[7].url)),
    (5, "product_view", product(7)),
    (8000, "scroll", {**page("product", STAND_IN[7].url), "vectors": {"scroll_depth": 0.5}}),
]
RAGING = [
    *CALM,
    *(
        (gap_ms, kind, page("product", STAND_IN[7].url))
        for gap_ms, kind in [(900, "click"), (150, "click"), (140, "click"), (10, RAGE)] * 2
    ),
]
BUYING = [
    (0, "session_start", {}),
    (200, "page_view", page("product", STAND_IN[7].url)),
    (5, "product_view", product(7)),
    (6000, "add_to_cart", {**product(7), "value": "14.50"}),
    (3000, "page_view", page("cart", "/cart")),
    (5, "cart_view", page("cart", "/cart")),
]
LEAVING = [
    (0, "session_start", {}),
    (300, "page_view", page("home", "/")),
    (9000, "exit_intent", page("home", "/")),
]


def reading(n: int) -> list[tuple[int, str, dict[str, Any]]]:
    """A product page read slowly to its end."""
    here = page("product", STAND_IN[n].url)
    return [
        (20_000, "page_view", here),
        (5, "product_view", product(n)),
        (6000, "scroll", {**here, "vectors": {"scroll_depth": 0.5}}),
        (9000, "scroll", {**here, "vectors": {"scroll_depth": 0.9}}),
        (17_000, "pause", {**here, "vectors": {"active_duration_s": 30.0}}),
        (20_000, "page_leave", {**here, "vectors": {"active_duration_s": 36.0}}),
    ]


COMPARING = [(0, "session_start", {}), *(step for n in (6, 7, 8, 6, 7) for step in reading(n))]


@cache
def fresh() -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Concepts then scores in [0, 1], and their labels, of visitors nobody trained on."""
    scorer = OnnxScorer.from_model(model())
    of_category = medians([(item.category, item.price_micros) for item in STAND_IN])
    said, truth = [], []
    for visit in visits(250, FRESH_SEED, STAND_IN, model().features):
        truth.extend(labels(visit.events, of_category))
        hidden = b""
        for row in visit.rows:
            concepts, hidden = scorer.step(row, hidden)
            said.append([*concepts, *scores_ppm(model().heads, concepts)])
    return np.array(said) / 1e6, np.array(truth)
