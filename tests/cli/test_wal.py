"""`kairos wal`: what it says of sound, torn and damaged logs, and what it sends again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from cli import wal as command
from cli.endpoints import Endpoints
from cli.main import main
from cli.output import CommandError
from gateway.wal import Wal
from gateway.wal_files import DiskFolder
from gateway.wal_log import payload_of
from schemas.event import Event

NOW_S = 1_790_000_000.0
T0_MS = 1_712_613_245_000


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stack whose one gateway took five events a second apart; the broker has two of them."""
    monkeypatch.setenv("KAIROS_STACK_DIR", str(tmp_path))
    folder = DiskFolder(tmp_path / "data" / "wal" / "18080")
    folder.make()
    folder.lock()
    wal = Wal(folder, bytes_max=1 << 20)
    for number in range(5):
        event = Event(event_id=f"e{number}", accepted_at_ms=T0_MS + number * 1_000)
        wal.commit([payload_of(event)])
    wal.delivered = 2
    wal.save_cursor()
    wal.close()
    folder.unlock()
    return folder.path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = main(["wal", *arguments, "--json"])
    (found,) = json.loads(capsys.readouterr().out)["logs"]
    return code, found


def test_status_tells_depth_and_age(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = told(capsys, "status")
    assert (code, found["undelivered"], found["last"], found["delivered"]) == (0, 3, 5, 2)
    assert found["oldest_age_s"] > 1e6 and not found["in_use"] and found["directory"] == str(log)
    assert main(["wal", "status"]) == 0 and "18080" in capsys.readouterr().out


def test_a_log_in_use_is_said_to_be(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = DiskFolder(log)
    folder.lock()
    assert told(capsys, "status", "--dir", str(log))[1]["in_use"]
    folder.unlock()


def test_verify_reads_the_delivered_part_too(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "verify")[1]["verified"] == 5
    (segment,) = log.glob("*.wal")
    data = bytearray(segment.read_bytes())
    data[30] ^= 1
    segment.write_bytes(data)
    code, found = told(capsys, "verify")
    assert (code, found["verified"]) == (1, 4)
    (damage,) = found["damage"]
    assert (damage["seq"], damage["lost"], damage["offset"]) == (1, 1, 0)
    assert main(["wal", "verify"]) == 1 and "1 records from seq 1 on" in capsys.readouterr().out


def test_a_torn_end_is_no_damage(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (segment,) = log.glob("*.wal")
    segment.write_bytes(segment.read_bytes()[:-3])
    code, found = told(capsys, "verify")
    assert (code, found["verified"], found["damage"]) == (0, 4, []) and found["torn_bytes"] > 0


@pytest.mark.parametrize(
    ("since", "wanted"),
    [
        ("2024-04-08T21:54:07Z", ["e2", "e3", "e4"]),
        ("2024-04-08T23:54:07+02:00", ["e2", "e3", "e4"]),
        ("2024-04-08", ["e0", "e1", "e2", "e3", "e4"]),
        ("10m", []),
    ],
)
def test_replay_sends_what_was_accepted_since(
    log: Path, monkeypatch: pytest.MonkeyPatch, since: str, wanted: list[str]
) -> None:
    sent: list[str] = []

    async def send(_brokers: str, _registry: str, events: Iterable[Event]) -> int:
        sent.extend(each.event_id for each in events)
        return len(sent)

    monkeypatch.setattr(command, "send_again", send)
    monkeypatch.setattr(command, "endpoints", lambda: Endpoints("b", "r"))
    assert main(["wal", "replay", "--since", since]) == 0
    assert sent == wanted


def test_a_time_that_is_none_is_named() -> None:
    with pytest.raises(CommandError, match="yesterday"):
        command.since_of("yesterday", NOW_S)
    assert command.since_of("90s", NOW_S) == NOW_S * 1000 - 90_000
