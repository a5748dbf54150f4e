"""Mutations of requests and frames from one seed: of the JSON's meaning, or of its bytes."""

from __future__ import annotations

import json
from random import Random
from typing import Any

HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**53, 2**63, 2**64, -(2**63), 10**400, 0.1, 1e308, -1e-308,
    "", " ", "a", "\0", "\r\nSet-Cookie: a=b", "é", "\U0001f600", "\ud800", "x" * 65, "x" * 5_000,
    "../../etc/passwd", "<script>", "demo:u:" + "0" * 32, "1e9", "NaN", "-0", "19.90", "١٢",
    [], {}, [[]], [None] * 200, {"": ""}, {"type": "handoff"}, {"__proto__": {}}, "handoff",
)  # fmt: skip
KEYS = (
    "site visitor_token visitor_seed session_id tab_id sent_at consent events event_id type ts "
    "session_index page product price currency quantity value vectors properties slot_id "
    "decision_id painted_at_ms user_key internal identity_ref received_at_ms user_id signature"
).split()
BYTES_MAX, VALUES_MAX = 70_000, 20_000
"""A body is cut at BYTES_MAX; lists that repeat lists would weigh gigabytes before that."""


def mutated(chance: Random, value: Any) -> bytes:
    """A body made of `value`: some changes of meaning, then perhaps some of its bytes."""
    for _ in range(chance.choice((0, 1, 1, 1, 2, 3, 6))):
        changed = _changed(chance, value)
        value = changed if _is_light(changed) else value
    data = json.dumps(value, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    for _ in range(chance.choice((0, 0, 0, 0, 1, 1, 3))):
        data = scrambled(chance, data)
    return data[:BYTES_MAX]


def _changed(chance: Random, value: Any) -> Any:
    """A copy with one thing changed somewhere inside."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        out, name = dict(value), chance.choice(list(value))
        kind = chance.random()
        if kind < 0.55:
            out[name] = _changed(chance, out[name])
        elif kind < 0.7:
            del out[name]
        else:
            out[chance.choice(KEYS)] = chance.choice(HOSTILE)
        return out
    if isinstance(value, list) and value and chance.random() < 0.85:
        at = chance.randrange(len(value))
        if chance.random() < 0.15:
            return value * chance.choice((2, 30, 101))
        return [_changed(chance, each) if n == at else each for n, each in enumerate(value)]
    if chance.random() < 0.05:
        return _nested(chance.choice((10, 200, 900)))
    return chance.choice(HOSTILE)


def _is_light(value: Any) -> bool:
    """Whether it holds at most VALUES_MAX values, shared ones counted wherever they stand."""
    left, count = [value], 0
    while left and count <= VALUES_MAX:
        each = left.pop()
        count += 1
        if isinstance(each, dict | list):
            left.extend(each.values() if isinstance(each, dict) else each)
    return not left


def _nested(depth: int) -> Any:
    out: Any = 1
    for _ in range(depth):
        out = [out]
    return out


def scrambled(chance: Random, data: bytes) -> bytes:
    """The bytes with a piece flipped, dropped, doubled or put in."""
    if not data:
        return chance.randbytes(4)
    at = chance.randrange(len(data))
    end = min(len(data), at + chance.choice((1, 1, 2, 8, 100)))
    how = chance.randrange(4)
    if how == 0:
        return (
            data[:at] + bytes(each ^ 1 << chance.randrange(8) for each in data[at:end]) + data[end:]
        )
    if how == 1:
        return data[:at] + data[end:]
    if how == 2:
        return data[:end] + data[at:end] * chance.choice((1, 2, 50)) + data[end:]
    return data[:at] + chance.randbytes(end - at) + data[at:]
