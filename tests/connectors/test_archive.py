"""An archive holds what the log held, each record once, through crashes and merges; no more."""

from __future__ import annotations

import os
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from connectors import archive_files, archive_segments, archive_write, log_archive
from connectors.archive_erase import erase
from connectors.archive_files import (
    found,
    is_archive,
    read_about,
    read_reaches,
    segments,
)
from connectors.archive_index import rows_of
from connectors.archive_prune import prune
from connectors.log_archive import opened
from connectors.log_files import LogFilesError
from connectors.log_folder import read_manifest, read_records
from connectors.memory import MemoryRegistry
from schemas.ids import TICK_KEY
from schemas.topics import DECISIONS, EVENTS
from tests.connectors.archives import (
    MONDAY_MS,
    USERS,
    archived,
    kept,
    log,
    of_topic,
    writer,
)

NEVER_MS = MONDAY_MS * 2
TOPICS = (EVENTS, DECISIONS)


def held(folder, topic):
    """What the archive gives back of a topic, ticks aside."""
    return [each for each in read_records(folder, topic) if each.key != TICK_KEY.encode()]


@pytest.mark.parametrize("every", [1, 7, 1000], ids=["each alone", "sevens", "all at once"])
def test_it_gives_back_what_the_log_held(tmp_path, every):
    """Every byte, header, key and offset, in log order, however often it was committed."""
    registry = MemoryRegistry()
    records = log(registry)
    archived(tmp_path, records, registry, every)
    for topic in TOPICS:
        assert held(tmp_path, topic) == kept(of_topic(records, topic))
    manifest = read_manifest(tmp_path)
    assert manifest.topics[EVENTS].records == len(kept(of_topic(records, EVENTS)))
    assert manifest.schemas == {str(number): text for number, text in registry.schemas.items()}


def test_each_partition_ends_with_its_newest_tick(tmp_path):
    """Deadlines of a fold run as far as the job's did, though ticks are not kept."""
    registry = MemoryRegistry()
    records = log(registry)
    archived(tmp_path, records, registry)
    ticks = [each for each in read_records(tmp_path, EVENTS) if each.key == TICK_KEY.encode()]
    all_ticks = [each for each in of_topic(records, EVENTS) if each.key == TICK_KEY.encode()]
    assert ticks == [max(t for t in all_ticks if t.partition == number) for number in (0, 1)]


def test_rows_lie_by_table_site_and_utc_day(tmp_path):
    """Outcomes apart, poison apart with its bytes, and no raw id in any name."""
    registry = MemoryRegistry()
    records = log(registry)
    archived(tmp_path, records, registry)
    places = {(each.table, each.folder.parent.name, each.folder.name) for each in found(tmp_path)}
    assert ("events", "site=demo", "day=2023-11-15") in places
    assert {table for table, _, _ in places} == {"events", "outcomes", "decisions", "poison"}
    poison = [
        value
        for each in segments(tmp_path, ("poison",))
        for value in pq.read_table(each.path, columns=["value"]).column("value").to_pylist()
    ]
    assert len(poison) == 5 and poison.count(b"no frame") == 3


class PowerCut(BaseException):
    """The machine is gone at this file operation."""


def cut_after(monkeypatch, count):
    """Let `count` renames happen, then fail every one."""
    left = [count]
    rename = os.replace

    def replaced(part, path):
        if left[0] == 0:
            raise PowerCut
        left[0] -= 1
        rename(part, path)

    monkeypatch.setattr(archive_files.os, "replace", replaced)


def crash_everywhere(tmp_path, monkeypatch):
    """For each rename of a run: cut there, start anew, read the whole log on; problems found."""
    registry = MemoryRegistry()
    records = log(registry, 6)
    problems = []
    for count in range(1, 400):
        folder = tmp_path / str(count)
        writer(folder, registry)
        with monkeypatch.context() as patch:
            cut_after(patch, count)
            try:
                archived(folder, records, registry, 8)
                return problems, count
            except PowerCut:
                pass
        archived(folder, records, registry, 8)
        for topic in TOPICS:
            if held(folder, topic) != kept(of_topic(records, topic)):
                problems.append((count, topic))
        if problems:
            return problems, count
    raise AssertionError("the run never ended")


@pytest.mark.long
@pytest.mark.promise("C71")
def test_a_crash_at_any_file_operation_loses_and_doubles_nothing(tmp_path, monkeypatch):
    """Every rename of data, index and commit in turn, merges included."""
    monkeypatch.setattr(archive_write, "MERGED_AT", 2)
    problems, count = crash_everywhere(tmp_path, monkeypatch)
    assert problems == [] and count > 25


