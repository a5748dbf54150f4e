"""`kairos policy evaluate` on files of logged decisions."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.main import main
from evidence.off_policy import ESS_MIN, PASSED, REFUSED

HEAD = "reward,action,propensity,position,age,colour"
DATA = Path(os.environ.get("KAIROS_DATA", ""))
OPEN_BANDIT = DATA / "open_bandit_all.parquet"
ERROR_MAX = 0.2
needs_open_bandit = pytest.mark.skipif(
    not os.environ.get("KAIROS_DATA") or not OPEN_BANDIT.is_file(),
    reason="evaluation data that does not ship: name KAIROS_DATA",
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """6,000 rows: b earns three times what a does, and ran half as often."""
    chance = np.random.default_rng(4)
    rows = [HEAD]
    for at in range(6_000):
        action, propensity, rate = ("a", 0.6, 0.1) if chance.random() < 0.6 else ("b", 0.4, 0.3)
        reward = int(chance.random() < rate)
        rows.append(f"{reward},{action},{propensity},{at % 2},{at % 7},{'red' if at % 3 else ''}")
    path = tmp_path / "log.csv"
    path.write_text("\n".join(rows))
    return path


def evaluate(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, dict[str, Any]]:
    code = main(["policy", "evaluate", *map(str, args), "--json"])
    out = capsys.readouterr().out
    return code, json.loads(out) if out else {}


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_better_policy_passes_and_a_worse_one_does_not(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = evaluate(capsys, "--log", log, "--policy", "always:b")
    assert (code, found["verdict"]) == (0, PASSED)
    low, high = found["estimates"]["dr"]["ci"]
    assert low < 0.3 < high
    assert evaluate(capsys, "--log", log, "--policy", "always:a")[0] == 3


def test_a_table_of_chances_may_depend_on_columns_of_the_log(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "action,probability,position\na,1,0\nb,0,0\na,0.25,1\nb,0.75,1\n"
    table = write(tmp_path / "table.csv", text)
    code, found = evaluate(capsys, "--log", log, "--policy", table)
    truth = (0.1 + 0.25 * 0.1 + 0.75 * 0.3) / 2
    low, high = found["estimates"]["snips"]["ci"]
    assert code == 3
    assert low < truth < high


def test_another_log_is_a_policy_and_tells_what_it_earned(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write(tmp_path / "other.csv", "reward,action\n" + "1,b\n0,b\n0,a\n0,b\n" * 50)
    code, found = evaluate(capsys, "--log", log, "--policy", other)
    assert code == 0
    assert found["on_policy"]["value"] == 0.25
    errors = found["on_policy"]["relative_errors"]
    assert errors["ips"] == pytest.approx(abs(found["estimates"]["ips"]["value"] / 0.25 - 1))


def test_the_same_seed_gives_the_same_intervals(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two, other = (
        evaluate(capsys, "--log", log, "--policy", "uniform", "--seed", seed)[1]["estimates"]
        for seed in (1, 1, 2)
    )
    assert one == two
    assert one["ips"]["ci"] != other["ips"]["ci"]
    assert one["ips"]["value"] == other["ips"]["value"]


def test_text_has_an_interval_beside_every_estimate(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "evaluate", "--log", str(log), "--policy", "always:b"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("passed: always:b earns more")
    assert all(row.count("[") == 2 for row in said if row.startswith(("IPS", "SNIPS", "D")))


@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        ("reward,action\n1,a\n0,b\n", (), "no column propensity or"),
        ("reward,action,propensity\n1,a,0\n0,b,.5\n", (), "row 1 has 0"),
        ("reward,action,propensity\n1,a,.5\n0,b,1.5\n", (), "row 2 has 1.5"),
        ("reward,action,propensity\n1,a,.5\n,b,.5\n", (), "no finite number in row 2"),
        ("reward,action,propensity\n1,a,.5\n0,a,.5\n", (), "1 different actions"),
        ("reward,action,propensity\nx,a,.5\n0,b,.5\n", (), "not a number in every row"),
        ("reward,action,propensity\n1,a,.5\n0,b,.5\n", ("--where", "x=1"), "no such column"),
        ("reward,action,propensity\n1,a,.5\n0,b,.5\n", ("--where", "x"), "write COLUMN=VALUE"),
        ("reward,action,propensity\n1,a,.5\n0,b,.5\n", ("--where", "action=c"), "no row is left"),
        ("reward,action,propensity\n1,a,.5\n0,b,.5\n", ("--context", "x"), "--context x: no such"),
        ("reward,action,propensity\n1,a,.5\n0,b,.5\n", ("--reward", "x"), "--reward x: no such"),
        ("", (), "log.csv"),
    ],
)
def test_a_wrong_log_is_told_by_field_and_fix(
    tmp_path: Path,
    text: str,
    more: tuple[str, ...],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write(tmp_path / "log.csv", text)
    assert main(["policy", "evaluate", "--log", str(path), "--policy", "uniform", *more]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("action,probability\na,.5\nb,.4\n", "sum to 0.9, not 1"),
        ("action,probability\na,1.5\nb,-.5\n", "a chance is negative"),
        ("action,probability\na,.5\nc,.5\n", "never chose c"),
        ("action,probability,shoe\na,1,4\n", "depends on shoe"),
        ("action,probability,position\na,1,0\n", "no chances at position = 1"),
        ("probability\n1\n", "no column action"),
    ],
)
def test_a_wrong_policy_is_told_by_field_and_fix(
    log: Path, tmp_path: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "policy.csv", text)
    assert main(["policy", "evaluate", "--log", str(log), "--policy", str(path)]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("policy", ["always:c", "nowhere.csv"])
def test_a_policy_that_is_none_is_told(
    log: Path, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "evaluate", "--log", str(log), "--policy", policy]) == 1
    assert f"--policy {policy}" in capsys.readouterr().err


def open_bandit(capsys: pytest.CaptureFixture[str], ran: str, asked: str) -> dict[str, Any]:
    where = ("--where", f"behavior_policy={ran}", "--policy-where", f"behavior_policy={asked}")
    return evaluate(capsys, "--log", OPEN_BANDIT, "--policy", OPEN_BANDIT, *where)[1]


@needs_open_bandit
@pytest.mark.long
def test_open_bandit_random_tells_what_thompson_sampling_earns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = open_bandit(capsys, "random", "bts")
    assert found["on_policy"]["relative_errors"]["dm"] <= ERROR_MAX
    assert found["ess"] > ESS_MIN


@needs_open_bandit
@pytest.mark.long
def test_open_bandit_thompson_sampling_tells_nothing_of_random(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = open_bandit(capsys, "bts", "random")
    assert found["verdict"] == REFUSED
    assert found["ess"] < ESS_MIN / 2
