"""Compiled readers and writers against fastavro: the same bytes, the same values, never laxer."""

from __future__ import annotations

import json
from functools import cache
from io import BytesIO
from shutil import which
from typing import Any

import fastavro
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.avro import codec, schema_text
from connectors.avro_compiled import compile_reader, compile_writer
from connectors.avro_native import native_codec
from connectors.memory import MemoryRegistry
from connectors.native_build import HOT
from infra.setup.native import COMPILERS
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
IN_C = [f"{topic} in C" for topic in HOT if any(map(which, COMPILERS))]
CODECS = [*KINDS, *IN_C]
"""Where there is no C compiler there are no C codecs, as set-up says."""

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
def compiled(codec_of: str) -> Any:
    """(reader, writer) of "topic" in Python or of "topic in C"."""
    topic, _, language = codec_of.partition(" in ")
    schema = json.loads(schema_text(topic))
    if language:
        made = native_codec(schema, KINDS[topic])
        assert made is not None, (
            "the C codecs are not built: `make setup`, or python -m connectors.native_build"
        )
        return made
    return compile_reader(schema, KINDS[topic]), compile_writer(schema, KINDS[topic])


def topic_of(codec_of: str) -> str:
    return codec_of.partition(" in ")[0]


@cache
def records(topic: str) -> st.SearchStrategy[Any]:
    return values(json.loads(schema_text(topic)), {})


def by_fastavro(topic: str, record: Any) -> bytes:
    out = BytesIO()
    fastavro.schemaless_writer(out, parsed(topic), record)
    return out.getvalue()


@pytest.mark.parametrize("codec_of", CODECS)
@SLOW
@given(st.data())
def test_bytes_and_values_are_those_of_fastavro(codec_of: str, data: Any) -> None:
    topic = topic_of(codec_of)
    record = data.draw(records(topic))
    want = by_fastavro(topic, record)
    value = KINDS[topic].from_record(dict(record))
    read, write = compiled(codec_of)
    out = bytearray()
    write(value, out)
    assert bytes(out) == want
    assert read(want, 0) == (value, len(want))


@pytest.mark.parametrize("codec_of", CODECS)
@SLOW
@given(st.data())
def test_what_it_reads_from_damaged_bytes_fastavro_reads_too(codec_of: str, data: Any) -> None:
    topic = topic_of(codec_of)
    body = bytearray(by_fastavro(topic, samples()[topic].to_record()))
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        value, after = compiled(codec_of)[0](bytes(body), 0)
    except Exception:
        # Being stricter is fine; that every error becomes a BadFrame is tested elsewhere.
        return
    stream = BytesIO(bytes(body))
    record = fastavro.schemaless_reader(stream, parsed(topic))
    assert (KINDS[topic].from_record(record), stream.tell()) == (value, after)


@pytest.mark.parametrize("topic", [topic_of(each) for each in IN_C])
def test_the_c_codec_refuses_what_the_python_codec_refuses(topic: str) -> None:
    """Cut anywhere, or one byte changed anywhere: the same value, or an error in both."""
    body = by_fastavro(topic, samples()[topic].to_record())
    damaged = [body[:cut] for cut in range(len(body))]
    for at in range(len(body)):
        for byte in (0, 1, 0x7F, 0x80, 0xFF, body[at] ^ 1):
            damaged.append(body[:at] + bytes((byte,)) + body[at + 1 :])
    for each in damaged:
        assert outcome(compiled(f"{topic} in C")[0], each) == outcome(compiled(topic)[0], each)


def outcome(read: Any, body: bytes) -> Any:
    """The value read and where it ended, or that the bytes were refused."""
    try:
        return read(body, 0)
    except Exception:
        return "refused"


def test_a_topic_that_was_not_built_is_coded_by_python() -> None:
    """Another release's schema has another name, so a stale module is never taken for it."""
    schema = json.loads(schema_text("events"))
    assert native_codec({**schema, "fields": schema["fields"][1:]}, Event) is None
    assert native_codec(json.loads(schema_text("sites")), KINDS["sites"]) is None


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
