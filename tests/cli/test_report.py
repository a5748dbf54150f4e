"""`kairos report` on an exported log: what it prints of messages beside what it always printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.main import main
from schemas.topics import DECISIONS, EVENTS, TRIGGERS
from schemas.trigger import MAIL, NO_SEND, Trigger
from tests.builders import BEGINNING, event
from tests.cli.policy_log import control, write_folder

ARMS = (("A0", NO_SEND), ("A3", MAIL))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Twenty visitors in two arms; of those who were sent a mail every second one ordered."""
    users = [f"demo:u:{number:032x}" for number in range(20)]
    triggers = [
        Trigger(kind=ARMS[n % 2][1], arm=ARMS[n % 2][0], timing="exit", site="demo",
                user_key=user, detected_at_ms=BEGINNING + n)
        for n, user in enumerate(users)
    ]  # fmt: skip
    orders = [
        event("purchase", 5_000, n, user_key=user, value_micros=10_000_000)
        for n, user in enumerate(users)
        if n % 4 == 1
    ]
    told = {EVENTS: orders, DECISIONS: [], TRIGGERS: triggers}
    write_folder(tmp_path, told, control(holdout_ppm=0))
    return tmp_path


def test_messages_stand_beside_the_arm_that_got_none(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "--log", str(log), "--html", str(log / "r.html"), "--json"]) == 0
    nothing, at_once = json.loads(capsys.readouterr().out)["messages"]
    assert (nothing["visitors"], at_once["visitors"]) == (10, 10)
    assert (nothing["ordered"]["value"], at_once["ordered"]["value"]) == (0.0, 0.5)
    assert (nothing["false"]["value"], at_once["false"]["value"]) == (1.0, 0.5)
    assert at_once["margin"]["value"] == pytest.approx(1.5), "30 % of 10, for half of them"
    page = (log / "r.html").read_text(encoding="utf-8")
    assert "Simulated: messages by the timing" in page and "A3, at once" in page


def test_the_text_says_how_often_a_trigger_was_false(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "--log", str(log)]) == 0
    out = capsys.readouterr().out
    assert "simulated messages" in out and "false triggers" in out
    assert "A0, sent nothing" in out and "50.0 % [" in out


def test_a_log_without_messages_says_nothing_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_folder(tmp_path, {EVENTS: [], DECISIONS: []}, control(holdout_ppm=0))
    assert main(["report", "--log", str(tmp_path)]) == 0
    assert "messages" not in capsys.readouterr().out
