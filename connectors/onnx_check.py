"""Refuses ONNX models whose weights lie in other files: such a model could read any file.

The `onnx` package cannot share an environment with the engine, so the few protobuf fields that
matter are read here: a tensor's `external_data` (13) and `data_location` (14), wherever a graph,
a node's attribute or a function may hold a tensor.
"""

from __future__ import annotations

from collections.abc import Iterator

DEPTH_MAX = 32
# message -> field number -> message of that field (onnx.proto3).
_FIELDS = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class ExternalData(Exception):
    """A model that is not complete in itself, or is no ONNX model at all."""


def refuse_external_data(model: bytes) -> None:
    """Raises ExternalData unless every tensor of the model lies within its bytes."""
    _walk(memoryview(model), "model", 0)


def _walk(data: memoryview, kind: str, depth: int) -> None:
    if depth > DEPTH_MAX:
        raise ExternalData(f"nested deeper than {DEPTH_MAX}")
    inner = _FIELDS[kind]
    for number, wire, value, content in _fields(data):
        if kind == "tensor" and number == _EXTERNAL_DATA:
            raise ExternalData("a tensor lies in another file")
        if kind == "tensor" and number == _DATA_LOCATION and value != 0:
            raise ExternalData("a tensor lies in another file")
        if number in inner and wire == _BYTES:
            _walk(content, inner[number], depth + 1)


def _fields(data: memoryview) -> Iterator[tuple[int, int, int, memoryview]]:
    """(number, wire type, value, content) of each field of a message."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        value, size = 0, {_FIXED64: 8, _FIXED32: 4}.get(wire, 0)
        if wire == _VARINT:
            value, at = _varint(data, at)
        elif wire == _BYTES:
            size, at = _varint(data, at)
        elif not size:
            raise ExternalData("these bytes are no ONNX model")
        if at + size > len(data):
            raise ExternalData("these bytes are cut off")
        yield number, wire, value, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ExternalData("these bytes are cut off")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ExternalData("these bytes are no ONNX model")
