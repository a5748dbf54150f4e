"""What goes to the broker when: order per key under stalls, refusals, full queues and crashes."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import pytest

from gateway.wal import Wal
from gateway.wal_courier import RETRY_S, STALL_S, WINDOW_MAX, Courier, Entry
from gateway.wal_reader import Reader
from schemas.event import Event
from tests.simulator.disk import MemoryFolder

WORLDS, STEPS, ROUNDS_MAX = 300, 120, 10_000


@dataclass
class Bench:
    """A log, an courier and a broker that answers when it is told to."""

    folder: MemoryFolder = field(default_factory=MemoryFolder)
    now_s: float = 1_000.0
    takes: bool = True

    def __post_init__(self) -> None:
        self.sent: list[bytes] = []
        self.asked: list[Entry] = []
        self.waiting: list[Entry] = []
        self.written = 0
        self.begin()

    def begin(self) -> None:
        """A process begins on the folder."""
        self.wal = Wal(self.folder, bytes_max=1 << 30, segment_bytes=500)
        self.asked.clear()
        self.waiting.clear()
        self.courier = Courier(self.wal.delivered, self._reader, self._produce, lambda: self.now_s)
        self.courier.opened(self.wal.last)

    def _reader(self, seq: int) -> Reader:
        return Reader(self.folder, lambda: self.wal.segments[:], seq)

    def _produce(self, entry: Entry) -> bool:
        if self.takes:
            self.sent.append(entry.payload)
            self.asked.append(entry)
        return self.takes

    def offer(self) -> None:
        self.written += 1
        entry = Entry(b"%d" % self.written, Event())
        self.waiting.append(entry)
        self.courier.offer(entry)

    def commit(self, count: int = 1 << 30) -> None:
        group, self.waiting = self.waiting[:count], self.waiting[count:]
        if group:
            self.courier.settled(group, self.wal.commit([each.payload for each in group]))

    def answer(self, count: int = 1 << 30, *, good: bool = True) -> None:
        now, self.asked[:] = self.asked[:count], self.asked[count:]
        for entry in now:
            self.courier.confirmed(entry, good=good)

    def end(self) -> None:
        """The process ends, its cursor saved or not."""
        self.wal.delivered = self.courier.delivered
        self.wal.save_cursor()

    def drain(self) -> None:
        """Everything goes well from now on."""
        self.takes = True
        for _ in range(ROUNDS_MAX):
            self.commit()
            self.answer()
            self.now_s += RETRY_S
            self.courier.pump(7)
            if self.courier.live and not self.courier.left and not self.asked:
                return
        raise AssertionError("it never came to rest")


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.courier.pump(1)
    assert made.courier.live
    return made


def test_a_live_record_goes_to_the_broker_before_it_is_durable(bench: Bench) -> None:
    bench.offer()
    assert bench.sent == [b"1"] and bench.courier.left == 0
    bench.commit()
    assert bench.courier.left == 1
    bench.answer()
    assert bench.courier.delivered == 1 and bench.courier.left == 0


def test_what_the_broker_has_before_the_disk_counts_once_the_disk_has_it(bench: Bench) -> None:
    bench.offer()
    bench.answer()
    assert bench.courier.delivered == 0
    bench.commit()
    assert bench.courier.delivered == 1


def test_the_cursor_stays_at_the_first_record_that_is_missing(bench: Bench) -> None:
    for _ in range(3):
        bench.offer()
    bench.commit()
    bench.asked = [bench.asked[0], bench.asked[2], bench.asked[1]]
    bench.answer(2)
    assert bench.courier.delivered == 1
    bench.answer()
    assert bench.courier.delivered == 3


def test_while_the_broker_is_away_records_stay_on_the_disk_and_follow_in_order(
    bench: Bench,
) -> None:
    bench.offer()
    bench.commit()
    bench.now_s += STALL_S + 0.01
    for _ in range(50):
        bench.offer()
        bench.commit()
        bench.courier.pump(10)
    assert bench.sent == [b"1"] and bench.courier.left == 51
    bench.offer()
    bench.drain()
    assert bench.sent == [b"%d" % each for each in range(1, 53)]
    assert bench.courier.drained == 51


def test_no_more_than_a_window_is_on_its_way(bench: Bench) -> None:
    for _ in range(WINDOW_MAX + 10):
        bench.offer()
    assert len(bench.sent) == WINDOW_MAX and not bench.courier.live
    bench.drain()
    assert bench.sent == [b"%d" % each for each in range(1, WINDOW_MAX + 11)]


def test_a_refused_record_takes_those_behind_it_with_it(bench: Bench) -> None:
    for _ in range(4):
        bench.offer()
    bench.commit()
    bench.answer(1)
    bench.answer(1, good=False)
    bench.answer()
    bench.offer()
    assert bench.courier.delivered == 1 and bench.sent[4:] == []
    bench.drain()
    assert bench.sent[4:] == [b"2", b"3", b"4", b"5"]


def test_a_full_queue_is_asked_again_and_nothing_overtakes(bench: Bench) -> None:
    bench.takes = False
    for _ in range(3):
        bench.offer()
    bench.takes = True
    bench.offer()
    assert bench.sent == []
    bench.drain()
    assert bench.sent == [b"1", b"2", b"3", b"4"]


def test_what_a_process_left_is_sent_before_anything_new(bench: Bench) -> None:
    for _ in range(5):
        bench.offer()
    bench.commit()
    bench.answer(2)
    bench.end()
    bench.begin()
    bench.offer()
    bench.drain()
    assert bench.sent[5:] == [b"3", b"4", b"5", b"6"]


def test_a_group_the_disk_had_no_room_for_is_forgotten(bench: Bench) -> None:
    bench.offer()
    bench.courier.settled(bench.waiting, 0)
    bench.waiting.clear()
    bench.answer()
    bench.offer()
    bench.drain()
    assert bench.courier.delivered == 1 and bench.sent == [b"1", b"2"]


def step(bench: Bench, chance: Random) -> None:
    """One thing that can happen."""
    what = chance.randrange(12)
    if what < 4:
        bench.offer()
    elif what < 6:
        bench.commit(chance.randint(1, 4))
    elif what < 8:
        bench.answer(chance.randint(1, 6), good=chance.random() < 0.9)
    elif what == 8:
        bench.now_s += chance.choice((0.01, STALL_S, RETRY_S))
    elif what == 9:
        bench.takes = chance.random() < 0.7
    elif what == 10:
        bench.courier.pump(chance.randint(1, 5))
    elif chance.random() < 0.2:
        durable = {payload for _, payload in committed(bench)}
        bench.waiting.clear()
        if chance.random() < 0.5:
            bench.end()
        bench.begin()
        assert durable == {payload for _, payload in committed(bench)}


def committed(bench: Bench) -> list[tuple[int, bytes]]:
    reader, out = bench._reader(0), []
    while taken := reader.next(bench.wal.last):
        out += [(each.seq, each.payload) for each in taken]
    return out


def test_in_any_history_nothing_durable_is_lost_or_overtaken() -> None:
    """300 histories of stalls, refusals, full queues and crashes. What is sent again may repeat:
    taking the first of each, the order is that of the disk, as de-duplication takes it.
    """
    for seed in range(WORLDS):
        bench, chance = Bench(), Random(seed)
        for _ in range(STEPS):
            step(bench, chance)
        bench.drain()
        kept = [payload for _, payload in committed(bench)]
        known = set(kept)
        arrived = [each for each in dict.fromkeys(bench.sent) if each in known]
        assert arrived == kept, f"seed {seed}"
