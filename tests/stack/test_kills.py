"""SIGKILL in mid-replay: the job comes back by itself, and the counts still meet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.local.stack import Stack
from tests import checks
from tests.stack.healing import healing, job, kill, only, watched
from tests.stack.planted import running_with
from tests.stack.replaying import between_checkpoints, replayed

pytestmark = pytest.mark.alone

OPTIONS = ("--sessions", "160", "--rate", "70", "--resend", "0.05")
FEWER = ("--sessions", "130", "--rate", "70")


@pytest.mark.promise("D1", "D3", "M11")
@pytest.mark.parametrize("victim", ["taskmanager", "jobmanager"])
def test_a_killed_process_costs_no_event_and_no_second_decision(
    victim: str, stack: Stack, env: Mapping[str, str]
) -> None:
    """Killed in mid-replay; running again within 30 s; conservation and one body a slot."""
    before = job(stack)

    def killed() -> None:
        between_checkpoints(stack)
        name = only(stack, victim)
        seen = healing(stack, before, name, kill(stack, name))
        print(f"{name}: {seen}")
        assert checks.healed(seen, before, job(stack)) == []

    result = replayed(env, *OPTIONS, meanwhile=killed)
    assert checks.struck(result) == []
    assert checks.counts(result) == []
    assert checks.slots(result) == []


def test_a_decision_that_a_kill_changes_is_seen(
    stack: Stack, env: Mapping[str, str], tmp_path: Path
) -> None:
    """planted: wall clock in a decision; only a kill shows it, as two bodies of a slot."""

    def killed() -> None:
        between_checkpoints(stack)
        kill(stack, only(stack, "taskmanager"))

    with running_with(stack, tmp_path, "wall clock in a decision"):
        result = replayed(env, *FEWER, meanwhile=killed)
    assert checks.slots(result) == ["slots with two bodies"]
    assert checks.counts(result) == []


@pytest.mark.parametrize(
    ("planted", "replaced", "runs"),
    [
        ("a supervisor that does not restart", False, [True, False]),
        ("a job without a restart strategy", True, [True, False]),
        ("a kill that misses", True, [True]),
    ],
)
def test_a_job_that_does_not_heal_is_seen(planted: str, replaced: bool, runs: list[bool]) -> None:
    """planted: one defect a row; the last answer of the cluster is its answer ever after."""
    answers = list(runs)
    told = watched(
        lambda: replaced, lambda: answers.pop(0) if len(answers) > 1 else answers[0], within_s=0.2
    )
    assert checks.healed(told, "job", "job"), planted
