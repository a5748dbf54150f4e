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
from gateway.wal_aside import Aside, Copy
from gateway.wal_files import DiskFolder
from gateway.wal_log import payload_of
from schemas.event import Event

NOW_S = 1_790_000_000.0
T0_MS = 1_712_613_245_000


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stack whose one gateway took five events a second apart; the broker has two of them."""
    monkeypatch.setenv("KAIROS_STACK_DIR", str(tmp_path))
    monkeypatch.delenv("KAIROS_WAL_DIR", raising=False)
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


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of events that a replay sent."""
    ids: list[str] = []

    async def send(_brokers: str, _registry: str, events: Iterable[Event]) -> int:
        ids.extend(each.event_id for each in events)
        return len(ids)

    monkeypatch.setattr(command, "send_again", send)
    monkeypatch.setattr(command, "endpoints", lambda: Endpoints("b", "r"))
    return ids


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


@pytest.fixture
def rolled(log: Path) -> Path:
    """The same log after two more processes: seqs 1 to 5, 6 to 8, 9 to 11."""
    folder = DiskFolder(log)
    wal = Wal(folder, bytes_max=1 << 20)
    for _ in range(2):
        for _ in range(3):
            event = Event(event_id=f"e{wal.last}", accepted_at_ms=T0_MS + wal.last * 1_000)
            wal.commit([payload_of(event)])
        wal.close()
        wal = Wal(folder, bytes_max=1 << 20)
    return log


@pytest.mark.parametrize("what", ["remove", "cut"])
def test_verify_and_replay_tell_the_loss_that_the_gateway_tells(
    rolled: Path,
    capsys: pytest.CaptureFixture[str],
    sent: list[str],
    what: str,
) -> None:
    """A segment that is gone, and damage at the end of one that is not the newest."""
    assert told(capsys, "verify")[0] == 0
    middle = sorted(rolled.glob("*.wal"))[1]
    if what == "remove":
        middle.unlink()
    else:
        middle.write_bytes(middle.read_bytes()[:-3])
    code, found = told(capsys, "verify")
    lost = 3 if what == "remove" else 1
    assert (code, found["verified"]) == (1, 11 - lost)
    assert [each["lost"] for each in found["damage"]] == [lost]
    assert main(["wal", "replay", "--since", "2024-04-08"]) == 1 and len(sent) == 11 - lost
    said = capsys.readouterr().out
    assert f"{lost} acknowledged records were not sent: {lost} damaged or missing" in said
    opened = Wal(DiskFolder(rolled), bytes_max=1 << 20).opened
    assert opened.lost == lost, "the gateway's own verdict"


def test_replay_counts_records_that_this_version_cannot_read(
    log: Path, capsys: pytest.CaptureFixture[str], sent: list[str]
) -> None:
    wal = Wal(DiskFolder(log), bytes_max=1 << 20)
    wal.commit([b"\xc1 no event"])
    wal.close()
    assert main(["wal", "replay", "--since", "2024-04-08", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["sent"], told["damaged"], told["unreadable"], len(sent)) == (5, 0, 1, 5)


def test_a_log_is_where_its_gateway_has_it(
    log: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, sent: list[str]
) -> None:
    """KAIROS_WAL_DIR, for all three commands."""
    elsewhere = log.rename(log.parent.parent / "elsewhere")
    monkeypatch.setenv("KAIROS_WAL_DIR", str(elsewhere))
    for action in ("status", "verify"):
        code, found = told(capsys, action)
        assert (code, found["directory"], found["last"]) == (0, str(elsewhere), 5)
    assert main(["wal", "replay", "--since", "2024-04-08"]) == 0 and len(sent) == 5


@pytest.mark.parametrize("action", [["status"], ["verify"], ["replay", "--since", "10m"]])
def test_no_log_at_all_is_an_error_that_names_the_fix(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    action: list[str],
) -> None:
    monkeypatch.setenv("KAIROS_STACK_DIR", str(tmp_path))
    monkeypatch.delenv("KAIROS_WAL_DIR", raising=False)
    assert main(["wal", *action]) != 0
    assert "--dir or KAIROS_WAL_DIR" in capsys.readouterr().err
    monkeypatch.setenv("KAIROS_WAL_DIR", str(tmp_path / "none"))
    assert main(["wal", *action]) != 0
    assert "KAIROS_WAL_DIR: " in capsys.readouterr().err


def test_what_was_set_aside_is_listed(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Aside(DiskFolder(log), 1_000).add([Copy("refused", 3, b"x")])
    assert told(capsys, "status")[1]["set_aside"] == ["refused record 3"]


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
    log: Path, sent: list[str], since: str, wanted: list[str]
) -> None:
    assert main(["wal", "replay", "--since", since]) == 0
    assert sent == wanted


def test_a_time_that_is_none_is_named() -> None:
    with pytest.raises(CommandError, match="yesterday"):
        command.since_of("yesterday", NOW_S)
    assert command.since_of("90s", NOW_S) == NOW_S * 1000 - 90_000
