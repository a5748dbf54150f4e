"""One step of the network as ONNX: `features` [N, f], `hidden` [N, h] -> `concepts`, `hidden_out`.

Scaling and clipping are inside, so that serving hands over what the feature function gives.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from infra.training.data import Data, Floats
from infra.training.network import CLIP, Network

OPSET = 17
SESSIONS, STEPS = 20, 50
PARTS_MAX = 1e-5
IR_VERSION = 8
_STEP = (
    "Sub features mean > centred",
    "Mul centred scale > scaled",
    "Clip scaled low high > x",
    "Gemm x w_in b_in > given",
    "Split given sizes > given_gates given_new",
    "Gemm hidden w_gates given_gates > gates_in",
    "Sigmoid gates_in > both",
    "Split both > reset keep",
    "Gemm hidden w_new b_new > kept_new",
    "Mul reset kept_new > new_kept",
    "Add given_new new_kept > new_in",
    "Tanh new_in > new",
    "Sub hidden new > change",
    "Mul keep change > moved",
    "Add new moved > hidden_out",
    "Gemm hidden_out w_layer b_layer > layer_in",
    "Relu layer_in > layer",
    "Gemm layer w_concepts b_concepts > concepts_in",
    "Sigmoid concepts_in > concepts",
)
"""Operator, its inputs > its outputs."""


def to_onnx(network: Network) -> bytes:
    """Bytes of a checked model, float32, batch axis free; the same network gives the same bytes."""
    constants = _constants(network)
    nodes = []
    for line in _STEP:
        given, made = line.split(" > ")
        kind, *inputs = given.split()
        more = {"axis": 1} if kind == "Split" else {}
        nodes.append(helper.make_node(kind, inputs, made.split(), **more))
    hidden, concepts = network.weights["w_hidden"].shape[0], len(network.weights["b_concepts"])
    graph = helper.make_graph(
        nodes,
        "kairos-intent",
        [_info("features", len(network.mean)), _info("hidden", hidden)],
        [_info("concepts", concepts), _info("hidden_out", hidden)],
        [numpy_helper.from_array(each, name) for name, each in constants.items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="kairos"
    )
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _constants(network: Network) -> dict[str, NDArray[Any]]:
    """The gates of the hidden state are apart from what it proposes, so that one product takes
    up what the inputs add to them, and their bias lies with the inputs'.
    """
    w = network.weights
    size = w["w_hidden"].shape[0]
    gates, new = slice(2 * size), slice(2 * size, None)
    bias = np.concatenate([w["b_in"][gates] + w["b_hidden"][gates], w["b_in"][new]])
    floats = {
        "mean": network.mean, "scale": network.scale, "low": -CLIP, "high": CLIP,
        "w_in": w["w_in"], "b_in": bias, "w_gates": w["w_hidden"][:, gates],
        "w_new": w["w_hidden"][:, new], "b_new": w["b_hidden"][new],
        **{name: w[name] for name in ("w_layer", "b_layer", "w_concepts", "b_concepts")},
    }  # fmt: skip
    out: dict[str, NDArray[Any]] = {
        name: np.array(each, np.float32, order="C") for name, each in floats.items()
    }
    return {**out, "sizes": np.array([2 * size, size], np.int64)}


def difference(graph: bytes, network: Network, said: Floats, data: Data) -> float:
    """How far serving, STEPS steps one by one, parts from training's concepts [n, k] at most.

    Of the longest sessions, which have room for it to grow.
    """
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    starts = np.flatnonzero(data.begins)
    lengths = np.diff([*starts, len(data.begins)])
    hidden, most = network.weights["w_hidden"].shape[0], 0.0
    for at in np.argsort(-lengths, kind="stable")[:SESSIONS]:
        state = np.zeros((1, hidden), np.float32)
        for row in range(starts[at], starts[at] + min(lengths[at], STEPS)):
            given = {"features": data.inputs[row : row + 1], "hidden": state}
            concepts, state = session.run(["concepts", "hidden_out"], given)
            most = max(most, float(np.abs(concepts - said[row]).max()))
    return most


def _info(name: str, size: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", size])
