"""The hop carries out effects, and no record, deadline or bug inside it ever raises."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from connectors.avro import codec, register_all
from connectors.memory import MemoryRegistry
from connectors.routes import Origin, read_routed
from models.context import Context
from operators.codecs import Codecs
from operators.hop import Out
from operators.local import LocalJob
from schemas.dead_letter import DeadLetter
from schemas.event import Event
from schemas.profile import UnknownLayout, load
from schemas.topics import SILENT
from tests.builders import BEGINNING, ONE_MINUTE, USER, campaign, context, event, lamp

REGISTRY = MemoryRegistry()
register_all(REGISTRY)
EVENTS, DECISIONS, LETTERS, TRIGGERS, MERGES = (
    codec(topic, REGISTRY)
    for topic in ("events", "decisions", "dead-letters", "triggers", "profiles")
)
CODECS = Codecs(EVENTS, DECISIONS, LETTERS, TRIGGERS, MERGES)
OTHER = "demo:v:" + "1" * 32
DWELL_MS = 20_000
FORGOTTEN_MS = 31 * 24 * 60 * ONE_MINUTE


class BrokenContext(Context):
    """Stands for any bug: asking what is in force fails."""

    def __init__(self) -> None:
        super().__init__(lambda model: None)  # type: ignore[arg-type, return-value]

    def at(self, site: str, now_ms: int) -> Any:
        """Fails."""
        raise ZeroDivisionError(site)


def job(made: Context | None = None) -> LocalJob:
    """A job over an in-memory engine, with one campaign in force."""
    return LocalJob(made or context(campaign()), CODECS, "b1")


def record(each: Event, **fields: Any) -> Origin:
    """The record of an event as the gateway writes it, with some fields replaced."""
    frame = EVENTS.encode(each)
    made = Origin(3, 17, each.received_at_ms, each.user_key.encode(), frame)
    return made._replace(**fields)


def letters(out: Out) -> list[DeadLetter]:
    """The dead letters among these records."""
    routes = [read_routed(payload) for _, payload in out]
    return [LETTERS.decode(frame) for topic, _, frame in routes if topic == "dead-letters"]


def probe(running: LocalJob, at_ms: int = 0) -> Any:
    """The counts of USER, as an internal probe reports them."""
    asked = replace(event("", at_ms, event_id="p"), internal="probe")
    (answer,) = running.event(asked)
    assert answer.reason == "probe"
    return answer.counts


@pytest.mark.promise("M39")
def test_a_page_view_becomes_a_decision_with_its_ledger_and_build():
    """One record out, keyed by the user, with the stage times and the build in its headers."""
    ((key, payload),) = job().record(record(event("page_view")))
    topic, headers, frame = read_routed(payload)
    ledger = json.loads(headers["kairos.ledger"])
    assert (key, topic, headers["kairos.build"]) == (USER, "decisions", b"b1")
    assert DECISIONS.decode(frame).campaign_id == "hello"
    assert ledger["received_at_ms"] == BEGINNING
    assert ledger["consumed_at_ms"] <= ledger["emitted_at_ms"]
    assert set(ledger["us"]) >= {"decode", "state", "dedup", "profile", "auction", "encode"}


def test_a_decision_that_shows_nothing_says_so_in_a_header():
    """One event wins an action; the same one without any campaign in force stays silent."""
    for made, silent in ((context(campaign()), None), (context(), b"1")):
        ((_, payload),) = job(made).record(record(event("page_view")))
        _, headers, frame = read_routed(payload)
        assert (headers.get(SILENT), DECISIONS.decode(frame).render is None) == (
            silent,
            silent is not None,
        )


def test_the_trace_of_a_request_travels_on():
    """A W3C traceparent of the event is a header of its decision."""
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    ((_, payload),) = job().record(record(event("page_view", traceparent=trace)))
    assert read_routed(payload)[1]["traceparent"] == trace.encode()


GOOD = record(event("page_view"))
VALUE = GOOD.value or b""
POISON = {
    "no_value": GOOD._replace(value=None),
    "bad_magic": GOOD._replace(value=b"{}"),
    "truncated": GOOD._replace(value=VALUE[:-3]),
    "trailing_bytes": GOOD._replace(value=VALUE + b"x"),
    "unknown_schema_id": GOOD._replace(value=b"\0\0\0\x27\x0f" + VALUE[5:]),
    "wrong_schema": GOOD._replace(value=DECISIONS.encode(job().event(event("page_view"))[0])),
    "key_mismatch": record(event("page_view", user_key=OTHER), key=USER.encode()),
    "time_mismatch": GOOD._replace(timestamp_ms=BEGINNING + 1),
    "unknown_type": record(event("levitate")),
    "unknown_kind": record(event("page_view", internal="reboot")),
    "absurd_value": record(event("page_view", session_index=-5)),
}


@pytest.mark.parametrize("reason", POISON)
def test_poison_becomes_a_dead_letter_with_its_original_bytes(reason):
    """Reason, origin, key and value travel; the user's count of dead letters grows by one."""
    running, poison = job(), POISON[reason]
    (made,) = letters(running.record(poison))
    assert made.reason == reason and made.detail
    assert (made.key, made.value) == (poison.key, poison.value)
    assert (made.origin_topic, made.origin_partition, made.origin_offset) == ("events", 3, 17)
    assert running.meter.counts["dead_lettered"] == 1
    assert probe(running).dead_lettered == 1