def test_planted_a_commit_before_its_files_loses_records(tmp_path, monkeypatch):
    """Offsets first, files after: the crash between them must show."""
    write = archive_write.write_reaches
    rows = archive_write.write_rows

    def early(segment, given):
        folder = segment.folder.parents[2]
        reaches = read_reaches(folder)
        partitions = reaches.setdefault(segment.topic, {})
        reach = partitions.get(segment.partition) or archive_files.Reach(0, 0)
        partitions[segment.partition] = replace(reach, end=segment.end)
        write(folder, reaches)
        rows(segment, given)

    monkeypatch.setattr(archive_write, "write_rows", early)
    problems, _ = crash_everywhere(tmp_path, monkeypatch)
    assert problems


def test_planted_leftovers_that_count_double_records(tmp_path, monkeypatch):
    """Without the commit's word on what counts, what a crash left is read twice."""
    registry = MemoryRegistry()
    records = log(registry)
    archived(tmp_path, records, registry)
    (own, *_) = segments(tmp_path, ("decisions",))
    stray = replace(own, first=own.first + 900, end=own.end + 900)
    stray.path.write_bytes(own.path.read_bytes())
    stray.index.write_bytes(own.index.read_bytes())
    assert held(tmp_path, DECISIONS) == kept(of_topic(records, DECISIONS))
    reaches = read_reaches(tmp_path)
    for each in reaches[DECISIONS]:
        reaches[DECISIONS][each] = replace(reaches[DECISIONS][each], end=10_000)
    monkeypatch.setattr(archive_files, "read_reaches", lambda _: reaches)
    assert held(tmp_path, DECISIONS) != kept(of_topic(records, DECISIONS))


def test_a_failed_commit_is_tried_again_without_doubles(tmp_path, monkeypatch):
    """A full disk in the middle, more records meanwhile, then room again."""
    registry = MemoryRegistry()
    records = log(registry)
    made = writer(tmp_path, registry)
    for topic, each in records[:40]:
        made.add(topic, each)
    with monkeypatch.context() as patch:
        cut_after(patch, 5)
        with pytest.raises(PowerCut):
            made.commit()
    for topic, each in records[40:]:
        made.add(topic, each)
    made.commit()
    for topic in TOPICS:
        assert held(tmp_path, topic) == kept(of_topic(records, topic))


def test_files_of_like_size_become_one(tmp_path, monkeypatch):
    """A commit a minute leaves no thousands of files, and its index still finds each row."""
    monkeypatch.setattr(archive_write, "MERGED_AT", 3)
    registry = MemoryRegistry()
    records = log(registry, 40)
    archived(tmp_path, records, registry, 2)
    places = {}
    for each in segments(tmp_path):
        places.setdefault(each.place, []).append(each)
    assert max(len(own) for own in places.values()) < archive_write.MERGED_AT
    with opened(tmp_path) as archive:
        for number in range(40):
            (raw,) = archive.of_id(DECISIONS, f"d_{number:032x}")
            assert f"d_{number:032x}".encode() in raw.value


def test_a_lookup_reads_one_group_of_rows(tmp_path, monkeypatch):
    """Counted, not timed: an id costs its own group, a user the groups of the user."""
    monkeypatch.setattr(archive_segments, "GROUP_ROWS", 4)
    monkeypatch.setattr(log_archive, "GROUP_ROWS", 4)
    registry = MemoryRegistry()
    records = log(registry, 120)
    archived(tmp_path, records, registry, 10_000)
    with opened(tmp_path) as archive:
        total = sum(each.path and archive_segments.count_rows(each) for each in archive.segments)
        assert total > 240
        for wanted in (f"s_{77:032x}", f"d_{77:032x}", "e77"):
            before = archive.groups_read
            (raw,) = archive.of_id(DECISIONS, wanted)
            assert raw.key == USERS[77 % 5].encode() and archive.groups_read - before == 1
        assert archive.of_id(DECISIONS, "d_nobody") == []
        assert [raw.value for raw in archive.of_id(EVENTS, "e5")]
        before = archive.groups_read
        own = archive.of_key(EVENTS, USERS[2].encode())
        assert own == [each for each in kept(of_topic(records, EVENTS)) if each.key == own[0].key]
        assert archive.groups_read - before <= len(archive.of(EVENTS))


