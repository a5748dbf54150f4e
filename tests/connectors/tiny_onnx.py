"""ONNX models of a few bytes, written field by field: the `onnx` package cannot be installed here.

concepts = features x weights, and with a hidden state hidden_out = hidden x 1.
"""

from __future__ import annotations

import struct

FLOAT = 1


def varint(value: int) -> bytes:
    """Protobuf's variable-length integer."""
    out = b""
    while value > 0x7F:
        out += bytes((value & 0x7F | 0x80,))
        value >>= 7
    return out + bytes((value,))


def number(field: int, value: int) -> bytes:
    """An integer field."""
    return varint(field << 3) + varint(value)


def content(field: int, value: bytes | str) -> bytes:
    """A field of bytes, text or an inner message."""
    data = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(data)) + data


def tensor(name: str, dims: tuple[int, ...], values: list[float], extra: bytes = b"") -> bytes:
    """A float tensor, its values inside."""
    data = struct.pack(f"<{len(values)}f", *values)
    shape = b"".join(number(1, each) for each in dims)
    return shape + number(2, FLOAT) + content(8, name) + content(9, data) + extra


def value_info(name: str, columns: int) -> bytes:
    """An input or output [1, columns]."""
    dims = content(1, number(1, 1)) + content(1, number(1, columns))
    return content(1, name) + content(2, content(1, number(1, FLOAT) + content(2, dims)))


def node(op: str, inputs: tuple[str, ...], output: str) -> bytes:
    """One operation."""
    return b"".join(content(1, each) for each in inputs) + content(2, output) + content(4, op)


def model(graph: bytes) -> bytes:
    """A model of opset 13."""
    return number(1, 8) + content(7, graph) + content(8, number(2, 13))


def linear(weights: list[list[float]], hidden: int = 0, extra: bytes = b"") -> bytes:
    """concepts = features x weights; `extra` is added to the weights' tensor."""
    rows, columns = len(weights), len(weights[0])
    flat = [each for row in weights for each in row]
    graph = content(1, node("MatMul", ("features", "w"), "concepts")) + content(2, "tiny")
    graph += content(5, tensor("w", (rows, columns), flat, extra))
    graph += content(11, value_info("features", rows))
    graph += content(12, value_info("concepts", columns))
    if hidden:
        graph += content(1, node("Add", ("hidden", "one"), "hidden_out"))
        graph += content(5, tensor("one", (1, hidden), [1.0] * hidden))
        graph += content(11, value_info("hidden", hidden))
        graph += content(12, value_info("hidden_out", hidden))
    return model(graph)
