"""Dead letters on a real broker: listed once, shown whole, replayed at most once."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from connectors.avro import codec, encode_frame, register_all
from connectors.dead_letters import REPLAY_OF
from connectors.log_files import LogRecord
from connectors.log_topics import LogReader, LogWriter
from connectors.registry import RegistryClient
from schemas.dead_letter import DeadLetter, letter
from tests.stack.servers import Servers

USER = b"demo:v:" + b"0" * 32
POISON = {0: b"garbage", 1: encode_frame(9_999, b"x"), 2: None}


@pytest.fixture(scope="module")
def brokers(servers: Servers) -> Iterator[str]:
    where = servers.fresh(("kafka", "registry"), job=False, demo=False).state.endpoints
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KAIROS_BROKERS", where["brokers"])
        patch.setenv("KAIROS_REGISTRY_URL", where["registry"])
        write_letters(where["brokers"], RegistryClient(where["registry"]))
        yield where["brokers"]


def of_event(offset: int, value: bytes | None, **more: Any) -> DeadLetter:
    place = {"origin_partition": 5, "origin_offset": offset, "origin_timestamp_ms": 1}
    return letter(
        reason="bad_magic", detail="x", topic="events", key=USER, value=value, **place, **more
    )


def write_letters(brokers: str, registry: RegistryClient) -> None:
    """Three originals in `events`, their letters (one twice, after a crash), and odd ones."""
    register_all(registry)
    writer, encode = LogWriter(brokers), codec("dead-letters", registry).encode
    letters = [of_event(offset, value) for offset, value in POISON.items()]
    cut = DeadLetter(reason="cut", origin_topic="events", value=b"abc", value_length=10**6)
    nowhere = DeadLetter(reason="deadline", origin_topic="events", origin_partition=-1)
    foreign = DeadLetter(reason="foreign", origin_topic="payments")
    for value in POISON.values():
        writer.write("events", LogRecord(5, 0, 1, USER, value))
    for made in (*letters, letters[0], cut, nowhere, foreign):
        writer.write("dead-letters", LogRecord(1, 0, 1, USER, encode(made)))
    writer.write("dead-letters", LogRecord(2, 0, 1, None, b"not a letter"))
    writer.flush("dead-letters")


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert main(["dead-letters", *arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_each_letter_is_listed_once_with_its_reason(
    brokers: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answer(capsys, "list")
    assert found["reasons"] == {
        "bad_magic": 3, "cut": 1, "deadline": 1, "foreign": 1, "unreadable_letter": 1
    }  # fmt: skip
    names = sorted(item["id"] for item in found["items"])
    assert names[:2] == ["dead-letters/1/5", "dead-letters/2/0"]
    assert len(answer(capsys, "list", "--limit", "2")["items"]) == 2
    assert answer(capsys, "list", "--reason", "cut")["total"] == 1


def test_a_letter_is_shown_with_its_original_bytes(
    brokers: str, capsys: pytest.CaptureFixture[str]
) -> None:
    item = answer(capsys, "show", "events/5/1")["items"][0]
    assert base64.b64decode(item["value_base64"]) == POISON[1]
    assert base64.b64decode(item["key_base64"]) == USER
    assert item["replayable"]


def test_raw_bytes_can_be_taken_out(brokers: str, capfdbinary: Any) -> None:
    assert main(["dead-letters", "show", "events/5/1", "--raw"]) == 0
    assert capfdbinary.readouterr().out == POISON[1]


def test_an_unknown_letter_is_told_by_name(
    brokers: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dead-letters", "show", "events/0/77"]) == 1
    assert "no dead letter events/0/77" in capsys.readouterr().err
    assert answer(capsys, "replay", "events/0/77", code=1)["skipped"] == 1


def test_replay_wants_to_be_told_what(brokers: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dead-letters", "replay"]) == 1
    assert "--reason REASON or --all" in capsys.readouterr().err


def test_a_replay_sends_the_original_once_and_only_once(
    brokers: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(capsys, "replay", "--all", "--dry-run")["sent"] == 3
    first = answer(capsys, "replay", "events/5/1")
    assert first["items"] == [{"id": "events/5/1", "state": "sent"}]
    rest = answer(capsys, "replay", "--all")
    assert (rest["sent"], rest["already"]) == (2, 1)
    why = {each["id"]: each["why"] for each in rest["items"] if each["state"] == "skipped"}
    assert why["events/0/0"] == "its value was cut at 3 of 1000000 bytes"
    assert why["dead-letters/1/5"] == "it came from no record"
    assert why["payments/0/0"] == "topic payments takes no replays"
    assert why["dead-letters/2/0"] == "topic dead-letters takes no replays"
    assert answer(capsys, "replay", "--all")["sent"] == 0
    reader = LogReader(brokers)
    again = list(reader.read("events", reader.spans("events")))[len(POISON) :]
    assert {(each.partition, each.key) for each in again} == {(5, USER)}
    sent = {dict(each.headers)[REPLAY_OF]: each.value for each in again}
    assert sent == {b"events/5/%d" % offset: value for offset, value in POISON.items()}
    assert all(each.timestamp_ms > 1_600_000_000_000 for each in again)


def test_the_list_is_readable(
    brokers: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["dead-letters", "list"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("7 dead letters\n")
    assert "events/5/0" in shown