def test_a_file_without_its_index_is_searched_in_full(tmp_path):
    """Slower, and still right; a damaged index is named."""
    registry = MemoryRegistry()
    records = log(registry)
    archived(tmp_path, records, registry)
    for each in segments(tmp_path, ("decisions",)):
        each.index.unlink()
    with opened(tmp_path) as archive:
        assert len(archive.of_id(DECISIONS, f"s_{9:032x}")) == 1
    broken = segments(tmp_path, ("decisions",))[0].index
    broken.write_bytes(b"KAIROSX1" + (9).to_bytes(8, "little"))
    with pytest.raises(LogFilesError, match="damaged"):
        rows_of(broken, "d_1")


def test_erasing_takes_every_row_of_a_key_and_no_other(tmp_path):
    """Events, outcomes, decisions and poison; what comes again later stays out too."""
    registry = MemoryRegistry()
    records = log(registry)
    half = len(records) // 2
    archived(tmp_path, records[:half], registry)
    done = erase(tmp_path, USERS[1], NEVER_MS)
    assert done.rows and done.files
    archived(tmp_path, records, registry)
    for topic in TOPICS:
        others = [each for each in kept(of_topic(records, topic)) if each.key != USERS[1].encode()]
        assert held(tmp_path, topic) == others
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or USERS[1].encode() not in path.read_bytes(), path
    with opened(tmp_path) as archive:
        assert archive.of_id(DECISIONS, f"d_{1:032x}") == []
        assert len(archive.of_id(DECISIONS, f"d_{2:032x}")) == 1


def test_erasing_up_to_a_time_keeps_what_is_later(tmp_path):
    """Whoever comes back after an erasure is archived as anybody."""
    registry = MemoryRegistry()
    records = log(registry)
    archived(tmp_path, records, registry)
    upto_ms = MONDAY_MS + 5 * 86_400_000
    erase(tmp_path, USERS[1], upto_ms)
    own = [each for each in held(tmp_path, EVENTS) if each.key == USERS[1].encode()]
    want = [each for each in kept(of_topic(records, EVENTS)) if each.key == USERS[1].encode()]
    assert own == [each for each in want if each.timestamp_ms > upto_ms] and own


@pytest.mark.long
def test_a_crash_while_erasing_leaves_old_or_new(tmp_path, monkeypatch):
    """Every file is either as before or without the key, and a second run finishes."""
    registry = MemoryRegistry()
    records = log(registry, 8)
    want = [each for each in kept(of_topic(records, EVENTS)) if each.key != USERS[1].encode()]
    for count in range(1, 30):
        folder = tmp_path / str(count)
        archived(folder, records, registry, 1000)
        with monkeypatch.context() as patch:
            cut_after(patch, count)
            try:
                erase(folder, USERS[1], NEVER_MS)
            except PowerCut:
                pass
            else:
                return
        assert [e for e in held(folder, EVENTS) if e.key != USERS[1].encode()] == want
        erase(folder, USERS[1], NEVER_MS)
        assert held(folder, EVENTS) == want
    raise AssertionError("erasing never ended")


def test_readers_keep_the_files_they_listed(tmp_path, monkeypatch):
    """A merge waits with removing until nobody reads."""
    monkeypatch.setattr(archive_write, "MERGED_AT", 3)
    registry = MemoryRegistry()
    records = log(registry, 40)
    archived(tmp_path, records[:30], registry, 2)
    with opened(tmp_path) as archive:
        archived(tmp_path, records, registry, 2)
        assert all(each.path.exists() for each in archive.segments)
        list(archive.records(EVENTS))


def test_a_gap_in_the_log_is_remembered(tmp_path):
    """Retention was faster than the archiver: said, not hidden."""
    registry = MemoryRegistry()
    records = log(registry)
    archived(tmp_path, records, registry)
    end = read_reaches(tmp_path)[EVENTS][0].end
    made = writer(tmp_path, registry)
    assert made.begin(EVENTS, 0, end + 50)
    assert read_about(tmp_path).gaps == ((EVENTS, 0, end, end + 50),)


def test_old_days_go_and_control_records_stay(tmp_path):
    """Whole days, counted from the newest."""
    registry = MemoryRegistry()
    archived(tmp_path, log(registry, 40), registry)
    removed = prune(tmp_path, 3)
    days = {each.folder.name for each in segments(tmp_path)}
    assert removed and days == {"day=2023-11-22", "day=2023-11-23", "day=2023-11-24"}


def test_a_folder_that_is_none_is_named(tmp_path):
    """No half answers."""
    assert not is_archive(tmp_path)
    with pytest.raises(LogFilesError, match="is missing"), opened(tmp_path):
        pass
    (tmp_path / "archive.json").write_text("{}")
    with pytest.raises(LogFilesError, match="version is None"):
        read_about(tmp_path)
