"""Any bytes give a value or one BadFrame, and never another exception."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.avro import (
    BadFrame,
    codec,
    decode_frame,
    encode_frame,
    fingerprint,
    register_all,
    schema_text,
)
from connectors.memory import MemoryRegistry
from schemas.event import Event
from schemas.topics import SCHEMA_FILES
from tests.schemas.samples import event, samples

REGISTRY = MemoryRegistry(first_id=100)
IDS = register_all(REGISTRY)
EVENTS = codec("events", REGISTRY)
FULL = EVENTS.encode(event())
HEAD = FULL[:5]
BLANK = EVENTS.encode(Event())


def writer_id(schema: Any) -> int:
    return REGISTRY.register("other", schema if isinstance(schema, str) else json.dumps(schema))


def zigzag(number: int) -> bytes:
    """Avro's variable-length integer."""
    rest = (number << 1 ^ number >> 63) & (1 << 64) - 1
    out = b""
    while rest > 0x7F:
        out += bytes((rest & 0x7F | 0x80,))
        rest >>= 7
    return out + bytes((rest,))


def record(*fields: tuple[str, Any], name: str = "Event") -> dict[str, Any]:
    described = [{"name": field, "type": kind} for field, kind in fields]
    return {"type": "record", "name": name, "namespace": "io.kairos", "fields": described}


def framed(schema: Any, body: bytes) -> bytes:
    return encode_frame(writer_id(schema), body)


ITSELF = record(("site", "string"), ("next", ["null", "io.kairos.Event"]))
NOTHINGS = record(("nothings", {"type": "array", "items": "null"}))
EMPTIES = record(("e", {"type": "array", "items": record(name="Empty")}))
QUANTITY = record(("product", ["null", record(("quantity", "long"), name="Product")]))
PRODUCT = record(("product", ["null", record(("quantity", "int"), name="Product")]))
NUMBERS = record(("properties", {"type": "map", "values": ["string", "double", "boolean"]}))
DEEP: Any = "string"
for _ in range(60):
    DEEP = {"type": "array", "items": DEEP}

GARBAGE = [
    # what is wrong, the bytes, the reason
    ("no value", None, "no_value"),
    ("an empty value", b"", "bad_magic"),
    ("another magic byte", b"\x01" + FULL[1:], "bad_magic"),
    ("JSON", b'{"event_id": "x"}', "bad_magic"),
    ("magic byte alone", b"\x00", "truncated"),
    ("a cut schema id", FULL[:4], "truncated"),
    ("no body", HEAD, "truncated"),
    ("half a body", FULL[: len(FULL) // 2], "truncated"),
    ("the last byte missing", FULL[:-1], "truncated"),
    ("one byte too many", FULL + b"\x00", "trailing_bytes"),
    ("two frames", FULL + FULL, "trailing_bytes"),
    ("an id nobody gave", encode_frame(99, FULL[5:]), "unknown_schema_id"),
    ("the id of another topic", encode_frame(IDS["decisions"], FULL[5:]), "wrong_schema"),
    ("a writer that is no record", framed("string", b""), "unsupported_schema"),
    ("a writer that is an enum", framed({"type": "enum", "name": "E", "symbols": ["A"]}, b"\x00"),
     "wrong_schema"),
    ("a string longer than a disk", HEAD + zigzag(2**40) + b"x", "truncated"),
    ("a string of 2^62 bytes", HEAD + zigzag(2**62) + b"x", "truncated"),
    ("a string of negative length", HEAD + zigzag(-7) + b"xxxxxxxx", "truncated"),
    ("a length that never ends", HEAD + b"\xff" * 40, "bad_body"),
    ("text that is no UTF-8", HEAD + b"\x04\xff\xfe" + FULL[5:], "bad_utf8"),
    ("a union branch that is none", BLANK.replace(b"\x12anonymous\x00", b"\x12anonymous\x0e"),
     "bad_body"),
    ("a map of 2^40 entries", framed(NUMBERS, zigzag(2**40) + b"\x02a\x00\x02b"), "truncated"),
    ("a type that contains itself", framed(ITSELF, b"\x00" + b"\x02\x00" * 50_000 + b"\x00"),
     "unsupported_schema"),
    ("2^40 items of no bytes", framed(NOTHINGS, zigzag(2**40) + b"\x00"), "unsupported_schema"),
    ("2^40 empty records", framed(EMPTIES, zigzag(2**40) + b"\x00"), "unsupported_schema"),
    ("a schema nested 60 deep", framed(record(("deep", DEEP)), b"\x00"), "unsupported_schema"),
    ("a schema of a megabyte", framed(record(("a", "string")) | {"doc": "x" * 10**6}, b"\x00"),
     "unsupported_schema"),
    ("a schema that is no JSON", encode_frame(writer_id("{"), b""), "unsupported_schema"),
    ("a writer the reader cannot resolve", framed(QUANTITY, b"\x02\x02"), "bad_body"),
    ("an int of 40 bits", framed(PRODUCT, b"\x02" + zigzag(2**40)), "bad_value"),
    ("a number that is none", framed(NUMBERS, b"\x02\x02a\x02" + struct.pack("<d", float("nan"))
                                     + b"\x00"), "bad_value"),
    ("an endless number", framed(NUMBERS, b"\x02\x02a\x02" + struct.pack("<d", float("inf"))
                                 + b"\x00"), "bad_value"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "data", "reason"), GARBAGE, ids=[row[0].replace(" ", "-") for row in GARBAGE]
)
def test_garbage_has_one_error_with_a_reason(wrong: str, data: bytes | None, reason: str) -> None:
    with pytest.raises(BadFrame) as bad:
        EVENTS.decode(data)
    assert bad.value.reason == reason
    head = (data or b"")[:5]
    readable = len(head) == 5 and head[0] == 0
    assert bad.value.schema_id == (int.from_bytes(head[1:], "big") if readable else -1)


@pytest.mark.parametrize("length", range(len(FULL)))
def test_a_frame_cut_anywhere_is_a_bad_frame(length: int) -> None:
    with pytest.raises(BadFrame):
        EVENTS.decode(FULL[:length])


def test_an_error_quotes_nothing_of_the_record() -> None:
    secret = HEAD + b"\x10s3cr3t-\xff"
    with pytest.raises(BadFrame) as bad:
        EVENTS.decode(secret)
    assert "s3cr3t" not in str(bad.value)


def outcome(topic: str, data: bytes | None) -> str:
    """A reason, or `value`; any other exception is the test's failure."""
    try:
        codec_of = CODECS[topic]
        codec_of.decode(data)
    except BadFrame as bad:
        return bad.reason
    return "value"


CODECS = {topic: codec(topic, REGISTRY) for topic in SCHEMA_FILES}
FRAMES = {topic: CODECS[topic].encode(value) for topic, value in samples().items()}


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.none(), st.binary(max_size=300), st.binary(max_size=300).map(HEAD.__add__)))
def test_any_bytes_are_a_value_or_a_bad_frame(data: bytes | None) -> None:
    assert outcome("events", data)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(SCHEMA_FILES)), st.data())
