"""One step of the network as ONNX: `features` [N, f], `hidden` [N, h] -> `concepts`, `hidden_out`.

Scaling and clipping are inside, so that serving hands over what the feature function gives.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from infra.training.network import CLIP, Network

OPSET = 17
IR_VERSION = 8
_STEP = (
    "Sub features mean > centred",
    "Mul centred scale > scaled",
    "Clip scaled low high > x",
    "Gemm x w_in b_in > given",
    "Gemm hidden w_hidden b_hidden > kept",
    "Split given > given_reset given_keep given_new",
    "Split kept > kept_reset kept_keep kept_new",
    "Add given_reset kept_reset > reset_in",
    "Sigmoid reset_in > reset",
    "Add given_keep kept_keep > keep_in",
    "Sigmoid keep_in > keep",
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
    names = ("in", "hidden", "layer", "concepts")
    constants = {f"{kind}_{name}": network.weights[f"{kind}_{name}"]
                 for name in names for kind in "wb"}  # fmt: skip
    constants |= {"mean": network.mean, "scale": network.scale}
    constants |= {"low": np.float32(-CLIP), "high": np.float32(CLIP)}
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
        [numpy_helper.from_array(np.asarray(v, np.float32), n) for n, v in constants.items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="kairos"
    )
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _info(name: str, size: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", size])
