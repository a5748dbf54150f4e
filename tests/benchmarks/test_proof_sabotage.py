"""What the proof reads off pytest's own summary."""

from __future__ import annotations

from benchmarks.proof_sabotage import told_by

SUMMARY = """
=== short test summary info ===
PASSED tests/stack/test_kills.py::test_a_decision_that_a_kill_changes_is_seen
FAILED tests/stack/test_replay.py::test_events_applied_twice_are_seen - assert 0 == 2
ERROR tests/stack/test_replay.py::test_more - RuntimeError: no stack
2 failed, 1 passed in 90 s
"""


def test_a_test_that_did_not_pass_has_caught_nothing() -> None:
    """planted: a failed test and one that could not start, among what pytest tells."""
    rows = told_by(SUMMARY)
    assert [(row["defect"], row["caught"]) for row in rows] == [
        ("test a decision that a kill changes is seen", True),
        ("test events applied twice are seen", False),
        ("test more", False),
    ]
    assert rows[1]["caught_by"] == "tests/stack/test_replay.py::test_events_applied_twice_are_seen"
