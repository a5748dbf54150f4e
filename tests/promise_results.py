"""Which promise each test proves, and how it last went: what `kairos promises` prints.

A test names the rows of docs/promises.yaml with `@pytest.mark.promise("C18", "E4")`. Results of
earlier runs stay only as long as the test is there and names the same rows.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parent
RESULTS = Path(os.environ.get("KAIROS_HOME", ".kairos")) / "test-results.json"
Results = dict[str, dict[str, Any]]
PROMISES = "promises"
STORIES = "stories"
"""Folder of golden journeys, beside the test that plays them."""

_found: Results = {}
_collected: dict[str, list[str]] = {}


def promises_of(item: pytest.Item) -> list[str]:
    """Ids of the rows this test proves."""
    return [name for mark in item.iter_markers("promise") for name in mark.args]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Note every test there is, also those that this run leaves out."""
    _collected[item.nodeid] = promises_of(item)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Let the report say what its test proves: the process that reads it may be another one."""
    outcome = yield
    proves = promises_of(item)
    if proves:
        outcome.get_result().user_properties.append((PROMISES, proves))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep the outcome of a test that proves something; a failure in any phase stays."""
    proves = dict(report.user_properties).get(PROMISES)
    if proves and (report.when == "call" or report.outcome != "passed"):
        known = _found.get(report.nodeid, {}).get("outcome", "passed")
        result = report.outcome if known == "passed" else known
        _found[report.nodeid] = {"promises": proves, "outcome": result}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """A worker of pytest-xdist ended: it has seen the tests that this process has not."""
    _collected.update(getattr(node, "workeroutput", {}).get(PROMISES, {}))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Add this run's results to the earlier ones of tests that are still there."""
    worker_output = getattr(session.config, "workeroutput", None)
    if worker_output is not None:
        worker_output[PROMISES] = _collected
        return
    earlier = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    # A run of named tests does not see the others of their file.
    by_name = any("::" in argument for argument in session.config.args)
    whole = set() if by_name else {file_of(node) for node in _collected}
    kept = {**still_true(earlier, _collected, whole, TESTS.parent), **_found}
    if kept == earlier:
        return
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(kept, indent=1, sort_keys=True))


def file_of(node: str) -> str:
    """The file of a node id."""
    return node.partition("::")[0]


def still_true(
    earlier: Results, collected: Mapping[str, list[str]], whole: set[str], root: Path
) -> Results:
    """The earlier results whose tests are there and prove the same; others prove nothing any more.

    `collected` maps the tests this run saw to their promises; it saw all tests of the files in
    `whole`. For the other files under `root` their source is asked.
    """

    def proves(node: str) -> list[str]:
        if node in collected:
            return collected[node]
        return [] if file_of(node) in whole else named_in_source(root, node)

    return {
        node: result
        for node, result in earlier.items()
        if result["promises"] and sorted(proves(node)) == sorted(result["promises"])
    }


def in_header(story: Path) -> list[str]:
    """The promises that a golden journey names: the line `promises:` of its header."""
    lines = story.read_text(encoding="utf-8").splitlines()
    return next((line.split()[1:] for line in lines if line.startswith("promises: ")), [])


def named_in_source(root: Path, node: str) -> list[str]:
    """The promises that decorate the function of a node id; none when there is no such function.

    A golden journey names them in its header instead: its file bears the test's parameter.
    """
    file, test = root / file_of(node), node.rpartition("::")[2]
    name, _, parameter = test.rstrip("]").partition("[")
    if not file.is_file():
        return []
    story = file.parent / STORIES / f"{parameter}.txt"
    if story.is_file():
        return in_header(story)
    return [
        argument.value
        for function in ast.walk(ast.parse(file.read_text()))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function.name == name
        for mark in function.decorator_list
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.promise"
        for argument in mark.args
        if isinstance(argument, ast.Constant)
    ]
