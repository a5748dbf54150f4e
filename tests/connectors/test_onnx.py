"""A model is run only if it is whole, small and itself; its answers are integers."""

from __future__ import annotations

import struct
from hashlib import sha256
from typing import Any

import pytest

from connectors.onnx import MODEL_BYTES_MAX, ModelRefused, NotANumber, OnnxScorer, quantised
from connectors.onnx_check import ExternalData, refuse_external_data
from schemas.model import Head, Model
from tests.connectors.tiny_onnx import content, linear, number

WEIGHTS = [[0.5, 0.25], [0.25, 0.5]]


def record(onnx: bytes, **fields: Any) -> Model:
    """A model record around these bytes, with some fields replaced."""
    known: dict[str, Any] = {
        "version": 7,
        "onnx": onnx,
        "sha256": sha256(onnx).hexdigest(),
        "features": ("a", "b"),
        "concepts": ("x", "y"),
        "heads": (Head("intent", 0, (1, 1)),),
    }
    return Model(**{**known, **fields})


def test_concepts_come_back_in_ppm():
    """concepts = features x weights, in millionths."""
    scorer = OnnxScorer.from_model(record(linear(WEIGHTS)))
    assert scorer.step([1.0, 0.0], b"") == ([500_000, 250_000], b"")
    assert scorer.step([1.0, 1.0], b"") == ([750_000, 750_000], b"")


def test_the_hidden_state_is_carried_as_bytes():
    """Nothing means zeros; each step hands on float32 bytes."""
    scorer = OnnxScorer.from_model(record(linear(WEIGHTS, hidden=3), hidden_size=3))
    _, first = scorer.step([0.0, 0.0], b"")
    _, second = scorer.step([0.0, 0.0], first)
    assert struct.unpack("<3f", first) == (1.0, 1.0, 1.0)
    assert struct.unpack("<3f", second) == (2.0, 2.0, 2.0)


@pytest.mark.parametrize(
    ("value", "ppm"),
    [(0.0, 0), (1.0, 1_000_000), (0.5, 500_000), (-0.1, 0), (1.1, 1_000_000),
     (0.0000005, 0), (0.0000015, 2), (0.0000025, 2)],
)  # fmt: skip
def test_quantising_rounds_half_to_even_and_stays_in_range(value, ppm):
    """The last bit of a float decides nothing."""
    assert quantised([value, 0.5]) == [ppm, 500_000]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_a_number_is_refused(value):
    """NaN would compare false with every threshold."""
    with pytest.raises(NotANumber):
        quantised([0.5, value])
    with pytest.raises(ModelRefused, match="finite"):
        OnnxScorer.from_model(record(linear([[float("nan")] * 2] * 2)))


LINEAR = linear(WEIGHTS)
ELSEWHERE = content(13, content(1, "location") + content(2, "secrets.bin")) + number(14, 1)
REFUSED = {
    "SHA-256": record(LINEAR, sha256="0" * 64),
    "bytes of ONNX": record(b""),
    f"outside 1..{MODEL_BYTES_MAX}": record(LINEAR + bytes(MODEL_BYTES_MAX)),
    "another file": record(linear(WEIGHTS, extra=ELSEWHERE)),
    "no ONNX model": record(b"\x07garbage"),
    "cut off": record(LINEAR[:-40]),
    "does not run": record(content(7, b"")),
    "one weight for each": record(LINEAR, heads=(Head("intent", 0, (1,)),)),
    "hidden_size": record(LINEAR, hidden_size=4096),
    "instead of": record(LINEAR, hidden_size=2),
    "features": record(LINEAR, features=()),
    "concepts instead of": record(LINEAR, concepts=("x",), heads=()),
}


@pytest.mark.parametrize("cause", REFUSED)
def test_a_model_that_is_not_right_is_refused_by_name(cause):
    """The message names site, version and cause; nothing of the model runs before."""
    with pytest.raises(ModelRefused, match=f"model default version 7.*{cause}"):
        OnnxScorer.from_model(REFUSED[cause])


def test_external_data_is_found_wherever_a_tensor_can_be():
    """In an attribute of a node, in its inner graph, in a function, in a sparse tensor."""
    inside = content(5, ELSEWHERE)
    node = content(1, content(5, inside))
    for hidden in (
        content(7, content(5, ELSEWHERE)),
        content(7, node),
        content(7, content(1, content(5, content(6, content(5, ELSEWHERE))))),
        content(25, content(7, content(5, inside))),
        content(7, content(15, content(1, ELSEWHERE))),
    ):
        with pytest.raises(ExternalData, match="another file"):
            refuse_external_data(hidden)
    assert refuse_external_data(LINEAR) is None