def test_a_frame_with_changed_bytes_is_a_value_or_a_bad_frame(topic: str, data: Any) -> None:
    frame = bytearray(FRAMES[topic])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(frame) - 1))
        frame[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
        if not frame:
            break
    assert outcome(topic, bytes(frame))


TEXT = st.text(max_size=20)
BIG = st.integers(-(2**63), 2**63 - 1)
VALUES = st.one_of(TEXT, st.booleans(), st.floats(allow_nan=False, allow_infinity=False))
ANY_EVENT = st.builds(
    Event,
    event_id=TEXT,
    session_index=BIG,
    received_at_ms=BIG,
    properties=st.dictionaries(TEXT, VALUES, max_size=16),
    pii=st.none() | st.binary(max_size=40),
    scroll_depth_ppm=st.none() | BIG,
    bot=st.booleans(),
)


@settings(max_examples=200, deadline=None)
@given(ANY_EVENT)
def test_an_event_comes_back_as_it_was(value: Event) -> None:
    assert EVENTS.decode(EVENTS.encode(value)) == value


@pytest.mark.parametrize("topic", SCHEMA_FILES)
def test_every_topics_value_comes_back_as_it_was(topic: str) -> None:
    value = samples()[topic]
    assert CODECS[topic].decode(FRAMES[topic]) == value
    assert CODECS[topic].decode_body(CODECS[topic].body(value)) == value


def test_a_body_does_not_depend_on_the_registrys_ids() -> None:
    other = codec("events", MemoryRegistry(first_id=4_000))
    assert other.schema_id == 4_000
    assert other.encode(event())[5:] == FULL[5:] == EVENTS.body(event())


def test_a_newer_writers_extra_field_is_skipped() -> None:
    newer = json.loads(schema_text("events"))
    newer["fields"].append({"name": "later", "type": "string", "doc": "x", "default": ""})
    assert EVENTS.decode(framed(newer, FULL[5:] + b"\x06new")) == event()


def test_a_known_id_keeps_flowing_while_the_registry_is_down() -> None:
    registry = MemoryRegistry()
    reader = codec("events", registry)
    frame = reader.encode(event())
    assert reader.decode(frame) == event()
    registry.down = True
    assert reader.decode(frame) == event()
    with pytest.raises(BadFrame) as bad:
        reader.decode(encode_frame(9, frame[5:]))
    assert (bad.value.reason, bad.value.schema_id) == ("registry_unavailable", 9)


def test_a_schemas_layout_does_not_change_its_fingerprint() -> None:
    assert len(fingerprint("decisions")) == 16
    assert fingerprint("decisions") != fingerprint("events")


def test_a_frame_splits_into_id_and_body() -> None:
    assert decode_frame(encode_frame(7, b"body")) == (7, b"body")
