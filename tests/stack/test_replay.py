"""Recorded real visitors through the real stack: nothing lost, nothing twice, real choices."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from infra.local.layout import CHECKOUT
from infra.local.stack import Stack
from tests.stack.conftest import Kairos

SESSIONS = 500


def recorded() -> str:
    """The folder of recorded visitors; a run without it must not pass."""
    path = Path(os.environ.get("KAIROS_DATA", CHECKOUT.parent / "shared" / "data"))
    assert path.is_dir(), f"KAIROS_DATA: no recorded visitors at {path}; name their folder"
    return str(path.resolve())


@pytest.fixture(scope="module")
def result(stack: Stack, kairos: Kairos) -> dict:
    """One replay of 500 sessions at 200 events/s, 5 % of the events produced twice."""
    options = ("--sessions", str(SESSIONS), "--rate", "200", "--resend", "0.05", "--json")
    done = kairos("replay", recorded(), *options)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    print(json.dumps({k: found[k] for k in ("latency_ms", "ledger_ms", "by_campaign")}, indent=1))
    return dict(found)


@pytest.mark.promise("C14", "D6", "D7", "M9", "M31")
def test_every_acknowledged_event_is_accounted_for_by_separate_counts(result):
    """applied + duplicate + late + dead-lettered, counted in state, meet what was sent."""
    assert result["users_answering"] == result["users"] == SESSIONS
    assert result["applied"] == result["acked"] == result["sent"]
    assert result["duplicate"] == result["resent"] > 0
    assert (result["late"], result["dead_lettered"], result["unanswered"]) == (0, 0, 0)
    assert result["conserved"]


@pytest.mark.promise("M7")
def test_no_slot_has_two_bodies(result):
    """One slot, one decision, whatever was sent twice."""
    assert result["slots_with_two_bodies"] == 0
    assert result["repeated"] == 0
    # Only what the second producer sent again can meet a watermark that has passed it.
    assert result["disordered"] <= result["resent"]


def test_every_page_of_a_recorded_visit_is_answered(result):
    """Each page is a decision point; one without a decision would count as infinite."""
    assert result["decisions"] >= result["sent"]
    assert result["never_arrived"] == {"record": 0, "action": 0}
    assert result["latency_ms"]["max"] is not None


def test_real_visitors_meet_several_campaigns_and_scores_decide(result):
    """At least a fifth of the sessions get an action; three campaigns win, one on its scores."""
    assert result["sessions_with_action"] >= SESSIONS / 5
    assert len(result["by_campaign"]) >= 3
    assert result["won_on_scores"] >= 1
