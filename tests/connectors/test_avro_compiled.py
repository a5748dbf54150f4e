"""Compiled readers and writers against fastavro: the same bytes, the same values, never laxer."""

from __future__ import annotations

import json
from functools import cache
from io import BytesIO
from typing import Any

import fastavro
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.avro import codec, schema_text
from connectors.avro_compiled import compile_reader, compile_writer
from connectors.memory import MemoryRegistry
from schemas import topics
from schemas.event import Event
from tests.schemas.samples import samples

KINDS: dict[str, Any] = dict(topics.TYPES)
LEAVES: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(max_size=80),
    "bytes": st.binary(max_size=80),
    "long": st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-200, 200)),
    "int": st.integers(-(2**31), 2**31 - 1),
    "boolean": st.booleans(),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "null": st.none(),
}
SLOW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def values(schema: Any, named: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Any value of a schema, as fastavro takes it."""
    if isinstance(schema, list):
        return st.one_of([values(branch, named) for branch in schema])
    if isinstance(schema, str):
        return LEAVES[schema] if schema in LEAVES else values(named[schema], named)
    if schema["type"] == "record":
        named[schema["name"]] = schema
        fields = {each["name"]: values(each["type"], named) for each in schema["fields"]}
        return st.fixed_dictionaries(fields)
    if schema["type"] == "array":
        return st.lists(values(schema["items"], named), max_size=3)
    return st.dictionaries(LEAVES["string"], values(schema["values"], named), max_size=3)


@cache
def parsed(topic: str) -> Any:
    return fastavro.parse_schema(json.loads(schema_text(topic)))


@cache
def compiled(topic: str) -> Any:
    schema = json.loads(schema_text(topic))
    return compile_reader(schema, KINDS[topic]), compile_writer(schema, KINDS[topic])


@cache
def records(topic: str) -> st.SearchStrategy[Any]:
    return values(json.loads(schema_text(topic)), {})


def by_fastavro(topic: str, record: Any) -> bytes:
    out = BytesIO()
    fastavro.schemaless_writer(out, parsed(topic), record)
    return out.getvalue()


@pytest.mark.parametrize("topic", KINDS)
@SLOW
@given(st.data())
def test_bytes_and_values_are_those_of_fastavro(topic: str, data: Any) -> None:
    record = data.draw(records(topic))
    want = by_fastavro(topic, record)
    value = KINDS[topic].from_record(dict(record))
    read, write = compiled(topic)
    out = bytearray()
    write(value, out)
    assert bytes(out) == want
    assert read(want, 0) == (value, len(want))


@pytest.mark.parametrize("topic", KINDS)
@SLOW
@given(st.data())
def test_what_it_reads_from_damaged_bytes_fastavro_reads_too(topic: str, data: Any) -> None:
    body = bytearray(by_fastavro(topic, samples()[topic].to_record()))
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        value, after = compiled(topic)[0](bytes(body), 0)
    except Exception:
        # Being stricter is fine; that every error becomes a BadFrame is tested elsewhere.
        return
    stream = BytesIO(bytes(body))
    record = fastavro.schemaless_reader(stream, parsed(topic))
    assert (KINDS[topic].from_record(record), stream.tell()) == (value, after)


def test_blocks_with_sizes_are_read() -> None:
    """Other writers may give a negative count and the block's size; ours do not."""
    kind = {"type": "map", "values": ["string", "double", "boolean"]}
    field = {"name": "properties", "type": kind}
    schema: Any = {"type": "record", "name": "Event", "fields": [field]}
    block = b"\x01\x08" + b"\x02a\x04\x01" + b"\x02" + b"\x02b\x04\x00" + b"\x00"
    assert compile_reader(schema, Event)(block, 0)[0].properties == {"a": True, "b": False}


@pytest.mark.parametrize("field", ["session_index", "received_at_ms"])
def test_a_number_beyond_its_type_is_not_written(field: str) -> None:
    events = codec("events", MemoryRegistry())
    for number in (2**63, -(2**63) - 1, 2**70):
        with pytest.raises(OverflowError):
            events.encode(replace(Event(), **{field: number}))


def test_an_older_writers_body_takes_the_general_reader() -> None:
    registry = MemoryRegistry()
    older = json.loads(schema_text("events"))
    older["fields"] = [each for each in older["fields"] if each["name"] != "bot"]
    schema_id = registry.register("events-value", json.dumps(older))
    events = codec("events", registry)
    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(older), Event(type="x").to_record())
    assert events.decode(schema_id.to_bytes(5, "big") + out.getvalue()) == Event(type="x")
