"""Bounds that the Avro reader does not keep by itself: hostile schemas and absurd values."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

NESTING_MAX = 24
SCHEMA_CHARS_MAX = 64 * 1024
INT_MIN, INT_MAX = -(2**31), 2**31 - 1
Check = Callable[[Any], str]
"""Value -> what is wrong with it, empty if nothing."""


def check_safe(schema: Any, inside: tuple[str, ...] = ()) -> None:
    """Refuse a writer schema whose bodies could exhaust memory or the stack.

    The reader recurses in C and allocates per item, so types that contain themselves and types
    of no bytes (a count alone would make millions of items) are refused. Raises ValueError.
    """
    if len(inside) > NESTING_MAX:
        raise ValueError(f"nested deeper than {NESTING_MAX}")
    if isinstance(schema, str) and schema.rpartition(".")[2] in inside:
        raise ValueError(f"type {schema} contains itself")
    if isinstance(schema, list):
        for branch in schema:
            check_safe(branch, inside)
    if not isinstance(schema, dict):
        return
    kind = schema.get("type")
    within = (*inside, str(schema.get("name", "")).rpartition(".")[2])
    if kind in ("record", "fixed") and not _takes_bytes(schema):
        raise ValueError(f"type {schema.get('name')} takes no bytes")
    if kind == "array" and not _takes_bytes(schema.get("items")):
        raise ValueError("array items take no bytes")
    for part in _parts(schema):
        check_safe(part, within)


def _parts(schema: dict[str, Any]) -> list[Any]:
    kind = schema.get("type")
    if kind == "record":
        return [field.get("type") for field in schema.get("fields", ())]
    if kind in ("array", "map"):
        return [schema.get("items" if kind == "array" else "values")]
    return [kind] if isinstance(kind, (dict, list)) else []


def _takes_bytes(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return bool(schema != "null")
    kind = schema.get("type")
    if kind == "fixed":
        return int(schema.get("size", 0)) > 0
    if kind == "record":
        return any(_takes_bytes(field.get("type")) for field in schema.get("fields", ()))
    return _takes_bytes(kind) if isinstance(kind, (dict, list)) else bool(kind != "null")


def value_check(schema: Any) -> Check:
    """A check of decoded values: an int of 32 bits and a finite double, by field name.

    The reader accepts 64 bits where the schema says int, and NaN, whose comparisons would make
    results depend on order. Only the fields that can be wrong are looked at.
    """
    return _check(schema, "") or (lambda _value: "")


def _check(schema: Any, name: str) -> Check | None:
    if isinstance(schema, list):
        return _union_check(schema, name)
    kind = schema.get("type") if isinstance(schema, dict) else schema
    if kind == "int":
        return lambda value: "" if INT_MIN <= value <= INT_MAX else f"{name} is outside 32 bits"
    if kind in ("double", "float"):
        return lambda value: "" if isfinite(value) else f"{name} is not a finite number"
    if kind == "record":
        return _record_check(schema)
    if kind == "array":
        return _each_check(_check(schema["items"], name), iter)
    if kind == "map":
        return _each_check(_check(schema["values"], name), lambda value: iter(value.values()))
    return None


def _union_check(branches: list[Any], name: str) -> Check | None:
    checks = [check for check in (_check(branch, name) for branch in branches) if check]
    if not checks:
        return None
    first = checks[0]
    if len(branches) == 2 and "null" in branches:
        return lambda value: "" if value is None else first(value)
    return lambda value: first(value) if isinstance(value, float) else ""


def _record_check(schema: dict[str, Any]) -> Check | None:
    pairs = [(field["name"], _check(field["type"], field["name"])) for field in schema["fields"]]
    checks = [(name, check) for name, check in pairs if check is not None]

    def check_record(value: Any) -> str:
        for name, check in checks:
            problem = check(value[name])
            if problem:
                return problem
        return ""

    return check_record if checks else None


def _each_check(check: Check | None, items: Callable[[Any], Any]) -> Check | None:
    if check is None:
        return None

    def check_each(value: Any) -> str:
        for item in items(value):
            problem = check(item)
            if problem:
                return problem
        return ""

    return check_each
