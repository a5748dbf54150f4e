"""Proof `model`: company in a batch changes no answer of the network; what a step costs."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime

from benchmarks.core import network_row
from benchmarks.proof import Proof, Result, Step
from benchmarks.workloads import context, mix
from connectors.onnx import OnnxScorer, quantised
from infra.local.stack import Stack
from infra.model import load
from models.user import step
from schemas.model import Model
from schemas.profile import Profile

STEPS = 100_000
KEYS = 5_000
SEED = 1
BATCH_MAX = 64
P50_US_MAX, P99_US_MAX = 25.0, 150.0
NOTES = (
    "Each step's input and hidden state are taken from visitors of the benchmark's mix, as the "
    "operator gives them to the network, one at a time. Then the same rows are computed in batches "
    "of 1 to 64 at random, in another session. A flip is a row with another concept in ppm, or "
    "another bit of the next state. CPU times of a step are of one process on this machine."
)


class _Recording:
    """The real scorer; keeps what goes in and what comes out."""

    def __init__(self, model: Model, rows: list[Any]) -> None:
        self._scorer, self._rows = OnnxScorer.from_model(model), rows

    def step(self, features: list[float], hidden: bytes) -> tuple[list[int], bytes]:
        """As the scorer beneath."""
        concepts, after = self._scorer.step(features, hidden)
        self._rows.append((features, hidden, concepts, after))
        return concepts, after


def _recorded() -> list[Any]:
    rows: list[Any] = []
    ctx = context(make_scorer=lambda model: _Recording(model, rows))
    profiles: dict[str, Profile | None] = {}
    for event in mix(2 * STEPS, KEYS, SEED):
        key = event.user_key
        profiles[key], _, _ = step(profiles.get(key), event, key, ctx)
        if len(rows) >= STEPS:
            break
    return rows[:STEPS]


def _batches(stack: Stack) -> Result:
    model, rows, rng = load(), _recorded(), random.Random(SEED)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    run = onnxruntime.InferenceSession(model.onnx, options, providers=["CPUExecutionProvider"])
    names = ["concepts", "hidden_out"] if model.hidden_size else ["concepts"]
    flips = at = 0
    while at < len(rows):
        part = rows[at : at + rng.randint(1, BATCH_MAX)]
        at += len(part)
        given = {"features": np.array([row[0] for row in part], np.float32)}
        if model.hidden_size:
            nothing = bytes(4 * model.hidden_size)
            before = b"".join(row[1] or nothing for row in part)
            given["hidden"] = np.frombuffer(before, np.float32).reshape(len(part), -1)
        found = run.run(names, given)
        for number, (_, _, concepts, after) in enumerate(part):
            same = quantised(found[0][number].tolist()) == concepts
            flips += not (same and (not after or found[1][number].tobytes() == after))
    return {"model": model.name, "hidden_size": model.hidden_size, "rows": at, "flips": flips}


def _check_batches(result: Result) -> list[str]:
    wrong = [f"{result['flips']} rows differ in company"] if result["flips"] else []
    return wrong if result["rows"] == STEPS else [*wrong, f"{result['rows']} rows, not {STEPS}"]


def _cost(stack: Stack) -> Result:
    row = network_row()
    return {"name": row.name, "p50_us": row.p50, "p99_us": row.p99, "machine": row.machine}


def _check_cost(result: Result) -> list[str]:
    limits = {"p50_us": P50_US_MAX, "p99_us": P99_US_MAX}
    return [f"{name} is {result[name]}, promised {top}" for name, top in limits.items()
            if result[name] > top]  # fmt: skip


def _table(results: Mapping[str, Result]) -> list[str]:
    lines = ["| step | figure | value |", "| --- | --- | --- |"]
    for name, result in results.items():
        lines += [f"| {name} | {figure} | {value} |" for figure, value in result.items()]
    return lines


PROOF = Proof(
    name="model",
    help="a batch changes no answer in 100,000; what a step of the network costs",
    seed=SEED,
    steps=(Step("batches", _batches, _check_batches), Step("cost", _cost, _check_cost)),
    notes=NOTES,
    table=_table,
    services=(),
)
