"""The codecs of connectors/avro_compiled.py once more, as C: about eight times their speed.

connectors/native_build.py builds one Cython module a topic into the interpreter's own packages. A
module that does not fit this release's schemas is never found; without it the Python codec does
the same work, and the tests hold every topic's two codecs together.

How it is made: every type of a schema is an expression that reads it from the cursor `c`, or a
statement that writes the value `v`; records, unions, arrays and maps are functions of their own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from connectors.avro_compiled import Reader, Writer
from connectors.avro_walk import kind_of, named_types, structs
from connectors.native import native

PRIMITIVES = Path(__file__).with_name("avro_primitives.pxi")
READS = {
    "string": "text(c)",
    "bytes": "raw(c)",
    "long": "number(c)",
    "int": "number32(c, {field!r})",
    "boolean": "boolean(c)",
    "double": "real(c, {field!r})",
    "null": "None",
}
WRITES = {
    "string": "put_text(o, {of})",
    "bytes": "put_bytes(o, {of})",
    "long": "put_number(o, {of})",
    "int": "put_number32(o, {of})",
    "boolean": "put_byte(o, 1 if {of} else 0)",
    "double": "put_real(o, {of})",
    "null": "pass",
}
TESTS = {
    "null": "v is None",
    "string": "type(v) is str",
    "boolean": "type(v) is bool",
    "bytes": "type(v) is bytes",
}
"""How a writer tells the branches of a union apart; at most one branch, the last, has no test."""

ENTRIES = '''

def read(bytes data, Py_ssize_t start):
    """(value, position after it) of the body that begins at `start`."""
    cdef Cursor c = Cursor(<const unsigned char*>PyBytes_AS_STRING(data), start, len(data))
    value = {read}
    return value, c.p


def write(value, bytearray into):
    """Append the body of a value."""
    cdef Out o = Out(NULL, 0, 0)
    try:
        {write}
        into += PyBytes_FromStringAndSize(o.d, o.size)
    finally:
        free(o.d)
'''


def native_codec(schema: dict[str, Any], kind: type[Struct]) -> tuple[Reader, Writer] | None:
    """Reader and writer in C of this schema into `kind`, None where they have not been built."""
    module = native(source(schema, kind))
    return None if module is None else (module.read, module.write)


def source(schema: dict[str, Any], kind: type[Struct]) -> str:
    """The Cython module of a schema. Raises NotImplementedError for types not used here."""
    made = _Source(schema)
    read, write = made.reads(schema, ""), made.writes(schema, "value")
    head = ["# cython: language_level=3, boundscheck=False, wraparound=False"]
    head += [f"from {each.__module__} import {each.__name__}" for each in structs(kind).values()]
    entries = ENTRIES.format(read=read.replace("(c", "(&c"), write=write.replace("(o", "(&o"))
    return "\n".join([*head, PRIMITIVES.read_text("utf-8"), *made.functions]) + entries


class _Source:
    """The functions of one module, and expressions that call them."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.functions: list[str] = []
        self._made: dict[str, str] = {}
        self._named = named_types(schema)

    def reads(self, schema: Any, field: str) -> str:
        """The expression that reads a value of this type."""
        kind, full = self._kind(schema)
        if kind in READS:
            return READS[kind].format(field=field)
        return self._function("read", kind, full, field) + "(c)"

    def writes(self, schema: Any, of: str) -> str:
        """The statement that writes the value of the expression `of`."""
        kind, full = self._kind(schema)
        if kind in WRITES:
            return WRITES[kind].format(of=of)
        return self._function("write", kind, full, "") + f"(o, {of})"

    def _kind(self, schema: Any) -> tuple[str, Any]:
        return kind_of(schema, self._named)

    def _function(self, way: str, kind: str, full: Any, field: str) -> str:
        """Name of the function that reads or writes this type, made at its first use."""
        key = f"{way} {field} {json.dumps(full, sort_keys=True)}"
        if key not in self._made:
            body = _BODIES.get((way, kind))
            if body is None:
                raise NotImplementedError(f"Avro type {kind} is not compiled")
            lines = body(self, full, field)
            name = self._made[key] = f"{way}_{kind}_{len(self._made)}"
            head = (
                f"cdef object {name}(Cursor* c):"
                if way == "read"
                else f"cdef int {name}(Out* o, v) except -1:"
            )
            self.functions.append("\n".join(["", "", head, *(f"    {line}" for line in lines)]))
        return self._made[key]

    def read_record(self, full: Any, _: str) -> list[str]:
        """One call of the Struct, its fields read in order."""
        fields = [
            f"{each['name']}={self.reads(each['type'], each['name'])}," for each in full["fields"]
        ]
        return [f"return {full['name']}(", *(f"    {each}" for each in fields), ")"]

    def read_union(self, full: Any, field: str) -> list[str]:
        """The branch named by one byte."""
        lines = ["cdef unsigned char chosen = branch(c)"]
        for index, each in enumerate(full):
            lines += [f"if chosen == {index * 2}:", f"    return {self.reads(each, field)}"]
        return [*lines, 'raise ValueError("no such union branch")']

    def read_array(self, full: Any, field: str) -> list[str]:
        """Blocks of items, as a tuple."""
        item = f"items.append({self.reads(full['items'], field)})"
        return [*_blocks("items = []", item), "return tuple(items)"]

    def read_map(self, full: Any, field: str) -> list[str]:
        """Blocks of entries, as a dict."""
        read = self.reads(full["values"], field)
        return [*_blocks("entries = {}", f"key = text(c); entries[key] = {read}"), "return entries"]

    def write_record(self, full: Any, _: str) -> list[str]:
        """Its fields in order."""
        return [
            *(self.writes(each["type"], f"v.{each['name']}") for each in full["fields"]),
            "return 0",
        ]

    def write_union(self, full: Any, _: str) -> list[str]:
        """The first branch whose test holds; the one without a test takes the rest."""
        kinds = [(index, each, self._kind(each)[0]) for index, each in enumerate(full)]
        kinds.sort(key=lambda row: row[2] not in TESTS)
        if sum(kind not in TESTS for _, _, kind in kinds) > 1:
            raise NotImplementedError("a union of two types that cannot be told apart")
        lines = []
        for place, (index, each, kind) in enumerate(kinds):
            last = place == len(kinds) - 1
            lines.append("else:" if last else f"{'el' if place else ''}if {TESTS[kind]}:")
            lines += [f"    put_byte(o, {index * 2})", f"    {self.writes(each, 'v')}"]
        return [*lines, "return 0"]

    def write_array(self, full: Any, _: str) -> list[str]:
        """One block."""
        return _block("for item in v:", self.writes(full["items"], "item"))

    def write_map(self, full: Any, _: str) -> list[str]:
        """One block, in the order of the dict."""
        write = self.writes(full["values"], "item")
        return _block("for key, item in v.items():", f"put_text(o, key); {write}")


_BODIES: dict[tuple[str, str], Callable[[_Source, Any, str], list[str]]] = {
    ("read", "record"): _Source.read_record,
    ("read", "union"): _Source.read_union,
    ("read", "array"): _Source.read_array,
    ("read", "map"): _Source.read_map,
    ("write", "record"): _Source.write_record,
    ("write", "union"): _Source.write_union,
    ("write", "array"): _Source.write_array,
    ("write", "map"): _Source.write_map,
}


def _blocks(empty: str, item: str) -> list[str]:
    loop = ["while count:", "    for _ in range(count):", f"        {item}", "    count = block(c)"]
    return [empty, "cdef Py_ssize_t count = block(c)", *loop]


def _block(loop: str, item: str) -> list[str]:
    full = ["if v:", "    put_number(o, len(v))", f"    {loop}", f"        {item}"]
    return [*full, "put_byte(o, 0)", "return 0"]
