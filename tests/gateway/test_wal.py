"""The write-ahead log as files: opening after any end, rolling, caps, retention, one writer."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from gateway.wal import (
    COPIES_MAX,
    CURSOR,
    ROLL_S_MIN,
    DiskFull,
    OtherCluster,
    Wal,
    read_cursor,
)
from gateway.wal_files import DirectoryTaken, DiskFolder, Folder
from gateway.wal_reader import Reader
from gateway.wal_record import encode_all
from tests.simulator.disk import MemoryFolder, PowerCut

MIB = 1024 * 1024
KEEP_S = 600.0
CASES = 1_000


def opened(folder: Folder, **changes: int) -> Wal:
    return Wal(folder, **{"bytes_max": 64 * MIB, "segment_bytes": 2_000, **changes})


def everything(wal: Wal, after: int = 0) -> list[tuple[int, bytes]]:
    """All records behind a seq."""
    reader, out = Reader(wal.folder, lambda: wal.segments[:], after), []
    while taken := reader.next(wal.last):
        out += [(each.seq, each.payload) for each in taken]
    return out


def filled(folder: Folder, groups: int = 10) -> Wal:
    """A log of `groups` groups of three records of 300 bytes: a segment holds two groups."""
    wal = opened(folder)
    for number in range(groups):
        wal.commit([bytes([number * 3 + each]) * 300 for each in range(3)])
    return wal


def wanted(*numbers: int) -> list[tuple[int, bytes]]:
    return [(each, bytes([each - 1]) * 300) for each in numbers]


@pytest.fixture
def disk(tmp_path: Path) -> DiskFolder:
    folder = DiskFolder(tmp_path / "wal")
    folder.make()
    return folder


def test_what_was_committed_is_read_in_order_by_whoever_opens_it_next(disk: DiskFolder) -> None:
    wal = filled(disk)
    assert everything(wal) == wanted(*range(1, 31)) and len(wal.segments) == 5
    wal.close()
    again = opened(disk)
    assert again.last == 30 and everything(again) == wanted(*range(1, 31))
    assert again.commit([b"next"]) == 31 and everything(again, 30) == [(31, b"next")]
    assert (disk.path.stat().st_mode & 0o777, again.opened.damage) == (0o700, [])


def test_a_delivered_part_is_not_read_again(disk: DiskFolder) -> None:
    wal = filled(disk)
    wal.delivered = 17
    wal.save_cursor()
    wal.close()
    again = opened(disk)
    assert again.delivered == 17 and everything(again, again.delivered) == wanted(*range(18, 31))


@pytest.mark.parametrize("text", [b"", b"17", b"17 00000000\n", b"\xff\xfe", b"-1 x"])
def test_a_cursor_that_cannot_be_read_means_everything_again(text: bytes) -> None:
    """Sent twice is dropped by de-duplication; skipped would be lost."""
    folder = MemoryFolder()
    filled(folder)
    folder.replace(CURSOR, text)
    assert read_cursor(folder) == 0 and len(everything(opened(folder))) == 30


@pytest.mark.promise("M6")
def test_a_crash_costs_nothing_that_was_committed() -> None:
    """1,000 torn tails: power cut in a group's sync, any part of it written, any rubbish behind."""
    chance = Random(6)
    for _ in range(CASES):
        folder, groups = MemoryFolder(), chance.randrange(1, 9)
        wal = filled(folder, groups)
        folder.cut = lambda: True
        with pytest.raises(PowerCut):
            wal.commit([chance.randbytes(chance.randrange(400)) for _ in range(3)])
        folder.power_cut(lambda loose: chance.randint(0, loose))
        folder.cut = lambda: False
        newest = max(name for name in folder.names() if name.endswith(".wal"))
        folder.files[newest].data += chance.randbytes(chance.choice((0, 0, 7, 100)))
        again = opened(folder)
        found = everything(again)
        assert found[: groups * 3] == wanted(*range(1, groups * 3 + 1))
        assert len(found) <= groups * 3 + 3 and again.opened.lost == 0
        assert again.commit([b"goes on"]) == len(found) + 1


def test_a_flipped_bit_in_what_was_acknowledged_is_reported_and_set_aside() -> None:
    """1,000 flips anywhere but in the last record: one lost, named, kept aside, the rest read."""
    chance = Random(7)
    clean = MemoryFolder()
    filled(clean)
    names = [name for name in clean.names() if name.endswith(".wal")]
    for _ in range(CASES):
        folder = MemoryFolder()
        for name in names:
            folder.replace(name, bytes(clean.files[name].data))
        name = chance.choice(names)
        data = folder.files[name].data
        last = 316 if name == names[-1] else 0
        data[chance.randrange(len(data) - last)] ^= 1 << chance.randrange(8)
        wal = opened(folder)
        assert (wal.opened.lost, wal.opened.torn_bytes) == (1, 0)
        (lost,) = [damage.seq for _, damage in wal.opened.damage]
        assert everything(wal) == wanted(*(each for each in range(1, 31) if each != lost))
        assert sum(each.startswith("damage-") for each in folder.names()) == 1
        assert wal.commit([b"goes on"]) == 31


