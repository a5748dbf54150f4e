"""A recurrent network as a shop would serve it, written field by field (see tiny_onnx.py).

r, z = sigmoid(x Wi + h Wh),  n = tanh(x Wi' + r * (h Wh')),  h' = n + z * (h - n)
concepts = sigmoid(h' Wc)
"""

from __future__ import annotations

import struct
from random import Random

import numpy as np
from numpy.typing import NDArray

from tests.connectors.tiny_onnx import FLOAT, content, model, number, tensor

INT64 = 7
Floats = NDArray[np.float32]


def weights(features: int, hidden: int, concepts: int, seed: int) -> dict[str, Floats]:
    """Random ones, biases included, that are the same each time."""
    rng = Random(seed)

    def made(*shape: int) -> Floats:
        count = int(np.prod(shape))
        return np.array([rng.gauss(0, 0.3) for _ in range(count)], np.float32).reshape(shape)

    return {
        "wi": made(features, 3 * hidden),
        "bi": made(1, 3 * hidden),
        "wh": made(hidden, 3 * hidden),
        "bh": made(1, 3 * hidden),
        "wc": made(hidden, concepts),
        "bc": made(1, concepts),
    }


def gru(features: int, hidden: int, concepts: int, seed: int = 0) -> bytes:
    """The network as ONNX, its batch axis free."""
    steps = [
        ("Gemm", "features wi bi", "gi"),
        ("Gemm", "hidden wh bh", "gh"),
        ("Split", "gi cut", "girz gin"),
        ("Split", "gh cut", "ghrz ghn"),
        ("Add", "girz ghrz", "arz"),
        ("Sigmoid", "arz", "rz"),
        ("Split", "rz halves", "r z"),
        ("Mul", "r ghn", "rn"),
        ("Add", "gin rn", "an"),
        ("Tanh", "an", "n"),
        ("Sub", "hidden n", "d"),
        ("Mul", "z d", "zd"),
        ("Add", "n zd", "hidden_out"),
        ("Gemm", "hidden_out wc bc", "ac"),
        ("Sigmoid", "ac", "concepts"),
    ]
    graph = b"".join(content(1, _node(*step)) for step in steps) + content(2, "gru")
    for name, values in weights(features, hidden, concepts, seed).items():
        graph += content(5, tensor(name, values.shape, values.ravel().tolist()))
    graph += content(5, _ints("cut", [2 * hidden, hidden]))
    graph += content(5, _ints("halves", [hidden, hidden]))
    for field, name, columns in (
        (11, "features", features),
        (11, "hidden", hidden),
        (12, "concepts", concepts),
        (12, "hidden_out", hidden),
    ):
        graph += content(field, _free(name, columns))
    return model(graph)


def by_hand(made: dict[str, Floats], x: Floats, h: Floats) -> tuple[Floats, Floats]:
    """(concepts, hidden) of one step in double precision: what the network has to give."""
    size = h.shape[-1]
    w = {name: values.astype(np.float64) for name, values in made.items()}
    gi, gh = x @ w["wi"] + w["bi"], h @ w["wh"] + w["bh"]
    rz = 1 / (1 + np.exp(-(gi[..., : 2 * size] + gh[..., : 2 * size])))
    r, z = rz[..., :size], rz[..., size:]
    n = np.tanh(gi[..., 2 * size :] + r * gh[..., 2 * size :])
    after = n + z * (h - n)
    return 1 / (1 + np.exp(-(after @ w["wc"] + w["bc"]))), after


def _node(op: str, inputs: str, outputs: str) -> bytes:
    data = b"".join(content(1, each) for each in inputs.split())
    data += b"".join(content(2, each) for each in outputs.split()) + content(4, op)
    if op == "Split":
        # Attribute axis = 1, an integer (type 2).
        data += content(5, content(1, "axis") + number(3, 1) + number(20, 2))
    return data


def _ints(name: str, values: list[int]) -> bytes:
    raw = struct.pack(f"<{len(values)}q", *values)
    return number(1, len(values)) + number(2, INT64) + content(8, name) + content(9, raw)


def _free(name: str, columns: int) -> bytes:
    """An input or output [N, columns]."""
    dims = content(1, content(2, "N")) + content(1, number(1, columns))
    return content(1, name) + content(2, content(1, number(1, FLOAT) + content(2, dims)))
