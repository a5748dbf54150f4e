"""Every promise with the test that proves it and how that test last went.

A row of docs/promises.yaml marked `proved` without a passing test is an error: `--check` is what
the full test run ends with.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from cli.output import print_result, table
from infra.local.layout import CHECKOUT
from infra.setup.home import Home

NAME = "promises"
HELP = "each promise with the test that proves it and its last result"
EXAMPLE = "kairos promises --check"
PROVED, OPEN = "proved", "open"
PAGE = CHECKOUT / "docs" / "promises.yaml"
TEXT_WIDTH = 60


@dataclass(frozen=True, slots=True)
class Row:
    """One promise. `result` is passed, failed, skipped or not run; `tests` are node ids."""

    id: str
    state: str
    promise: str
    tests: tuple[str, ...]
    result: str

    @property
    def broken(self) -> bool:
        """Marked as proved and not proved."""
        return self.state == PROVED and self.result != "passed"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `kairos promises`."""
    parser.add_argument("--check", action="store_true", help="only the rows that are broken")
    parser.add_argument(
        "--mark", action="store_true", help="set each row's state by whether a test names it"
    )


def run(args: argparse.Namespace) -> int:
    """Print the rows; 1 when one is marked proved without a passing test."""
    if args.mark:
        PAGE.write_text(marked(PAGE.read_text(), named(CHECKOUT / "tests")))
    found = rows(
        yaml.safe_load(PAGE.read_text())["promises"],
        results(Home.from_environment().root / "test-results.json"),
    )
    broken = [row for row in found if row.broken]
    shown = broken if args.check else found
    proved = sum(row.state == PROVED and not row.broken for row in found)
    lines = table(
        ("id", "state", "result", "promise", "test"),
        [(r.id, r.state, r.result, r.promise[:TEXT_WIDTH], (r.tests or ("",))[0]) for r in shown],
    )
    lines.append(f"{proved} of {len(found)} promises proved, {len(broken)} marked but not proved")
    value = {"promises": [asdict(row) for row in shown], "broken": len(broken)}
    print_result(value, as_json=args.json, lines=lines)
    return 1 if broken else 0


def named(tests: Path) -> set[str]:
    """Ids that `mark.promise(...)` names in these tests, or the header of a golden journey."""
    found: set[str] = set()
    for path in tests.rglob("test_*.py"):
        for marks in re.findall(r"mark\.promise\(([^)]*)\)", path.read_text()):
            found.update(re.findall(r'"([A-Z]\d+)"', marks))
    for path in tests.rglob("stories/*.txt"):
        for line in re.findall(r"^promises: (.*)$", path.read_text(), re.MULTILINE):
            found.update(line.split())
    return found


def marked(page: str, ids: set[str]) -> str:
    """The page with the state of each row set by whether its id is among `ids`."""

    def row(found: re.Match[str]) -> str:
        return f"{found[1]}{PROVED if found[2] in ids else OPEN}"

    return re.sub(r"(\{id: (\w+), kind: \w, state: )\w+", row, page)


def results(path: Path) -> dict[str, dict[str, Any]]:
    """Node id -> the promises it proves and its last outcome; empty before the first run."""
    return dict(json.loads(path.read_text())) if path.is_file() else {}


def rows(promises: list[Mapping[str, str]], found: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """The table: a promise passed when each of its tests did."""
    out = []
    for promise in promises:
        tests = {
            name: each["outcome"]
            for name, each in sorted(found.items())
            if promise["id"] in each["promises"]
        }
        bad = [outcome for outcome in tests.values() if outcome != "passed"]
        result = bad[0] if bad else "passed" if tests else "not run"
        row = Row(promise["id"], promise["state"], promise["promise"], tuple(tests), result)
        out.append(row)
    return out
