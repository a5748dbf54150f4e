"""An exported log's files: nothing lost, small, the same each time, and damage is told."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from connectors import log_files
from connectors.avro import codec
from connectors.log_files import LogFilesError, LogRecord, Manifest, TopicSpan
from connectors.memory import MemoryRegistry
from schemas.event import Event

RECORDS = [
    LogRecord(0, 0, 1_712_613_245_000, b"k", b"v", (("a", b"1"), ("a", None), ("b", b""))),
    LogRecord(0, 5, 1_712_613_245_000, None, None),
    LogRecord(11, 2**40, 0, b"", b"\x00" * 300_000),
]
MANIFEST = Manifest({"events": TopicSpan(12, 3, {"0": 0}, {"0": 6})}, {"7": '"string"'})


def test_records_come_back_as_they_were(tmp_path: Path) -> None:
    log_files.write_records(tmp_path, "events", RECORDS)
    assert list(log_files.read_records(tmp_path, "events")) == RECORDS


def test_a_manifest_comes_back_as_it_was(tmp_path: Path) -> None:
    log_files.write_manifest(tmp_path, MANIFEST)
    assert log_files.read_manifest(tmp_path) == MANIFEST


def test_the_same_log_gives_the_same_bytes(tmp_path: Path) -> None:
    for topic in ("one", "two"):
        log_files.write_records(tmp_path, topic, RECORDS)
    first, second = ((tmp_path / f"{topic}.avro").read_bytes() for topic in ("one", "two"))
    assert first == second


def test_an_export_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    """The records of `sites` carry the secrets that make visitor ids."""
    folder = tmp_path / "log"
    log_files.create(folder)
    log_files.write_records(folder, "sites", RECORDS)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "sites.avro").stat().st_mode) == 0o600


def test_two_minutes_of_ticks_are_small(tmp_path: Path) -> None:
    """12 partitions x 10 ticks a second; a golden savepoint's log must fit into a commit."""
    encode = codec("events", MemoryRegistry()).encode
    ticks = []
    for number in range(1_200):
        now_ms = 1_712_613_245_000 + number * 100
        tick = Event(internal="tick", user_key="~tick", received_at_ms=now_ms, gateway_id="g1")
        for partition in range(12):
            ticks.append(LogRecord(partition, number, now_ms, b"~tick", encode(tick)))
    ticks.sort()
    log_files.write_records(tmp_path, "events", ticks)
    assert (tmp_path / "events.avro").stat().st_size < 30_000


def test_an_export_is_not_written_over(tmp_path: Path) -> None:
    log_files.write_manifest(tmp_path, MANIFEST)
    with pytest.raises(LogFilesError, match="holds an export already"):
        log_files.create(tmp_path)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"version": 2}', '{"version": 1}', '{"version": 1, "topics": {"a": 1}}'],
)
def test_a_manifest_that_is_none_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(LogFilesError, match=r"manifest\.json"):
        log_files.read_manifest(tmp_path)


def test_a_folder_without_a_manifest_is_no_finished_export(tmp_path: Path) -> None:
    with pytest.raises(LogFilesError, match="no finished export"):
        log_files.read_manifest(tmp_path)


def test_a_cut_or_foreign_file_is_refused_by_name(tmp_path: Path) -> None:
    log_files.write_records(tmp_path, "events", RECORDS)
    path = tmp_path / "events.avro"
    whole = path.read_bytes()
    for damaged in (whole[:40], whole[: len(whole) // 2], b"", b"PK\x03\x04" + whole):
        path.write_bytes(damaged)
        with pytest.raises(LogFilesError, match=r"events\.avro"):
            list(log_files.read_records(tmp_path, "events"))
