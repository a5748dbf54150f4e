"""Boosted trees under the network's contract: a booster a concept, one row at a time, no memory.

The champion that the network has to meet, and what stands in where it does not: the same inputs,
the same concepts, the same heads over them, so that nothing else in the loop can tell. LightGBM
(Ke et al., NIPS 2017) grows the trees; here they become one ONNX operator.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
import onnx
from onnx import TensorProto, helper

from infra.training.data import Data, Floats

PARAMETERS: dict[str, Any] = {
    "objective": "binary", "learning_rate": 0.05, "num_leaves": 31, "min_data_in_leaf": 200,
    "feature_fraction": 0.6, "bagging_fraction": 0.7, "bagging_freq": 1, "verbose": -1,
    "num_threads": 1, "deterministic": True,
}  # fmt: skip
ROUNDS, CONCEPT_ROUNDS, CONCEPT_LEAVES = 300, 60, 15
OF_CONCEPTS: dict[str, int] = {"num_leaves": CONCEPT_LEAVES}
"""Settings over a handful of concepts."""

PATIENCE = 20
OPSET, ML_OPSET, IR_VERSION = 17, 3, 8


def grow(
    data: Data, validation: Data, labels: tuple[Floats, Floats], seed: int, **more: int
) -> lightgbm.Booster:
    """A booster of one label (of the rows, and of those that say when to stop)."""
    rows = lightgbm.Dataset(data.inputs, labels[0])
    checked = lightgbm.Dataset(validation.inputs, labels[1], reference=rows)
    stop = lightgbm.early_stopping(PATIENCE, verbose=False)
    settings = {**PARAMETERS, "seed": seed, **more}
    rounds = settings.pop("rounds", ROUNDS)
    return lightgbm.train(settings, rows, rounds, [checked], callbacks=[stop])


@dataclass(frozen=True, slots=True)
class Trees:
    """One booster a concept."""

    boosters: Sequence[lightgbm.Booster]

    def concepts(self, data: Data) -> Floats:
        """Concepts in [0, 1] of every row."""
        columns = [booster.predict(data.inputs) for booster in self.boosters]
        stacked: Floats = np.stack(columns, axis=1).astype(np.float32)
        return stacked


def train(data: Data, validation: Data, seed: int) -> Trees:
    """A booster for every concept; seeded, so repeatable."""
    small = {"rounds": CONCEPT_ROUNDS, "num_leaves": CONCEPT_LEAVES}
    return Trees([
        grow(data, validation, (data.concepts[:, at], validation.concepts[:, at]), seed, **small)
        for at in range(data.concepts.shape[1])
    ])  # fmt: skip


def to_onnx(trees: Trees) -> bytes:
    """`features` [N, f] -> `concepts` [N, k]: one tree ensemble with a target a concept."""
    nodes: dict[str, list[Any]] = {name: [] for name in _NODE}
    leaves: dict[str, list[Any]] = {name: [] for name in _LEAF}
    number = 0
    for target, booster in enumerate(trees.boosters):
        for tree in booster.dump_model(num_iteration=booster.best_iteration)["tree_info"]:
            for at, node in enumerate(_flat(tree["tree_structure"])):
                _add(nodes, leaves, number, at, node, target)
            number += 1
    features = trees.boosters[0].num_feature()
    attributes = {f"nodes_{name}": values for name, values in nodes.items()}
    attributes |= {f"target_{name}": values for name, values in leaves.items()}
    ensemble = helper.make_node(
        "TreeEnsembleRegressor", ["features"], ["logits"], domain="ai.onnx.ml",
        n_targets=len(trees.boosters), aggregate_function="SUM", post_transform="NONE",
        **attributes,
    )  # fmt: skip
    graph = helper.make_graph(
        [ensemble, helper.make_node("Sigmoid", ["logits"], ["concepts"])],
        "kairos-intent-trees",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", features])],
        [helper.make_tensor_value_info("concepts", TensorProto.FLOAT, ["N", len(trees.boosters)])],
    )
    versions = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    model = helper.make_model(graph, opset_imports=versions, producer_name="kairos")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


_NODE = "treeids nodeids featureids modes values truenodeids falsenodeids".split()
_LEAF = "treeids nodeids ids weights".split()


def _flat(root: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Nodes in the order of their numbers, children named by number."""
    queue = [root]
    for node in queue:
        children = {"left": len(queue), "right": len(queue) + 1}
        if "left_child" in node:
            queue += [node["left_child"], node["right_child"]]
        yield {**node, **children}


def _add(
    nodes: dict[str, list[Any]], leaves: dict[str, list[Any]], tree: int, at: int,
    node: dict[str, Any], target: int,
) -> None:  # fmt: skip
    inner = "left_child" in node
    row = [tree, at, node["split_feature"], "BRANCH_LEQ", _below(node["threshold"]),
           node["left"], node["right"]] if inner else [tree, at, 0, "LEAF", 0.0, 0, 0]  # fmt: skip
    for name, value in zip(_NODE, row, strict=True):
        nodes[name].append(value)
    if not inner:
        for name, value in zip(_LEAF, (tree, at, target, node["leaf_value"]), strict=True):
            leaves[name].append(value)


def _below(threshold: float) -> float:
    """The largest float32 that is not above: inputs are float32, so both split them alike."""
    rounded = np.float32(threshold)
    return float(rounded if rounded <= threshold else np.nextafter(rounded, np.float32(-np.inf)))
