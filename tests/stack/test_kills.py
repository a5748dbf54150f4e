"""SIGKILL in mid-replay: the job comes back by itself, and the counts still meet.

Each check is seen to fail: tests/test_checks.py plants what a broken system shows, the tests of
tier `proof` plant the defects themselves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.local.layout import CHECKOUT
from infra.local.stack import Stack
from tests import checks
from tests.stack.conftest import Kairos
from tests.stack.healing import healing, job, kill, only, watched
from tests.stack.planted import running_with
from tests.stack.replaying import between_checkpoints, replayed

CAMPAIGNS = CHECKOUT / "infra" / "demo" / "campaigns.yaml"
OPTIONS = ("--sessions", "160", "--rate", "70", "--resend", "0.05")
FEWER = ("--sessions", "130", "--rate", "70")


def killed(stack: Stack, victim: str) -> None:
    """SIGKILL; the same job runs again, all tasks included, within 30 s."""
    before, name = job(stack), only(stack, victim)
    seen = healing(stack, before, name, kill(stack, name))
    print(f"{name}: {seen}")
    assert checks.healed(seen, before, job(stack)) == []


def lost_or_twice(result: checks.Result) -> list[str]:
    """Slots decided again after the restart repeat their bytes or count as superseded."""
    return checks.struck(result) + checks.counts(result) + checks.slots(result)


@pytest.mark.promise("D1", "D3", "M11")
def test_a_killed_jobmanager_costs_no_event_and_no_second_decision(
    stack: Stack, env: Mapping[str, str]
) -> None:
    """Killed in mid-replay; running again within 30 s; conservation and one body a slot."""

    def meanwhile() -> None:
        between_checkpoints(stack)
        killed(stack, "jobmanager")

    assert lost_or_twice(replayed(env, *OPTIONS, meanwhile=meanwhile)) == []


def dearer(folder: Path) -> Path:
    """The demo's campaigns with another margin."""
    text = CAMPAIGNS.read_text()
    changed = re.sub(r"margin: (\d+)", lambda found: f"margin: {int(found[1]) + 1}", text, count=1)
    assert changed != text
    path = folder / "campaigns.yaml"
    path.write_text(changed)
    return path


@pytest.mark.promise("D1", "D3", "M11")
def test_a_taskmanager_killed_right_after_new_campaigns_costs_no_event_and_no_second_decision(
    stack: Stack, env: Mapping[str, str], kairos: Kairos, tmp_path: Path
) -> None:
    """Within two seconds of `apply`: one decision wins a slot, whatever version it was under."""

    def meanwhile() -> None:
        between_checkpoints(stack)
        done = kairos("campaigns", "apply", str(dearer(tmp_path)), "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["version"] > 1
        killed(stack, "taskmanager")

    assert lost_or_twice(replayed(env, *OPTIONS, meanwhile=meanwhile)) == []


@pytest.mark.proof
def test_a_decision_that_a_kill_changes_is_seen(
    stack: Stack, env: Mapping[str, str], tmp_path: Path
) -> None:
    """planted: wall clock in a decision; only a kill shows it, as two bodies of a slot."""

    def meanwhile() -> None:
        between_checkpoints(stack)
        kill(stack, only(stack, "taskmanager"))

    with running_with(stack, tmp_path, "wall clock in a decision"):
        result = replayed(env, *FEWER, meanwhile=meanwhile)
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
