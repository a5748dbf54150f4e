"""The durable log with its real thread and disk, around a broker the test holds."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from gateway.log import LogFull, LogUnavailable, Stamp
from gateway.wal import Wal
from gateway.wal_aside import ASIDE, copies_of
from gateway.wal_files import DiskFolder
from gateway.wal_log import DurableLog, Told, event_of
from gateway.wal_metrics import WalMetrics
from schemas.event import Event

WITHIN_S, FIRST = 20.0, f"{1:020d}.wal"
EVENT = Event(event_id="e1", user_key="demo:v:" + "0a" * 16, site="demo", type="page_view")


class HeldBroker:
    """Takes everything; confirms at once, or when it is let."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.ticks = 0
        self.away = False
        self.error: tuple[str | None, bool] = (None, False)
        self._told: list[Told] = []

    def produce(self, event: Event, told: Told) -> bool:
        self.events.append(event)
        self._told.append(told)
        if not self.away:
            asyncio.get_running_loop().call_soon(self.back)
        return True

    def back(self) -> None:
        self.away = False
        told, self._told = self._told, []
        for each in told:
            each(*self.error)

    def tick(self) -> None:
        self.ticks += 1

    def stop(self, _timeout_s: float) -> int:
        if not self.away:
            self.back()
        return len(self._told)


class Bench:
    """A log in a folder, as the server builds it."""

    def __init__(self, path: Path, *, keep_s: float = 600.0, **changes: Any) -> None:
        self.path, self.broker = path, HeldBroker()
        self.folder = DiskFolder(path)
        self.folder.make()
        self.folder.lock()
        self.fatal: list[str] = []
        self.now_s = time.time()
        self.registry = CollectorRegistry()
        wal = Wal(self.folder, **{"bytes_max": 1 << 24, **changes})
        self.log = DurableLog(
            *(wal, self.broker, asyncio.get_running_loop(), "gw", WalMetrics(self.registry)),
            stamp=Stamp(lambda: self.now_s),
            keep_s=keep_s,
            on_fatal=self.fatal.append,
        )
        self.log.start()

    def stop(self) -> int:
        left = self.log.stop(WITHIN_S)
        self.folder.unlock()
        return left

    def ticked(self) -> bool:
        """As the process does every 100 ms; false, so that a wait goes on."""
        self.log.tick()
        return False

    def number(self, name: str, **labels: str) -> float:
        value = self.registry.get_sample_value(f"kairos_gateway_wal{name}", labels)
        assert value is not None, name
        return value


async def until(holds: Any) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not holds():
            await asyncio.sleep(0.002)


def events(*names: str) -> list[Event]:
    return [Event(event_id=name, user_key=EVENT.user_key) for name in names]


@pytest.fixture
async def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path / "wal")
    await until(lambda: made.log.courier.live)
    return made


async def test_an_event_is_durable_while_the_broker_is_away(bench: Bench) -> None:
    """The acknowledgement is this disk's, not the broker's."""
    bench.broker.away = True
    async with asyncio.timeout(WITHIN_S):
        await asyncio.gather(*(bench.log.send(each) for each in events("a", "b")))
    assert bench.log.courier.left == 2 and bench.log.healthy
    assert bench.number("_undelivered") == 2
    bench.broker.back()
    await until(lambda: bench.log.courier.left == 0)
    assert bench.stop() == 0


async def test_a_later_send_has_a_later_stamp_and_the_first_one_is_kept(bench: Bench) -> None:
    accepted_ms = int(bench.now_s * 1000)
    bench.broker.away = True
    await bench.log.send(EVENT)
    bench.stop()
    again = Bench(bench.path)
    again.now_s = bench.now_s + 100
    await until(lambda: again.broker.events or again.ticked())
    (sent,) = again.broker.events
    assert (sent.accepted_at_ms, sent.event_id) == (accepted_ms, "e1")
    assert sent.received_at_ms >= accepted_ms and sent.gateway_id == "gw"
    await until(lambda: again.log.courier.left == 0)
    assert again.stop() == 0
    third = Bench(bench.path)
    await until(lambda: third.log.courier.live)
    assert third.broker.events == [] and third.stop() == 0


