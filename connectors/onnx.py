"""The Scorer that models/intent.py asks for, from a model record's ONNX bytes."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from math import isfinite
from struct import Struct
from typing import Any

import numpy as np
import onnxruntime

from connectors.onnx_check import ExternalData, refuse_external_data
from models.intent import problem_of
from schemas.model import Model

MODEL_BYTES_MAX = 4 * 1024 * 1024
HIDDEN_MAX = 64
FEATURES_MAX = 256
MILLION = 1_000_000


class ModelRefused(Exception):
    """A model that will not be run; the message names the model and the cause."""


class NotANumber(Exception):
    """The model answered NaN or infinity, which no rule may ever see."""


class OnnxScorer:
    """One ONNX session: single thread, sequential, no spinning, so that it answers the same always.

    Inputs: `features` [1, n] float32 and, with a hidden state, `hidden` [1, h]. Outputs: `concepts`
    [1, c] in [0, 1] and, with a hidden state, `hidden_out` [1, h]. Not thread-safe.
    """

    def __init__(self, data: bytes, features: int, concepts: int, hidden_size: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        names = ["concepts", "hidden_out"] if hidden_size else ["concepts"]
        _check_signature(session, {"features", *(["hidden"] if hidden_size else [])}, names)
        self._pack_features = Struct(f"{features}f").pack_into
        self._unpack_concepts = Struct(f"{concepts}f").unpack_from
        self._unpack_hidden = Struct(f"{hidden_size}f").unpack
        self._no_hidden = bytes(4 * hidden_size)
        self._features = np.zeros((1, features), np.float32)
        self._hidden = np.zeros((1, hidden_size), np.float32)
        inputs = {"features": self._features, "hidden": self._hidden}
        if not hidden_size:
            del inputs["hidden"]
        found = session.run(names, inputs)[0].size
        if found != concepts:
            raise ModelRefused(f"{found} concepts instead of {concepts}")
        self._concepts = np.zeros((1, concepts), np.float32)
        self._hidden_out = np.zeros((1, hidden_size), np.float32)
        outputs = {"concepts": self._concepts, "hidden_out": self._hidden_out}
        # Plain views of the arrays: a call into numpy costs more than the bytes it moves.
        self._given, self._found = self._features.data, self._concepts.data
        self._before, self._after = _octets(self._hidden), _octets(self._hidden_out)
        self._binding = _bound(session, inputs, {name: outputs[name] for name in names})
        self._run = session.run_with_iobinding

    @classmethod
    def from_model(cls, model: Model) -> OnnxScorer:
        """The scorer of a model record, tried once. Raises ModelRefused."""
        where = f"model {model.site} version {model.version}"
        problem = _problem(model)
        if problem:
            raise ModelRefused(f"{where}: {problem}")
        try:
            refuse_external_data(model.onnx)
            made = cls(model.onnx, len(model.features), len(model.concepts), model.hidden_size)
            made.step([0.0] * len(model.features), b"")
        except (ExternalData, NotANumber, ModelRefused) as failure:
            raise ModelRefused(f"{where}: {failure}") from failure
        except Exception as failure:
            raise ModelRefused(f"{where}: it does not run: {failure}") from failure
        return made

    def step(self, features: list[float], hidden: bytes) -> tuple[list[int], bytes]:
        """Concepts in ppm and the next hidden state; empty `hidden` means none yet.

        Raises NotANumber, and ValueError for a hidden state of another size.
        """
        self._pack_features(self._given, 0, *features)
        if self._no_hidden:
            self._before[:] = hidden or self._no_hidden
        self._run(self._binding)
        concepts = quantised(self._unpack_concepts(self._found))
        if not self._no_hidden:
            return concepts, b""
        after = bytes(self._after)
        # What is infinite or no number stays so in a sum; finite floats add up finite in a double.
        if not isfinite(sum(self._unpack_hidden(after))):
            raise NotANumber("hidden_out is not finite")
        return concepts, after


def _bound(session: Any, inputs: dict[str, Any], outputs: dict[str, Any]) -> Any:
    """These arrays as the session's own, once: to make them anew costs as much as the network."""
    binding = session.io_binding()
    for name, array in inputs.items():
        binding.bind_input(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
    for name, array in outputs.items():
        binding.bind_output(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
    return binding


def _octets(array: np.ndarray[Any, np.dtype[np.float32]]) -> memoryview:
    return array.data.cast("B") if array.size else memoryview(bytearray())


def quantised(values: Sequence[float]) -> list[int]:
    """Probabilities in ppm, half to even, within [0, 1,000,000]. Raises NotANumber."""
    try:
        found = [round(value * MILLION) for value in values]
    except (ValueError, OverflowError) as failure:
        raise NotANumber("a concept is not finite") from failure
    if min(found) < 0 or max(found) > MILLION:
        return [min(max(ppm, 0), MILLION) for ppm in found]
    return found


def _problem(model: Model) -> str:
    """What the record alone shows to be wrong, empty if nothing."""
    if not 0 < len(model.onnx) <= MODEL_BYTES_MAX:
        return f"{len(model.onnx)} bytes of ONNX are outside 1..{MODEL_BYTES_MAX}"
    if sha256(model.onnx).hexdigest() != model.sha256:
        return "the ONNX bytes do not have the SHA-256 that the record names"
    if not 0 < len(model.features) <= FEATURES_MAX or not model.concepts:
        return f"it needs 1..{FEATURES_MAX} features and at least one concept"
    if not 0 <= model.hidden_size <= HIDDEN_MAX:
        return f"hidden_size {model.hidden_size} is outside 0..{HIDDEN_MAX}"
    return problem_of(model.heads, len(model.concepts))


def _check_signature(session: Any, inputs: set[str], outputs: list[str]) -> None:
    found_in = {each.name for each in session.get_inputs()}
    found_out = {each.name for each in session.get_outputs()}
    if found_in != inputs or not found_out >= set(outputs):
        raise ModelRefused(
            f"it takes {sorted(found_in)} and gives {sorted(found_out)} "
            f"instead of {sorted(inputs)} and {outputs}"
        )
