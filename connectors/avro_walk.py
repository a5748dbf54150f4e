"""What both codec generators ask of a schema: the named types, the kind of a type, the Structs."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

from msgspec import Struct


def structs(kind: Any) -> dict[str, type[Struct]]:
    """Name -> class of a Struct and of all Structs in its fields."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        found = {kind.__name__: kind}
        for hint in get_type_hints(kind).values():
            found |= structs(hint)
        return found
    found = {}
    for part in get_args(kind):
        found |= structs(part)
    return found


def named_types(schema: Any) -> dict[str, dict[str, Any]]:
    """Name -> schema of every record in a schema."""
    found: dict[str, dict[str, Any]] = {}
    for part in schema if isinstance(schema, list) else (schema,):
        if not isinstance(part, dict):
            continue
        if part["type"] == "record":
            found[part["name"]] = part
        inner = [each["type"] for each in part.get("fields", ())]
        for each in (*inner, part.get("items"), part.get("values")):
            found |= named_types(each)
    return found


def kind_of(schema: Any, named: dict[str, dict[str, Any]]) -> tuple[str, Any]:
    """(type name, full schema); a named type's reference becomes the type."""
    if isinstance(schema, list):
        return "union", schema
    if isinstance(schema, str) and schema in named:
        schema = named[schema]
    return (schema, schema) if isinstance(schema, str) else (schema["type"], schema)