async def test_events_held_back_are_stamped_when_they_go(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an outage only what went out before it was noticed carries an old stamp."""
    monkeypatch.setattr("gateway.wal_courier.STALL_S", -1.0)
    bench.broker.away = True
    futures = [bench.log.send(each) for each in events("a", "b", "c")]
    await asyncio.gather(*futures)
    assert [each.event_id for each in bench.broker.events] == ["a"]
    ticks = bench.broker.ticks
    bench.log.tick()
    assert bench.broker.ticks == ticks, "a tick is a record too"
    monkeypatch.setattr("gateway.wal_courier.STALL_S", 1e9)
    bench.now_s += 60
    bench.broker.back()
    await until(lambda: len(bench.broker.events) == 3 and bench.log.courier.live)
    stamps = [each.received_at_ms - each.accepted_at_ms for each in bench.broker.events]
    assert stamps == [0, 60_000, 60_000]
    assert bench.number("_total", what="drained") == 2


async def test_a_failed_sync_acknowledges_nothing_more_and_ends_the_process(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """planted: the disk fails; a second sync would claim to have what the first one lost."""
    syncs = []

    def failing(_descriptor: int) -> None:
        syncs.append(1)
        raise OSError(5, "input/output error")

    monkeypatch.setattr(os, "fdatasync", failing)
    with pytest.raises(LogUnavailable):
        await bench.log.send(EVENT)
    with pytest.raises(LogUnavailable):
        bench.log.send(EVENT)
    assert len(syncs) == 1 and not bench.log.healthy
    assert bench.fatal and "input/output error" in bench.fatal[0]


async def test_a_thread_that_ends_by_a_bug_ends_the_process_too(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """planted: otherwise the gateway would go on, look well, and answer nobody."""

    def broken(_payloads: list[bytes]) -> int:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(bench.log._wal, "commit", broken)
    with pytest.raises(LogUnavailable):
        await bench.log.send(EVENT)
    assert bench.fatal == ["the write-ahead log failed: a bug"] and not bench.log.healthy


async def test_a_full_disk_refuses_and_recovers_by_itself(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int, _data: object) -> int:
        raise OSError(28, "no space left")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(LogFull):
        await bench.log.send(EVENT)
    assert not bench.log.healthy and bench.fatal == []
    with pytest.raises(LogFull):
        bench.log.send(EVENT)
    monkeypatch.undo()
    await until(lambda: bench.log.healthy)
    await bench.log.send(EVENT)
    assert bench.number("_total", what="disk_full") == 1 and bench.stop() == 0


async def test_at_the_cap_events_are_refused_until_the_broker_takes_some(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "wal", bytes_max=8_000)
    bench.broker.away = True
    taken = []
    with pytest.raises(LogFull):
        while True:
            taken.append(bench.log.send(EVENT))
            await taken[-1]
    assert 8 < len(taken) < 16 and not bench.log.healthy
    bench.broker.back()
    await until(lambda: bench.log.courier.left == 0)
    await until(lambda: bench.ticked() or bench.number("_total", what="kept_short"))
    await bench.log.send(EVENT)
    assert bench.log.healthy and bench.number("_total", what="kept_short") >= 1
    assert bench.stop() == 0


@pytest.mark.parametrize(("at_fault", "sent"), [(True, 2), (False, 3)])
async def test_a_record_at_fault_is_set_aside_and_any_other_is_sent_again(
    bench: Bench, at_fault: bool, sent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.wal_courier.RETRY_S", 0.0)
    bench.broker.away, bench.broker.error = True, ("REFUSED", at_fault)
    await bench.log.send(EVENT)
    bench.broker.back()
    bench.broker.error = (None, False)
    await until(lambda: bench.log.courier.left == 0 or bench.ticked())
    await bench.log.send(EVENT)
    await until(lambda: bench.log.courier.left == 0)
    assert len(bench.broker.events) == sent and bench.log.courier.delivered == 2
    assert [each.seq for each in copies_of(bench.folder)] == [1] * at_fault
    assert bench.stop() == 0


async def test_every_record_at_fault_has_its_copy_however_many(bench: Bench) -> None:
    """Live ones are refused before they are durable, so all at once have no seq yet."""
    bench.broker.error = ("REFUSED", True)
    names = [f"e{number}" for number in range(150)]
    async with asyncio.timeout(WITHIN_S):
        await asyncio.gather(*(bench.log.send(each) for each in events(*names)))
    await until(lambda: bench.log.courier.left == 0)
    copies = list(copies_of(bench.folder))
    assert [each.seq for each in copies] == [*range(1, 151)]
    assert [event_of(each.payload).event_id for each in copies] == names
    assert bench.number("_total", what="refused") == 150 and bench.stop() == 0


async def test_a_record_is_copied_only_once_it_is_durable(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, real = threading.Event(), os.fdatasync

    def held(descriptor: int) -> None:
        gate.wait(WITHIN_S)
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", held)
    bench.broker.error = ("REFUSED", True)
    sent = bench.log.send(EVENT)
    await until(lambda: bench.number("_total", what="refused"))
    bench.log.tick()
    assert list(copies_of(bench.folder)) == []
    gate.set()
    await sent
    await until(lambda: bench.log.courier.left == 0)
    assert [each.seq for each in copies_of(bench.folder)] == [1] and bench.stop() == 0


async def test_when_no_more_copies_fit_delivery_stops_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(tmp_path / "wal", bytes_max=16_000)
    await until(lambda: bench.log.courier.live)
    bench.broker.error = ("REFUSED", True)
    for each in events(*(f"e{number}" for number in range(20))):
        await bench.log.send(each)
    await until(lambda: bench.log.blocked)
    copied = len(list(copies_of(bench.folder)))
    assert 0 < copied < 20 and bench.log.courier.delivered == copied
    assert (bench.folder.path / ASIDE).stat().st_size <= 2_000
    bench.broker.error, known = (None, False), len(bench.broker.events)
    await bench.log.send(EVENT)
    for _ in range(3):
        bench.log.tick()
    assert not bench.log.healthy and bench.log.blocked == ASIDE
    assert len(bench.broker.events) == known and bench.log.courier.delivered == copied
    assert sum("is full at" in each for each in caplog.messages) == 1
    bench.stop()
    (bench.folder.path / ASIDE).rename(tmp_path / "looked-at")
    again = Bench(bench.path, bytes_max=16_000)
    await until(lambda: again.log.courier.left == 0 or again.ticked())
    assert again.log.healthy and len(again.broker.events) == 21 - copied and again.stop() == 0


async def test_an_old_segment_of_an_idle_gateway_is_closed_and_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its clock runs: the visitor's event is off the disk though nobody came again."""
    monkeypatch.setattr("gateway.wal.ROLL_S_MIN", 0.0)
    bench = Bench(tmp_path / "wal", keep_s=0.05)
    await until(lambda: bench.log.courier.live)
    await bench.log.send(EVENT)
    await until(lambda: bench.ticked() or bench.number("_bytes") == 0)
    assert bench.log.courier.left == 0 and not (bench.path / FIRST).exists()
    await bench.log.send(EVENT)
    assert bench.stop() == 0


async def test_damage_in_what_was_acknowledged_is_loud(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.broker.away = True
    await asyncio.gather(*(bench.log.send(each) for each in events("a", "b", "c")))
    bench.stop()
    (segment,) = bench.path.glob("*.wal")
    data = bytearray(segment.read_bytes())
    data[20] ^= 1
    segment.write_bytes(data)
    again = Bench(bench.path)
    await until(lambda: again.log.courier.left == 0 or again.ticked())
    assert [each.event_id for each in again.broker.events] == ["b", "c"]
    assert again.number("_total", what="damaged") == 1
    assert "1 acknowledged records from 1 on cannot be read" in caplog.text
    assert again.stop() == 0


async def test_the_loop_hears_once_of_a_group(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes while the disk works is one group, with one sync."""
    gate, syncs = threading.Event(), []
    real = os.fdatasync

    def held(descriptor: int) -> None:
        gate.wait(WITHIN_S)
        syncs.append(1)
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", held)
    futures = [bench.log.send(EVENT) for _ in range(200)]
    gate.set()
    async with asyncio.timeout(WITHIN_S):
        await asyncio.gather(*futures)
    assert len(syncs) <= 2 and bench.stop() == 0
