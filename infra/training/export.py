"""The network as ONNX, scaling and clipping included: `features` [N, f] -> `concepts` [N, k]."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from infra.training.network import CLIP, Network

OPSET = 17
IR_VERSION = 8


def to_onnx(network: Network) -> bytes:
    """Bytes of a checked model, float32, batch axis free; the same network gives the same bytes."""
    constants = {
        "mean": network.mean,
        "scale": network.scale,
        "low": np.float32(-CLIP),
        "high": np.float32(CLIP),
    }
    nodes = [
        helper.make_node("Sub", ["features", "mean"], ["centred"]),
        helper.make_node("Mul", ["centred", "scale"], ["scaled"]),
        helper.make_node("Clip", ["scaled", "low", "high"], ["x0"]),
    ]
    for at, (matrix, bias) in enumerate(network.layers[:3], 1):
        constants |= {f"w{at}": matrix, f"b{at}": bias}
        nodes.append(helper.make_node("Gemm", [f"x{at - 1}", f"w{at}", f"b{at}"], [f"z{at}"]))
        kind, out = ("Relu", f"x{at}") if at < 3 else ("Sigmoid", "concepts")
        nodes.append(helper.make_node(kind, [f"z{at}"], [out]))
    graph = helper.make_graph(
        nodes,
        "kairos-intent",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", len(network.mean)])],
        [
            helper.make_tensor_value_info(
                "concepts", TensorProto.FLOAT, ["N", len(network.layers[2][1])]
            )
        ],
        [numpy_helper.from_array(np.asarray(v, np.float32), n) for n, v in constants.items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="kairos"
    )
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data