def test_a_flip_in_the_very_last_record_is_cut_as_torn_but_kept_and_counted() -> None:
    """Nobody can tell it from a write that was never acknowledged; so it is not silent either."""
    folder = MemoryFolder()
    filled(folder)
    newest = max(name for name in folder.names() if name.endswith(".wal"))
    folder.files[newest].data[-1] ^= 1
    wal = opened(folder)
    assert (wal.last, wal.opened.torn_bytes) == (29, 316)
    assert [name[:5] for name in folder.names() if name.startswith("torn-")] == ["torn-"]


def test_a_segment_that_is_gone_is_reported() -> None:
    folder = MemoryFolder()
    filled(folder)
    folder.remove(f"{13:020d}.wal")
    wal = opened(folder)
    assert wal.opened.lost == 6 and len(everything(wal)) == 24


def test_a_reader_reads_across_damage_and_gaps() -> None:
    """A length that claims to go on for ever, in the middle of a large segment."""
    folder = MemoryFolder()
    payloads = [bytes([each % 251]) * 5_000 for each in range(300)]
    data = bytearray(encode_all(1, payloads))
    at = 5_016 * 150
    data[at : at + 4] = (200_000).to_bytes(4, "little")
    folder.replace(f"{1:020d}.wal", bytes(data))
    wal = opened(folder, segment_bytes=8 * MIB)
    assert [seq for seq, _ in everything(wal)] == [*range(1, 151), *range(152, 301)]


def test_a_full_disk_takes_nothing_and_recovers_by_itself() -> None:
    folder = MemoryFolder()
    wal = filled(folder)
    folder.room = folder.used + 200
    for _ in range(3):
        with pytest.raises(DiskFull):
            wal.commit([b"x" * 300])
    folder.room = 1 << 40
    assert wal.commit([b"y" * 300]) == 31 and everything(wal, 30) == [(31, b"y" * 300)]
    assert everything(opened(folder), 30) == [(31, b"y" * 300)]


def test_a_disk_full_of_delivered_records_makes_room_by_itself() -> None:
    """Even when all of them lie in the newest segment: it is closed, and then can go."""
    folder = MemoryFolder()
    wal = opened(folder, segment_bytes=64 * MIB)
    wal.commit([b"x" * 3_000])
    folder.room = folder.used + 100
    wal.delivered = 1
    attempts = 0
    while not wal.size < 3_000:
        attempts += 1
        with pytest.raises(DiskFull):
            wal.commit([b"y" * 300])
        wal.free_early()
    assert attempts <= 3 and wal.commit([b"y" * 300]) == 2


def test_a_failed_sync_is_not_taken_for_a_full_disk() -> None:
    folder = MemoryFolder()
    wal = filled(folder)
    folder.broken = True
    with pytest.raises(OSError) as failure:
        wal.commit([b"x"])
    assert failure.value.errno == errno.EIO


def test_delivered_segments_are_kept_for_their_time_and_no_longer() -> None:
    folder = MemoryFolder()
    wal = filled(folder)
    wal.delivered = 30
    wal.save_cursor()
    wal.expire(100.0, KEEP_S)
    wal.expire(100.0 + KEEP_S - 1, KEEP_S)
    assert len(wal.segments) == 5
    wal.expire(100.0 + KEEP_S, KEEP_S)
    assert len(wal.segments) == 1 and wal.size == 6 * 316


def delivered(wal: Wal) -> None:
    wal.delivered = wal.last
    wal.save_cursor()


def test_the_open_segment_is_closed_by_age_and_then_expires() -> None:
    """A small shop never fills one: its visitors' events would stay for months."""
    folder = MemoryFolder()
    wal = opened(folder, segment_bytes=64 * MIB)
    wal.commit([b"x"])
    delivered(wal)
    wal.expire(100.0, KEEP_S)
    wal.commit([b"x"])
    wal.expire(100.0 + KEEP_S - 1, KEEP_S)
    assert wal.commit([b"x"]) == 3 and len(wal.segments) == 1
    wal.expire(100.0 + KEEP_S, KEEP_S)
    assert wal.commit([b"y"]) == 4 and [each.first for each in wal.segments] == [1, 4]
    delivered(wal)
    wal.expire(101.0 + KEEP_S, KEEP_S)
    wal.expire(101.0 + 2 * KEEP_S, KEEP_S)
    assert [each.first for each in wal.segments] == [4]
    assert everything(wal) == [(4, b"y")]


