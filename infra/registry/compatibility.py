"""May this schema follow those? Decided by Apache Avro's own checker, both ways as asked."""

from __future__ import annotations

import json
import warnings
from functools import lru_cache
from typing import Any

from avro.compatibility import (
    ReaderWriterCompatibilityChecker,
    SchemaCompatibilityResult,
    SchemaCompatibilityType,
)
from avro.schema import Schema, parse

from infra.registry.errors import invalid_schema

LEVELS = (
    "NONE",
    "BACKWARD",
    "BACKWARD_TRANSITIVE",
    "FORWARD",
    "FORWARD_TRANSITIVE",
    "FULL",
    "FULL_TRANSITIVE",
)
SCHEMA_CHARS_MAX = 1_000_000
NESTING_MAX = 64


def canonical(text: str) -> str:
    """The text under which a schema is stored and recognised: valid Avro, without whitespace.

    Docs, defaults and the order of keys stay as written. Raises Refusal 42201.
    """
    if not text or len(text) > SCHEMA_CHARS_MAX:
        raise invalid_schema("it is empty" if not text else f"over {SCHEMA_CHARS_MAX} characters")
    try:
        raw = _as_json(text)
        _check_nesting(raw)
        compact = json.dumps(raw, separators=(",", ":"), ensure_ascii=False)
        compact.encode()
        parsed(compact)
    except Exception as failure:
        # Avro's parser raises many types on hostile input, a few of them not its own.
        raise invalid_schema(str(failure) or type(failure).__name__) from failure
    return compact


def _as_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        # A bare primitive name such as `string` is a valid schema too.
        if text.strip().isalpha():
            return text.strip()
        raise


def _check_nesting(raw: Any, depth: int = 0) -> None:
    if depth > NESTING_MAX:
        raise ValueError(f"nested deeper than {NESTING_MAX}")
    parts = raw.values() if isinstance(raw, dict) else raw if isinstance(raw, list) else ()
    for part in parts:
        _check_nesting(part, depth + 1)


@lru_cache(maxsize=512)
def parsed(compact: str) -> Schema:
    """Avro's own object for a stored schema text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return parse(compact)


def problems(new: str, olds: list[str], level: str) -> list[str]:
    """Why `new` may not follow `olds` (oldest first) under `level`; empty if it may.

    BACKWARD: the new schema reads what the old one wrote; FORWARD: the other way round; FULL:
    both. Without _TRANSITIVE only the newest of `olds` counts.
    """
    if level == "NONE" or not olds:
        return []
    chosen = olds if level.endswith("_TRANSITIVE") else olds[-1:]
    direction = level.removesuffix("_TRANSITIVE")
    found = []
    for old in reversed(chosen):
        if direction in ("BACKWARD", "FULL"):
            found += _unreadable(reader=new, writer=old, who="the new schema cannot read the old")
        if direction in ("FORWARD", "FULL"):
            found += _unreadable(reader=old, writer=new, who="the old schema cannot read the new")
    return found


def _unreadable(*, reader: str, writer: str, who: str) -> list[str]:
    # The checker remembers pairs by identity, so each question gets its own.
    checker = ReaderWriterCompatibilityChecker()
    result: SchemaCompatibilityResult = checker.get_compatibility(parsed(reader), parsed(writer))
    if result.compatibility is SchemaCompatibilityType.compatible:
        return []
    kinds = ",".join(kind.value for kind in result.incompatibilities)
    where = ", ".join(sorted(result.locations))
    details = "; ".join(sorted(result.messages))
    return [f"{who}: {kinds.upper()} at {where}: {details}"]
