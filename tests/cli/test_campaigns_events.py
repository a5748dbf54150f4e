"""`kairos campaigns check --events`: what a file would have done over recorded events."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.workloads import mix
from cli.main import main
from connectors import rehearsal
from connectors.event_lines import as_line
from tests.builders import journey, page

CAMPAIGNS = """
campaigns:
  - id: HELLO
    action: discount_popup
    when: page_views >= 2
    margin: 12.50
    base: 5%
    render: {title: Hello}
  - id: QUIET
    action: cart_save
    when: page_views >= 2
    margin: 1
    base: 1%
    render: {title: Keep it}
  - id: NEVER
    action: my_own
    when: cart_value > 40 and cart_value < 30
    margin: 1
    render: {title: Never}
"""
STORY = journey(("page_view", 0), ("page_view", 1000, {"page": page("/b")}), ("page_view", 2000))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with the story as JSON Lines and a catalogue."""
    (tmp_path / "campaigns.yaml").write_text(CAMPAIGNS)
    (tmp_path / "events.jsonl").write_bytes(b"".join(as_line(each) for each in STORY))
    return tmp_path


def check(folder: Path, *options: str) -> int:
    """Exit code of the check over the files of a folder."""
    events = str(folder / "events.jsonl")
    return main(
        ["campaigns", "check", str(folder / "campaigns.yaml"), "--events", events, *options]
    )


def test_each_rule_is_counted_over_the_events(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second page view fires both rules, the first none; the third comes after the action."""
    assert check(files, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    rules = {each["id"]: each for each in told["rules"]}
    assert (told["errors"], told["decisions"]) == ([], 3)
    counts = ("slots", "asked", "held", "eligible", "won")
    assert [rules["HELLO"][name] for name in counts] == [3, 2, 1, 1, 1]
    assert [rules["QUIET"][name] for name in counts] == [3, 2, 1, 1, 0]
    assert rules["QUIET"]["beaten_by"] == {"HELLO": 1}
    assert rules["HELLO"]["samples"][0].startswith("s_")
    kinds = {(each["kind"], each["about"]) for each in told["findings"]}
    assert {("can_never_fire", "NEVER"), ("always_beaten", "QUIET")} <= kinds


def test_people_get_tables(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(files) == 0
    out = capsys.readouterr().out
    assert "3 decisions taken again" in out
    assert "QUIET" in out and "always beaten, 1 times by HELLO" in out


def test_an_exported_log_keeps_its_own_sites_and_models(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log's own catalogue gives way to the file's, for each of its sites."""
    log = Path(__file__).parents[1] / "golden" / "layout_1" / "log"
    assert main(["campaigns", "check", str(files / "campaigns.yaml"), "--events", str(log)]) == 0
    out = capsys.readouterr().out
    assert "HELLO" in out and "with a bidder" in out
    held = next(line for line in out.splitlines() if line.startswith("HELLO")).split()[3]
    assert int(held) > 0


def test_events_of_another_site_are_told_apart(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rehearsal that meets no decision fails instead of finding fault with every rule."""
    (files / "campaigns.yaml").write_text("site: other\n" + CAMPAIGNS)
    assert check(files) == 1
    assert "check its sites" in capsys.readouterr().err


def test_a_missing_file_is_one_sentence(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "events.jsonl").unlink()
    assert check(files) == 1
    assert "events.jsonl" in capsys.readouterr().err


def test_a_long_log_tells_how_far_it_is(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "EVERY", 50)
    (files / "campaigns.yaml").write_text("site: bench\n" + CAMPAIGNS)
    (files / "events.jsonl").write_bytes(b"".join(as_line(each) for each in mix(120, 5)))
    assert check(files, "--json") == 0
    err = capsys.readouterr().err
    assert "50 events decided again" in err and "100 events" in err
