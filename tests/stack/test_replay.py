"""Recorded real visitors through the real stack: nothing lost, nothing twice, real choices."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.local.stack import Stack
from tests import checks
from tests.stack.conftest import Kairos
from tests.stack.planted import running_with
from tests.stack.replaying import replayed

SESSIONS = 500


@pytest.fixture(scope="module")
def result(stack: Stack, env: Mapping[str, str]) -> dict:
    """One replay of 500 sessions at 200 events/s, 5 % of the events produced twice."""
    found = replayed(env, "--sessions", str(SESSIONS), "--rate", "200", "--resend", "0.05")
    print(json.dumps({k: found[k] for k in ("latency_ms", "ledger_ms", "by_campaign")}, indent=1))
    return found


@pytest.mark.promise("C14", "D6", "D7", "D9", "M9", "M31")
def test_every_acknowledged_event_is_accounted_for_by_separate_counts(result):
    """applied + duplicate + late + dead-lettered, counted in state, meet what was sent."""
    assert result["users"] == SESSIONS
    assert checks.counts(result) == []
    assert checks.quiet(result) == []


@pytest.mark.promise("M7")
def test_no_slot_has_two_bodies(result):
    """One slot, one decision, whatever was sent twice."""
    assert checks.slots(result) == []


def test_every_page_of_a_recorded_visit_is_answered(result):
    """Each page is a decision point; one without a decision would count as infinite."""
    assert checks.answers(result) == []


@pytest.mark.promise("D4")
def test_real_visitors_meet_several_campaigns_and_scores_decide(result):
    """At least a fifth of the sessions get an action; three campaigns win, one on its scores."""
    assert checks.choices(result) == []


@pytest.mark.proof
def test_events_applied_twice_and_slots_named_twice_are_seen(
    stack: Stack, env: Mapping[str, str], tmp_path: Path
) -> None:
    """planted: dedup always fresh, version in the slot key; each breaks the check it must."""
    with running_with(stack, tmp_path, "dedup always fresh", "version in the slot key"):
        found = replayed(env, "--sessions", "40", "--rate", "60", "--resend", "0.2")
    assert found["applied"] == found["sent"] + found["resent"] > found["sent"]
    assert len(checks.counts(found)) == 2
    assert "slots without a decision" in checks.slots(found)


def test_simulated_visitors_are_reported_too(stack: Stack, kairos: Kairos) -> None:
    """`kairos simulate` counts as a replay does, beside the truth it knows."""
    done = kairos("simulate", "--visitors", "4", "--speed", "60", "--seed", "1", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["visitors"] == 4
    assert checks.counts({**found, "sent": found["acked"]}) == []