def test_an_idle_segment_is_closed_once_it_is_old_and_delivered() -> None:
    folder = MemoryFolder()
    wal = filled(folder, groups=2)
    for now_s, old in ((100.0, False), (100.0 + KEEP_S - 1, False), (100.0 + KEEP_S, True)):
        wal.expire(now_s, KEEP_S)
        assert not wal.rolls_idle, "nothing of it is delivered"
        delivered_before = wal.delivered
        wal.delivered = wal.last
        wal.save_cursor()
        assert wal.rolls_idle == old
        wal.delivered = delivered_before
        wal.save_cursor()
    delivered(wal)
    wal.roll_old()
    assert not wal.rolls_idle and everything(wal) == wanted(*range(1, 7))
    for now_s in (200.0 + KEEP_S, 200.0 + 2 * KEEP_S):
        wal.expire(now_s, KEEP_S)
    assert wal.size == 0 and everything(wal) == []
    assert opened(folder).commit([b"goes on"]) == 7
    assert wal.commit([b"goes on"]) == 7


def test_what_an_earlier_process_left_expires_before_anything_new_comes() -> None:
    folder = MemoryFolder()
    delivered(filled(folder))
    again = opened(folder)
    for now_s in (100.0, 100.0 + KEEP_S):
        again.expire(now_s, KEEP_S)
    assert again.segments == [] and again.commit([b"goes on"]) == 31


def test_segments_are_not_closed_at_every_look_where_nothing_is_kept() -> None:
    wal = filled(MemoryFolder(), groups=1)
    wal.expire(100.0, 0.0)
    wal.expire(100.0 + ROLL_S_MIN - 1, 0.0)
    assert not wal.segments[-1].old


def test_what_is_not_delivered_is_never_deleted() -> None:
    folder = MemoryFolder()
    wal = filled(folder)
    wal.delivered = 11
    wal.save_cursor()
    wal.expire(0.0, 0.0)
    assert wal.segments[0].first == 7 and not wal.free_early()
    assert everything(wal, 11) == wanted(*range(12, 31))


def test_the_cap_counts_every_byte_and_pressing_what_only_delivery_frees() -> None:
    folder = MemoryFolder()
    wal = opened(folder, bytes_max=8_000, segment_bytes=1_000)
    for _ in range(20):
        wal.commit([b"x" * 300])
    room = 8_000 - wal.aside.bytes_max
    assert wal.aside.bytes_max == 1_000, "copies set aside have their share kept free"
    assert wal.fits(room - wal.size) and not wal.fits(room + 1 - wal.size)
    assert wal.pressing == wal.size / room
    wal.delivered = 20
    assert wal.pressing == 0 and wal.free_early()


def test_two_writers_on_one_directory_are_refused(disk: DiskFolder) -> None:
    """Another process, too: this one holds the lock, that one must name the directory."""
    disk.lock()
    with pytest.raises(DirectoryTaken, match="another process"):
        DiskFolder(disk.path).lock()
    code = (
        "import sys, pathlib; from gateway.wal_files import DiskFolder;"
        "DiskFolder(pathlib.Path(sys.argv[1])).lock()"
    )
    other = [sys.executable, "-c", code, str(disk.path)]
    done = subprocess.run(other, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "DirectoryTaken" in done.stderr
    disk.unlock()
    again = DiskFolder(disk.path)
    again.lock()
    again.unlock()


def test_a_log_that_owes_records_to_another_cluster_is_refused() -> None:
    """Sent to the wrong broker they would look delivered, and be missing where they belong."""
    folder = MemoryFolder()
    wal = filled(folder)
    wal.bind("")
    wal.bind("first")
    opened(folder).bind("first")
    opened(folder).bind("")
    with pytest.raises(OtherCluster, match="30 records for the Kafka cluster first"):
        opened(folder).bind("second")
    wal.delivered = wal.last
    wal.save_cursor()
    opened(folder).bind("second")
    assert folder.read("cluster", 0, 99) == b"second"


def test_copies_of_what_was_cut_are_bounded_and_need_no_room() -> None:
    """A full disk must not keep a gateway from starting; a hundred crashes leave a hundred."""
    folder = MemoryFolder()
    for number in range(COPIES_MAX + 3):
        opened(folder).commit([b"x"])
        newest = max(name for name in folder.names() if name.endswith(".wal"))
        folder.files[newest].data += b"torn"
        if number == COPIES_MAX:
            folder.room = folder.used
        assert opened(folder).opened.torn_bytes == 4
        folder.room = 1 << 40
    assert sum(name.startswith("torn-") for name in folder.names()) == COPIES_MAX
