"""Promises: a row marked as proved needs a passing test."""

from __future__ import annotations

from pathlib import Path

import yaml

from cli.promises import named, rows

ROOT = Path(__file__).parents[2]


def row(state: str, *outcomes: str):
    """One promise whose tests went like this."""
    found = {f"t{n}": {"promises": ["C1"], "outcome": o} for n, o in enumerate(outcomes)}
    return rows([{"id": "C1", "state": state, "promise": "x"}], found)[0]


def test_a_proved_row_without_a_passing_test_is_broken():
    """The table of states and outcomes."""
    assert not row("proved", "passed").broken
    assert not row("proved", "passed", "passed").broken
    assert row("proved", "passed", "failed").broken
    assert row("proved", "skipped").broken
    assert row("proved").broken
    assert not row("open").broken


def test_every_proved_row_is_named_by_a_test_and_every_named_row_exists():
    """The page and the marks in the tests agree."""
    page = yaml.safe_load((ROOT / "docs" / "promises.yaml").read_text())["promises"]
    states = {each["id"]: each["state"] for each in page}
    ids = named(ROOT / "tests")
    assert ids <= states.keys()
    proved = {name for name, state in states.items() if state == "proved"}
    assert proved == ids, "run `kairos promises --mark`"
