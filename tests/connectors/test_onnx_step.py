"""A step is a function of its inputs: alone or in company, once or again, to the last bit."""

from __future__ import annotations

from random import Random

import numpy as np
import onnxruntime
import pytest

from connectors.onnx import OnnxScorer, quantised
from infra.model import load
from models.features import FEATURES
from tests.connectors.tiny_gru import by_hand, gru, weights

F, H, C = len(FEATURES), 32, 8
GRU = gru(F, H, C)
SIZES = (1, 2, 3, 7, 8, 16, 31, 32, 33, 64)


def vectors(count: int, seed: int) -> np.ndarray:
    """Inputs as wild as features get: flags, small counts, logs of seconds."""
    rng = Random(seed)
    kinds = (lambda: 0.0, lambda: 1.0, lambda: float(rng.randrange(11)), lambda: rng.random() * 14)
    rows = [[rng.choice(kinds)() for _ in range(F)] for _ in range(count)]
    return np.array(rows, np.float32)


def session(data: bytes) -> onnxruntime.InferenceSession:
    """As the scorer's, but for any number of rows at once."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def test_fifty_steps_are_those_of_the_equations() -> None:
    """Within 1e-5 of double precision, state and concepts."""
    scorer, made = OnnxScorer(GRU, F, C, H), weights(F, H, C, 0)
    hidden, exact = b"", np.zeros(H)
    for row in vectors(50, 1):
        concepts, hidden = scorer.step(row.tolist(), hidden)
        said, exact = by_hand(made, row.astype(np.float64), exact)
        assert np.abs(np.frombuffer(hidden, np.float32) - exact).max() <= 1e-5
        assert np.abs(np.array(concepts) - said.ravel() * 1e6).max() <= 10
        exact = exact.reshape(H)


@pytest.mark.parametrize("recurrent", [True, False], ids=["gru", "shipped"])
def test_company_in_a_batch_changes_nothing(recurrent: bool) -> None:
    """Concepts in ppm and every bit of the state are those of the row alone."""
    shipped = load()
    size = H if recurrent else shipped.hidden_size
    data = GRU if recurrent else shipped.onnx
    columns = F if recurrent else len(shipped.features)
    run, rows = session(data), vectors(64, 2)[:, :columns]
    if rows.shape[1] < columns:
        rows = np.pad(rows, ((0, 0), (0, columns - rows.shape[1])))
    names = ["concepts", "hidden_out"] if size else ["concepts"]
    before = np.tanh(vectors(64, 3)[:, :size]) if size else None

    def fed(part: slice) -> dict[str, np.ndarray]:
        given = {"features": rows[part]}
        return {**given, "hidden": before[part]} if before is not None else given

    alone = [run.run(names, fed(slice(at, at + 1))) for at in range(64)]
    for count in SIZES:
        together = run.run(names, fed(slice(0, count)))
        for at in range(count):
            assert quantised(together[0][at].tolist()) == quantised(alone[at][0][0].tolist())
            if size:
                assert together[1][at].tobytes() == alone[at][1][0].tobytes()


def test_two_scorers_of_one_model_never_part() -> None:
    """A restart makes the session anew: the same state bytes after each of 200 steps."""
    one, two = OnnxScorer(GRU, F, C, H), OnnxScorer(GRU, F, C, H)
    left = right = b""
    for row in vectors(200, 4).tolist():
        (said, left), (again, right) = one.step(row, left), two.step(row, right)
        assert (said, left) == (again, right)


def test_a_state_of_another_size_is_refused() -> None:
    """It would be another model's."""
    with pytest.raises(ValueError):
        OnnxScorer(GRU, F, C, H).step([0.0] * F, bytes(64))
