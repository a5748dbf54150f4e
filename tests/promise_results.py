"""Which promise each test proves, and how it last went: what `kairos promises` prints.

A test names the rows of docs/promises.yaml with `@pytest.mark.promise("C18", "E4")`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
RESULTS = Path(os.environ.get("KAIROS_HOME", ".kairos")) / "test-results.json"
_found: dict[str, dict[str, object]] = {}


def promises_of(item: pytest.Item) -> list[str]:
    """Ids of the rows this test proves."""
    return [name for mark in item.iter_markers("promise") for name in mark.args]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Keep the outcome of a test that proves something; a failure in any phase stays."""
    outcome = yield
    report = outcome.get_result()
    proves = promises_of(item)
    if proves and (report.when == "call" or report.outcome != "passed"):
        known = _found.get(item.nodeid, {}).get("outcome", "passed")
        result = report.outcome if known == "passed" else known
        _found[item.nodeid] = {"promises": proves, "outcome": result}


def pytest_sessionfinish() -> None:
    """Add this run's results to the earlier ones of tests that are still there."""
    if not _found:
        return
    earlier = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    known = {node: result for node, result in earlier.items() if _is_there(node)}
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps({**known, **_found}, indent=1, sort_keys=True))


def _is_there(node: str) -> bool:
    """Whether the test of a node id still exists; a renamed one proves nothing any more."""
    path, _, name = node.partition("::")
    file = TESTS.parent / path
    return file.is_file() and f"def {name.partition('[')[0]}(" in file.read_text()