@pytest.mark.parametrize("key", [None, b"", b"\xff\xfe", b"~tick", b"demo:v:xyz", b"k" * 9000])
def test_a_key_that_is_no_users_leaves_no_state(key):
    """Garbage keys cannot fill the state store; the letter still carries them whole."""
    running = job()
    (made,) = letters(running.record(GOOD._replace(key=key)))
    assert made.key == key
    assert running.states == {} and running.timers == []


def test_a_bug_met_by_one_record_is_a_dead_letter_and_the_job_goes_on():
    """An exception out of the rules is counted; state is as before the record."""
    running = job()
    running.event(event("page_view"))
    running._hop.context, healthy = BrokenContext(), running._hop.context
    (made,) = letters(running.record(record(event("page_view", 10, 1))))
    running._hop.context = healthy
    assert made.reason == "internal_error" and "ZeroDivisionError" in made.detail
    assert running.event(event("page_view", 20, 2))
    counts = probe(running, 30)
    assert (counts.applied, counts.dead_lettered) == (2, 1)


def test_a_deadline_that_fails_is_dropped_and_the_user_lives_on():
    """Otherwise every later event of this user would meet the same deadline again."""
    running = job()
    running.event(event("product_view", product=lamp()))
    running._hop.context, healthy = BrokenContext(), running._hop.context
    (made,) = letters(running.advance(BEGINNING + DWELL_MS))
    running._hop.context = healthy
    assert made.reason == "internal_error" and made.key == USER.encode()
    assert running.event(event("page_view", DWELL_MS + 10, 1))
    assert probe(running, DWELL_MS + 20).applied == 2


def test_a_dwell_deadline_decides_when_event_time_passes_it():
    """A product page that stays open asks again, with the deadline as its trigger."""
    running = job(context(campaign(on=("dwell",))))
    running.event(event("product_view", product=lamp()))
    assert running.advance(BEGINNING + DWELL_MS - 1) == []
    (late,) = running.chosen(running.advance(BEGINNING + DWELL_MS))
    assert (late.trigger.kind, late.trigger.deadline_ms) == ("dwell", BEGINNING + DWELL_MS)
    assert late.campaign_id == "hello"


@pytest.mark.parametrize("poison", ["truncated", "unknown_type"])
def test_a_dead_letter_counts_after_the_deadlines_before_it_whenever_their_timer_runs(poison):
    """A watermark that trails must not let a later dead letter into an earlier decision."""
    for key, quiet_ms in ((USER, DWELL_MS + 10), ("demo:p:" + "0" * 32, 31 * ONE_MINUTE)):
        told = []
        for timer_first in (True, False):
            running = job()
            running.event(event("product_view", user_key=key, product=lamp()))
            at_ms = BEGINNING + quiet_ms
            bad = record(event("levitate", quiet_ms, 1, user_key=key))
            if poison == "truncated":
                bad = bad._replace(value=VALUE[:-3])
            out = running.advance(at_ms - 1) if timer_first else []
            out += running.record(bad)
            out += running.advance(at_ms + DWELL_MS)
            asked = replace(event("", quiet_ms + 20, event_id="p", user_key=key), internal="probe")
            told.append([*running.chosen(out), *running.event(asked)])
        assert told[0] == told[1] and told[0][-1].counts.dead_lettered == 1
        assert [each.counts.dead_lettered for each in told[0]] == [0, 1]


def test_a_tick_writes_nothing_and_touches_no_state():
    """Its only work, moving the watermark, was done in the source."""
    running = job()
    tick = Event(internal="tick", user_key="~tick", received_at_ms=BEGINNING)
    assert running.record(record(tick)) == []
    assert running.states == {} and running.meter.counts["ticks"] == 1


def test_an_event_under_the_tick_key_is_refused():
    """Nobody can hide an event among the ticks."""
    (made,) = letters(job().record(GOOD._replace(key=b"~tick")))
    assert made.reason == "key_mismatch"


def test_a_record_at_the_watermark_is_applied_and_counted_disordered():
    """Late for the watermark is not late for the user."""
    running = job()
    running.advance(BEGINNING)
    assert running.event(event("page_view"))
    assert running.meter.counts["disordered"] == 1 and probe(running).applied == 1


def test_the_four_counts_are_disjoint_and_complete():
    """applied + duplicate + late + dead-lettered = what was written for this user."""
    running = job()
    running.event(event("page_view"))
    running.event(event("page_view"))
    running.event(event("click", 10, 2000))
    running.event(event("click", 20, 5))
    running.record(record(event("levitate", 30, 6)))
    counts = probe(running, 40)
    seen = (counts.applied, counts.duplicate, counts.late, counts.dead_lettered)
    assert seen == (2, 1, 1, 1)
    assert [running.meter.counts[name] for name in ("applied", "duplicate", "late")] == [2, 1, 1]


def test_state_and_timers_are_gone_after_the_last_deadline():
    """A user who never comes back leaves nothing behind."""
    running = job()
    running.event(event("product_view", product=lamp()))
    running.advance(BEGINNING + FORGOTTEN_MS)
    assert running.states == {} and running.timers == []


def test_state_of_an_unknown_layout_is_refused_by_name():
    """A deploy onto state from the future stops, instead of losing every user's history."""
    running = job()
    running.states[USER] = b"KP\xfe"
    with pytest.raises(UnknownLayout, match="layout 254"):
        running.event(event("page_view"))
    assert running.states[USER] == b"KP\xfe"


def test_state_is_the_versioned_envelope():
    """What the engine keeps is bytes that say how to read them."""
    running = job()
    running.event(event("page_view"))
    kept = load(running.states[USER])
    assert kept is not None and kept.applied == 1
