"""Bytes written under any schema that was ever in use are read by the present one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from connectors.avro import codec, encode_frame, fingerprint_of, schema_text
from connectors.memory import MemoryRegistry
from infra.registry.compatibility import parsed
from schemas.topics import SCHEMA_FILES, TYPES
from tests.schemas.golden import FOLDER, as_json, codec_of, current
from tests.schemas.samples import samples

GOLDEN = sorted(FOLDER.glob("*.json"))


def golden(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text("utf-8")))


@pytest.mark.parametrize("path", GOLDEN, ids=[path.stem for path in GOLDEN])
def test_golden_bytes_are_decoded_by_the_present_reader(path: Path) -> None:
    """Fields both sides know keep their value; fields the writer lacked take their default."""
    want, topic = golden(path), path.name.split(".")[0]
    registry = MemoryRegistry(first_id=77)
    writer_id = registry.register("old", json.dumps(want["schema"]))
    value = codec(topic, registry).decode(encode_frame(writer_id, bytes.fromhex(want["body"])))
    assert as_json(value) == completed(json.loads(schema_text(topic)), want["value"])


def completed(schema: Any, value: Any) -> Any:
    """An older writer's value with the default of each field that it lacked, records inside too."""
    if isinstance(schema, list):
        return value if value is None else completed(schema[-1], value)
    kind = schema.get("type") if isinstance(schema, dict) else None
    if kind == "record":
        return {
            field["name"]: completed(field["type"], value[field["name"]])
            if field["name"] in value
            else field["default"]
            for field in schema["fields"]
        }
    if kind == "array":
        return [completed(schema["items"], each) for each in value]
    if kind == "map":
        return {name: completed(schema["values"], each) for name, each in value.items()}
    return value


def schema_fields(topic: str) -> list[dict[str, Any]]:
    return list(json.loads(schema_text(topic))["fields"])


@pytest.mark.parametrize("topic", SCHEMA_FILES)
def test_the_present_schema_has_golden_bytes_and_writes_them(topic: str) -> None:
    """A changed schema needs `python -m tests.schemas.golden`, which adds a file."""
    want = golden(current(topic))
    assert codec_of(topic).body(samples()[topic]).hex() == want["body"]


@pytest.mark.parametrize("path", GOLDEN, ids=[path.stem for path in GOLDEN])
def test_golden_files_are_named_by_their_schema_and_fully_compatible(path: Path) -> None:
    topic, mark = path.name.split(".")[:2]
    old = json.dumps(golden(path)["schema"])
    assert fingerprint_of(old) == mark
    for reader, writer in ((schema_text(topic), old), (old, schema_text(topic))):
        checker = ReaderWriterCompatibilityChecker()
        verdict = checker.get_compatibility(parsed(reader), parsed(writer))
        assert verdict.compatibility is SchemaCompatibilityType.compatible


def test_an_older_writer_is_among_the_golden_files() -> None:
    assert len([path for path in GOLDEN if path.name.startswith("events.")]) >= 2


@pytest.mark.parametrize("topic", SCHEMA_FILES)
def test_every_field_has_a_doc_and_a_default(topic: str) -> None:
    missing = []

    def look(schema: Any, where: str) -> None:
        if isinstance(schema, list):
            for branch in schema:
                look(branch, where)
        elif isinstance(schema, dict):
            for field in schema.get("fields", ()):
                place = f"{where}.{field['name']}"
                if not field.get("doc") or "default" not in field:
                    missing.append(place)
                look(field["type"], place)
            for part in ("type", "items", "values"):
                look(schema.get(part), where)

    look(json.loads(schema_text(topic)), topic)
    assert missing == []


@pytest.mark.parametrize("topic", TYPES)
def test_the_python_type_and_the_schema_have_the_same_fields_and_defaults(topic: str) -> None:
    blank = TYPES[topic]()
    got = as_json(blank.to_record())
    want = {field["name"]: field["default"] for field in schema_fields(topic)}
    assert list(got) == list(want)
    assert {k: v for k, v in got.items() if k != "site"} == {
        k: v for k, v in want.items() if k != "site"
    }


@pytest.mark.parametrize("topic", TYPES)
def test_samples_leave_no_field_at_its_default(topic: str) -> None:
    blank, full = TYPES[topic]().to_record(), samples()[topic].to_record()
    same = [name for name in blank if blank[name] == full[name]]
    assert set(same) <= {"placement", "site", "snapshot"}
