"""Fields of the files people write: one table reads them, refuses the rest and makes JSON Schemas.

A Kind reads one node and adds to the problems instead of raising, so that one pass over a file
reports everything that is wrong with it, each with its line, field and fix.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from connectors.human_units import BadValue
from connectors.yaml_lines import LIST, MAP, NOTHING, TEXT, Node
from models.names import nearest

ERRORS_MAX = 100
BAD: Any = object()
"""What reading yields where a problem was noted."""

Schema = dict[str, Any]


class FileError(Struct, frozen=True):
    """One thing wrong with a file; `line` counts from 1, `field` is a path like caps.session."""

    file: str
    line: int
    field: str
    error: str
    fix: str

    def sentence(self) -> str:
        """As one line for people, where editors find the place."""
        return f"{self.file}:{self.line}: {self.field}: {self.error}; {self.fix}"


@dataclass(slots=True)
class Problems:
    """The errors found so far, at most ERRORS_MAX."""

    file: str
    errors: list[FileError] = field(default_factory=list)

    def add(self, line: int, path: str, error: str, fix: str) -> None:
        """Note one error."""
        if len(self.errors) < ERRORS_MAX:
            self.errors.append(FileError(self.file, line, path, error, fix))


@dataclass(frozen=True, slots=True)
class Kind:
    """How a value is read, and its JSON Schema."""

    read: Callable[[Node, str, Problems], Any]
    schema: Schema


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a map. `example` completes the fix where a required one is missing."""

    name: str
    kind: Kind
    doc: str
    example: str = ""
    required: bool = False
    default: str = ""


def scalar(parse: Callable[[str], Any], schema: Schema) -> Kind:
    """A value written as one text or number; `parse` raises BadValue."""

    def read(node: Node, path: str, problems: Problems) -> Any:
        if node.kind != TEXT:
            error = "is empty" if node.kind == NOTHING else f"is a {node.kind}, not one value"
            problems.add(node.line, path, error, "write one value or remove the line")
            return BAD
        try:
            return parse(node.text)
        except BadValue as bad:
            problems.add(node.line, path, bad.error, bad.fix)
            return BAD

    return Kind(read, schema)


def listed(item: Kind, items_max: int) -> Kind:
    """A list; one value alone counts as a list of one."""

    def read(node: Node, path: str, problems: Problems) -> Any:
        nodes = node.items if node.kind == LIST else (node,)
        if len(nodes) > items_max:
            problems.add(node.line, path, f"{len(nodes)} are too many", f"use at most {items_max}")
            return BAD
        values = []
        for index, each in enumerate(nodes):
            name = f"{path}[{index}]" if node.kind == LIST else path
            values.append(item.read(each, name, problems))
        return BAD if any(value is BAD for value in values) else tuple(values)

    array = {"type": "array", "items": item.schema, "maxItems": items_max}
    return Kind(read, {"anyOf": [array, item.schema]})


def weighted(parse: Callable[[str], int], names: tuple[str, ...], schema: Schema) -> Kind:
    """A map from known names to numbers."""

    def read(node: Node, path: str, problems: Problems) -> Any:
        if node.kind != MAP:
            problems.add(node.line, path, "is not a map", f"write {{{names[0]}: 0.05}}")
            return BAD
        reader = scalar(parse, schema)
        out = {}
        for key, line, value in node.entries:
            if key not in names:
                _unknown(problems, line, f"{path}.{key}", key, names)
                continue
            out[key] = reader.read(value, f"{path}.{key}", problems)
        return BAD if any(value is BAD for value in out.values()) else out

    properties = dict.fromkeys(names, schema)
    return Kind(read, {"type": "object", "properties": properties, "additionalProperties": False})


def keyed(name: Kind, item: Kind, entries_max: int) -> Kind:
    """A map from names of the writer's own to values of one kind; yields a dict."""

    def read(node: Node, path: str, problems: Problems) -> Any:
        if node.kind != MAP:
            problems.add(node.line, path, "is not a map", "write a name, a colon and its fields")
            return BAD
        if len(node.entries) > entries_max:
            error = f"{len(node.entries)} are too many"
            problems.add(node.line, path, error, f"use at most {entries_max}")
            return BAD
        out = {}
        for key, line, value in node.entries:
            place = f"{path}.{key}"
            read_key = name.read(Node(TEXT, line, key), place, problems)
            out[read_key] = item.read(value, place, problems)
        return BAD if BAD in out or any(value is BAD for value in out.values()) else out

    pattern = name.schema.get("pattern", "")
    schema = {"type": "object", "maxProperties": entries_max, "additionalProperties": False}
    return Kind(read, {**schema, "patternProperties": {pattern: item.schema}})


def shaped(
    fields: tuple[Field, ...], *, keep_bad: bool = False, also: tuple[str, ...] = ()
) -> Kind:
    """A map with these fields and no others; yields a dict of those that were written.

    With `keep_bad` a map with problems is yielded with BAD at its bad fields, else it is BAD.
    `also` names fields that are read elsewhere but belong to a list of the known ones.
    """
    names = tuple(each.name for each in fields) + also
    kinds = {each.name: each.kind for each in fields}

    def read(node: Node, path: str, problems: Problems) -> Any:
        if node.kind != MAP:
            problems.add(node.line, path, "is not a map", f"write its fields: {', '.join(names)}")
            return BAD
        out = {}
        before = len(problems.errors)
        for key, line, value in node.entries:
            name = f"{path}.{key}" if path else key
            if key not in kinds:
                _unknown(problems, line, name, key, names)
                continue
            out[key] = kinds[key].read(value, name, problems)
        for each in fields:
            if each.required and each.name not in out:
                name = f"{path}.{each.name}" if path else each.name
                problems.add(node.line, name, "is missing", f"add {each.name}: {each.example}")
        return out if keep_bad or len(problems.errors) == before else BAD

    properties = {each.name: {**each.kind.schema, "description": _doc(each)} for each in fields}
    required = [each.name for each in fields if each.required]
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return Kind(read, {**schema, "required": required} if required else schema)


def _doc(each: Field) -> str:
    return f"{each.doc} Default: {each.default}." if each.default else each.doc


def _unknown(problems: Problems, line: int, path: str, word: str, names: tuple[str, ...]) -> None:
    close = nearest(word, names)
    fix = f"did you mean {close}?" if close else "known here: " + ", ".join(names)
    problems.add(line, path, "is not a known field", fix)
