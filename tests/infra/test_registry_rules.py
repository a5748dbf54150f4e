"""The registry's rules without a process: compatibility as a table, the journal's promises."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.registry.errors import Refusal
from infra.registry.journal import Journal, JournalCorrupt
from infra.registry.store import COMPACT_AFTER, Store

PAIRS = ("BACKWARD", "FORWARD", "FULL")
ALL = " ".join(PAIRS)


def record(*fields: tuple[Any, ...], name: str = "R") -> str:
    """A record schema of (name, type) or (name, type, default) fields."""
    described = [
        {"name": each[0], "type": each[1], **({"default": each[2]} if len(each) > 2 else {})}
        for each in fields
    ]
    return json.dumps({"type": "record", "name": name, "fields": described})


def enum(*symbols: str, **more: Any) -> dict[str, Any]:
    return {"type": "enum", "name": "E", "symbols": list(symbols), **more}


A = ("a", "long")
NEWER = [
    # change, the old schema, the new schema, levels that allow it
    ("same fields", record(A), record(A), ALL),
    ("add a field with a default", record(A), record(A, ("b", "long", 0)), ALL),
    ("add a field without", record(A), record(A, ("b", "long")), "FORWARD"),
    ("drop a field with a default", record(A, ("b", "long", 0)), record(A), ALL),
    ("drop a field without", record(A, ("b", "long")), record(A), "BACKWARD"),
    ("widen int to long", record(("a", "int")), record(A), "BACKWARD"),
    ("narrow long to int", record(A), record(("a", "int")), "FORWARD"),
    ("string to bytes", record(("a", "string")), record(("a", "bytes")), ALL),
    ("string to long", record(("a", "string")), record(A), ""),
    ("make optional", record(A), record(("a", ["null", "long"])), "BACKWARD"),
    ("make required", record(("a", ["null", "long"])), record(A), "FORWARD"),
    ("add a union branch", record(("a", ["null", "long"])),
     record(("a", ["null", "long", "string"])), "BACKWARD"),
    ("add an enum symbol", record(("a", enum("X"))), record(("a", enum("X", "Y"))), "BACKWARD"),
    ("add an enum symbol, default", record(("a", enum("X", default="X"))),
     record(("a", enum("X", "Y", default="X"))), ALL),
    ("rename the record", record(A), record(A, name="Other"), ""),
    ("rename a field, defaults", record(("a", "long", 0)), record(("b", "long", 0)),
     ALL),
    ("rename a field", record(A), record(("b", "long")), ""),
    ("grow a fixed", record(("a", {"type": "fixed", "name": "F", "size": 4})),
     record(("a", {"type": "fixed", "name": "F", "size": 8})), ""),
    ("array items int to long", record(("a", {"type": "array", "items": "int"})),
     record(("a", {"type": "array", "items": "long"})), "BACKWARD"),
    ("map values long to string", record(("a", {"type": "map", "values": "long"})),
     record(("a", {"type": "map", "values": "string"})), ""),
]  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Any:
    journal = Journal(tmp_path)
    yield Store(journal)
    journal.close()


@pytest.mark.parametrize(("change", "old", "new", "allowed"), NEWER, ids=[row[0] for row in NEWER])
def test_a_change_is_allowed_by_exactly_these_levels(
    store: Store, change: str, old: str, new: str, allowed: str
) -> None:
    verdicts = []
    for level in PAIRS:
        subject = f"{level}-value"
        store.set_level(subject, level)
        store.register(subject, old)
        try:
            store.register(subject, new)
            verdicts.append(level)
        except Refusal as refusal:
            assert refusal.code == 409
    assert " ".join(verdicts) == allowed


@pytest.mark.parametrize("direction", PAIRS)
def test_only_a_transitive_level_looks_behind_the_newest(store: Store, direction: str) -> None:
    """First b is a long, then it is gone, then it comes back as a string."""
    first, second = record(A, ("b", "long", 0)), record(A)
    third = record(A, ("b", "string", ""))
    for level in (direction, f"{direction}_TRANSITIVE"):
        store.set_level(level, direction)
        store.register(level, first)
        store.register(level, second)
        store.set_level(level, level)
    store.register(direction, third)
    with pytest.raises(Refusal, match="cannot read") as refused:
        store.register(f"{direction}_TRANSITIVE", third)
    assert refused.value.code == 409


def test_level_none_allows_anything(store: Store) -> None:
    store.set_level("s", "NONE")
    assert store.register("s", record(A)) != store.register("s", '"string"')


def test_a_schema_has_one_id_in_all_subjects_and_layouts(store: Store) -> None:
    text = record(A)
    spaced = json.dumps(json.loads(text), indent=4)
    assert store.register("one", text) == store.register("two", spaced)
    assert [each.version for each in store.versions("one")] == [1]


def test_a_deleted_version_keeps_its_id_readable_until_it_is_removed(store: Store) -> None:
    schema_id = store.register("s", record(A))
    store.delete_subject("s", permanent=False)
    assert "long" in store.schema(schema_id)
    store.delete_subject("s", permanent=True)
    with pytest.raises(Refusal) as refused:
        store.schema(schema_id)
    assert refused.value.code == 40403
    assert store.register("s", record(A)) == schema_id


BAD_SCHEMAS = [
    "", "{", "nonsense", '{"type": "record"}', '{"type": "record", "name": "R", "fields": [{}]}',
    '{"type": "enum", "name": "E", "symbols": ["A", "A"]}', "[" * 5000, '{"type": "fixed"}',
    '{"type": "record", "name": "1", "fields": []}', "1", "null null", '["int", "int"]',
    '{"type": "record", "name": "\\ud800", "fields": []}',
]  # fmt: skip


@pytest.mark.parametrize("text", BAD_SCHEMAS)
def test_text_that_is_no_schema_is_refused_as_42201(store: Store, text: str) -> None:
    with pytest.raises(Refusal) as refused:
        store.register("s", text)
    assert refused.value.code == 42201


def filled(directory: Path, count: int) -> list[int]:
    journal = Journal(directory)
    store = Store(journal)
    ids = [store.register(f"s{number}", record((f"f{number}", "int"))) for number in range(count)]
    journal.close()
    return ids


def test_a_journal_cut_at_any_byte_loses_only_its_last_line(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    path = tmp_path / "registry.jsonl"
    whole = path.read_bytes()
    two_lines = whole[: whole.rindex(b"\n", 0, -1) + 1]
    for length in range(len(two_lines), len(whole)):
        path.write_bytes(whole[:length])
        journal = Journal(tmp_path)
        assert len(journal.read()) == 2
        journal.close()
        assert path.read_bytes() == two_lines


def test_a_damaged_line_in_the_middle_stops_the_start(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    path = tmp_path / "registry.jsonl"
    path.write_bytes(path.read_bytes().replace(b"f1", b"fx"))
    journal = Journal(tmp_path)
    with pytest.raises(JournalCorrupt, match="line 2 is damaged"):
        journal.read()
    journal.close()


def test_compaction_keeps_everything(tmp_path: Path) -> None:
    ids = filled(tmp_path, 3)
    journal = Journal(tmp_path)
    store = Store(journal)
    store.delete_subject("s0", permanent=False)
    for turn in range(COMPACT_AFTER):
        store.set_level("s1", "FULL" if turn % 2 else "NONE")
    before = store.state.record()
    journal.close()
    journal = Journal(tmp_path)
    assert Store(journal).state.record() == before
    journal.close()
    journal = Journal(tmp_path)
    assert len(journal.read()) == 1
    assert Store(journal).register("s2", record(("f2", "int"))) == ids[2]
    journal.close()


def test_a_data_directory_has_one_owner(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with pytest.raises(RuntimeError, match="another registry"):
        Journal(tmp_path)
    journal.close()
    assert (tmp_path / "lock").exists()
