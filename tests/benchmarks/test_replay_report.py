"""The replay's own checks can fail: each planted fault turns its number red."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from benchmarks.openloop import Run, Sent, Settings, schedule
from benchmarks.percentiles import percentile, summary
from benchmarks.replay_report import report
from connectors.avro import codec
from connectors.datasets import RecordedEvent, Visit
from connectors.memory import MemoryRegistry
from connectors.topic_tail import Tailed
from schemas.decision import Candidate, Counts, Decision
from schemas.ids import event_slot
from schemas.render import Render
from schemas.topics import DECISIONS

USER = "demo:v:" + "0" * 32
CODEC = codec(DECISIONS, MemoryRegistry())
EVENTS = 4


def slot(number: int) -> str:
    """The slot of the event of that number."""
    return event_slot("demo", USER, "page", f"e{number}")


def decision(number: int, **fields) -> Decision:
    """The answer to the event of that number: a none."""
    known = {"slot_id": slot(number), "decision_id": f"d{number}", "user_key": USER}
    return Decision(**{**known, "session_id": "s", "reason": "below_reserve", **fields})


def tailed(made: Decision, arrived_ms: float = 1010.0) -> Tailed:
    """A decision as it was read from its topic."""
    return Tailed(0, 0, 0, USER.encode(), CODEC.encode(made), {}, arrived_ms)


@pytest.fixture
def run() -> Run:
    """A flawless run: four page views, four answers 10 ms later, counts that meet."""
    run = Run(started_ms=1000.0, ended_ms=2000.0, accepted=EVENTS, users=[USER])
    run.sent = [Sent(f"e{n}", "page_view", 1000.0, 0, answered=True) for n in range(EVENTS)]
    run.decisions = [tailed(decision(n)) for n in range(EVENTS)]
    run.counts = {USER: Counts(applied=EVENTS)}
    return run


def told(run: Run) -> dict:
    """The report of a run without warm-up."""
    return report(run, CODEC, "demo", 0.0, {"low": 9, "high": 6})


def test_a_flawless_run_is_reported_as_such(run):
    """The base line of the planted faults below."""
    result = told(run)
    assert result["conserved"] and result["slots_with_two_bodies"] == 0
    assert (result["decisions"], result["latency_ms"]["p99"]) == (EVENTS, 10.0)


def test_a_lost_event_breaks_conservation(run):
    """One acknowledged event that no count knows."""
    run.counts = {USER: Counts(applied=EVENTS - 1)}
    assert not told(run)["conserved"]


def test_an_event_applied_twice_breaks_conservation(run):
    """One more applied than was acknowledged."""
    run.counts = {USER: Counts(applied=EVENTS + 1)}
    assert not told(run)["conserved"]


def test_another_body_under_the_same_id_is_counted(run):
    """Two bodies for one slot under the same versions."""
    run.decisions.append(tailed(decision(2, reason="no_eligible")))
    assert told(run)["slots_with_two_bodies"] == 1


def test_the_same_body_again_is_a_repeat_and_no_fault(run):
    """What a restart writes again."""
    run.decisions.append(tailed(decision(2)))
    result = told(run)
    assert (result["slots_with_two_bodies"], result["repeated"]) == (0, 1)


def test_a_missing_decision_is_infinitely_late(run):
    """No answer is no fast answer."""
    run.decisions.pop()
    assert told(run)["latency_ms"]["max"] is None


def test_an_action_that_never_reached_its_socket_is_infinitely_late(run):
    """In the topic is not on the page."""
    run.decisions[0] = tailed(decision(0, render=Render(kind="modal"), reason="won"))
    assert told(run)["latency_ms"]["max"] is None
    run.socket_ms[slot(0)] = 1020.0
    assert told(run)["latency_ms"]["max"] == 20.0


def test_a_win_that_base_rates_would_not_give_counts_as_won_on_scores(run):
    """By bid and base rate `high` leads with 48 to 45; the scores made `low` win."""
    won = (Candidate("low", 5, 9, 45), Candidate("high", 8, 2, 16))
    made = decision(0, source="model", reason="won", campaign_id="low", candidates=won)
    run.decisions[0] = tailed(made)
    assert told(run)["won_on_scores"] == 1
    run.decisions[0] = tailed(replace(made, campaign_id="high", candidates=won[::-1]))
    assert told(run)["won_on_scores"] == 0


def test_warm_up_is_left_out_of_latency_alone(run):
    """Events due in the warm-up still have to be answered and counted."""
    run.sent[0] = replace_due(run.sent[0], 500.0)
    result = told(run)
    assert result["sent"] == EVENTS


def replace_due(sent: Sent, due_ms: float) -> Sent:
    """The same event, due at another time."""
    return Sent(sent.event_id, sent.type, due_ms, sent.visit, sent.answered)


def test_percentiles_count_every_sample():
    """Nearest rank; nothing at all is infinite."""
    assert percentile([1, 2, 3, 4], 0.5) == 2
    assert percentile([1, 2, 3, 4], 0.99) == 4
    assert summary([])["p50"] is None


def test_open_loop_keeps_recorded_spacing_and_sends_at_the_rate():
    """`ts` keeps the recorded gaps; the k-th event leaves at k / rate."""
    events = tuple(RecordedEvent(at, {"type": "page_view"}) for at in (0, 9000, 30_000))
    visits = [Visit("a", "0" * 32, 0, events), Visit("b", "1" * 32, 0, events)]
    settings = Settings("", "", "", "demo", 10.0, None, 0.0, 0, 1)
    first, second = schedule(visits, settings)
    assert [at for _, at, _ in first] == [0, 9000, 30_000]
    assert sorted(due for due, _, _ in first + second) == [0, 0.1, 0.2, 0.3, 0.4, 0.5]
