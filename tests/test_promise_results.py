"""A result proves a promise only while its test is there and names that promise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.promise_results import still_true

SOURCE = """
@pytest.mark.PROMISE("C1", "C2")
@pytest.mark.parametrize("n", [1])
def test_kept(n): ...

@pytest.mark.PROMISE("C3")
async def test_waits(): ...

def test_unmarked(): ...
""".replace("PROMISE", "promise")  # not a mark of this file
KEPT, WAITS = "tests/test_a.py::test_kept[1]", "tests/test_a.py::test_waits"
COLLECTED = {KEPT: ["C1", "C2"], WAITS: ["C3"], "tests/test_a.py::test_unmarked": []}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with one test file."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text(SOURCE)
    return tmp_path


@pytest.mark.parametrize("whole", [True, False], ids=["file seen whole", "file not seen"])
@pytest.mark.parametrize(
    ("what", "node", "promises", "stays"),
    [
        ("as it was", KEPT, ["C2", "C1"], True),
        ("a coroutine", WAITS, ["C3"], True),
        ("planted: renamed", "tests/test_a.py::test_gone", ["C1"], False),
        ("planted: its file deleted", "tests/test_b.py::test_kept[1]", ["C1", "C2"], False),
        ("planted: its mark taken away", "tests/test_a.py::test_unmarked", ["C1"], False),
        ("planted: it proves less now", KEPT, ["C1", "C2", "C9"], False),
        ("planted: it proves another now", WAITS, ["C1"], False),
    ],
)
def test_a_stale_result_is_dropped(what, node, promises, stays, whole, root):
    """One row a result of an earlier run; the last column says whether it still counts."""
    earlier = {node: {"promises": promises, "outcome": "passed"}}
    seen = COLLECTED if whole else {}
    files = {"tests/test_a.py"} if whole else set()
    assert (still_true(earlier, seen, files, root) == earlier) is stays, what


def test_a_case_that_is_gone_from_a_table_is_dropped(root):
    """Only a run that saw the whole file can know; it drops the case."""
    earlier = {"tests/test_a.py::test_kept[2]": {"promises": ["C1", "C2"], "outcome": "failed"}}
    assert still_true(earlier, COLLECTED, {"tests/test_a.py"}, root) == {}
    assert still_true(earlier, {}, set(), root) == earlier


CHECKOUT = Path(__file__).parent.parent
TWO_TESTS = """
import pytest

@pytest.mark.PROMISE("C1")
def test_holds(): ...

@pytest.mark.PROMISE("C2")
def test_broken(): assert False
"""


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["in one process", "on two workers"])
def test_a_run_writes_what_was_proved_whoever_ran_it(workers, tmp_path):
    """The worker that runs a test is not the process that writes the results."""
    (tmp_path / "test_two.py").write_text(TWO_TESTS.replace("PROMISE", "promise"))
    asked = [sys.executable, "-m", "pytest", "-q", "-p", "tests.promise_results", *workers]
    subprocess.run(
        [*asked, "--rootdir", ".", "test_two.py"],
        cwd=tmp_path,
        env={**os.environ, "KAIROS_HOME": str(tmp_path), "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        check=False,
    )
    found = json.loads((tmp_path / "test-results.json").read_text())
    told = {node.rpartition("::")[2]: tuple(each.values()) for node, each in found.items()}
    assert told == {
        "test_holds": ("passed", ["C1"]),
        "test_broken": ("failed", ["C2"]),
    }
