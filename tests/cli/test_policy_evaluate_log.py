"""`kairos policy evaluate` on kairos' own log, whose rates of orders are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

import cli.policy_evaluate_log
from cli.main import main
from connectors.log_decide import decide_log, logged_context
from evidence.off_policy import NOT_SHOWN, PASSED
from evidence.rechoice import chances_ppm, logged_ppm, under
from schemas.ids import MILLION
from schemas.policy import Policy, Quality
from tests.cli.policy_log import GOOD, MARGIN, POOR, RATES, VERSION, write_log

VISITORS, SEED = 2_000, 5
pytestmark = pytest.mark.long
QUALITIES = {GOOD: {"base_ppm": 90_000}, POOR: {"base_ppm": 10_000}}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("log")
    write_log(folder, VISITORS, SEED)
    return folder


@pytest.fixture
def better(tmp_path: Path) -> Path:
    path = tmp_path / "better.json"
    path.write_text(json.dumps({"qualities": QUALITIES}))
    return path


def evaluate(
    capsys: pytest.CaptureFixture[str], log: Path, policy: object
) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = main(["policy", "evaluate", "--log", str(log), "--policy", str(policy), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_better_policy_passes_and_its_worth_is_known(
    log: Path, better: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = evaluate(capsys, log, better)
    assert (code, found["verdict"]) == (0, PASSED)
    assert found["rows"] == VISITORS
    asked = Policy(
        site="demo",
        version=VERSION,
        explore_gamma_milli=2_000,
        explore_floor_ppm=100_000,
        qualities={name: Quality(each["base_ppm"]) for name, each in QUALITIES.items()},
    )
    context, decisions = logged_context(log), decide_log(log).decisions
    first = next(each for each in decisions if each.candidates)
    view = under(context.at("demo", first.decided_at_ms), asked, first.decided_at_ms)
    chances = chances_ppm(first, view)
    truth = sum(MARGIN * RATES[name] * ppm / MILLION for name, ppm in chances.items())
    for name in ("ips", "snips", "dr"):
        low, high = found["estimates"][name]["ci"]
        assert low < truth < high, name


@pytest.mark.promise("X8")
def test_people_who_were_shown_nothing_tell_nothing_of_a_policy(
    better: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three in ten are in the holdout and buy as if nothing had won. Planted: they count."""
    log = tmp_path / "held"
    log.mkdir()
    write_log(log, VISITORS, SEED, holdout_ppm=300_000)
    _, found = evaluate(capsys, log, better)
    withheld = found["left_out"]["withheld"]
    assert found["rows"] + withheld == VISITORS
    assert withheld > VISITORS / 6
    monkeypatch.setattr(cli.policy_evaluate_log, "_unfit", lambda made, view, reward: "")
    _, counted = evaluate(capsys, log, better)
    truth, wrong = (each["estimates"]["snips"] for each in (found, counted))
    assert wrong["value"] < truth["ci"][0]


def test_the_version_that_ran_is_worth_what_the_log_earned(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = evaluate(capsys, log, VERSION)
    assert (code, found["verdict"]) == (3, NOT_SHOWN)
    assert found["weight_max"] == pytest.approx(1)
    assert found["estimates"]["ips"]["difference"] == pytest.approx(0, abs=1e-9)


def test_every_logged_chance_is_computed_again_from_the_record(log: Path) -> None:
    context = logged_context(log)
    for made in decide_log(log).decisions:
        if not made.candidates:
            continue
        view = context.at(made.site, made.decided_at_ms)
        chances = chances_ppm(made, view)
        assert sum(chances.values()) == MILLION
        assert chances[made.campaign_id] == logged_ppm(made)
        wrong = replace(made, nothing=replace(made.nothing, score=made.nothing.score + 10**12))
        assert chances_ppm(wrong, view) != chances


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("8", "one of the 1 versions"),
        ("nowhere.json", "neither a policy file"),
        ({"qualities": {"GOOOD": {"base_ppm": 1}}}, "no campaign 'GOOOD'; GOOD?"),
        ({"quality": {}}, "quality"),
    ],
)
def test_a_policy_that_is_none_is_told(
    log: Path, tmp_path: Path, policy: Any, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if not isinstance(policy, str):
        (tmp_path / "p.json").write_text(json.dumps(policy))
        policy = str(tmp_path / "p.json")
    assert main(["policy", "evaluate", "--log", str(log), "--policy", policy]) == 1
    assert said in capsys.readouterr().err
