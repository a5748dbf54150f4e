"""`kairos why`: one id, its explanation, out of a file of events or an exported log."""

from __future__ import annotations

import json
from argparse import Namespace

import pytest
from msgspec.structs import replace

from cli.decide import given_context
from cli.main import main
from cli.why_json import as_json
from cli.why_text import lines
from connectors.avro import codec
from connectors.decisions_found import Found, in_export, in_lines
from connectors.event_lines import as_line
from connectors.given import campaign_records, model_record, site_records
from connectors.log_files import LogRecord, Manifest, TopicSpan, write_manifest, write_records
from connectors.memory import MemoryRegistry
from models.eligibility import REASONS
from models.why import explain
from models.why_words import REFUSALS, money, percent, share, shares
from schemas.decision import TriggerRef
from schemas.event import TIME_OUT
from schemas.topics import CONTROL_TOPICS, DECISIONS, EVENTS
from tests.cli.test_decide import CAMPAIGNS, STORY
from tests.models.why_cases import cases_of

SHOWN, SILENT = STORY[1], STORY[0]


@pytest.fixture
def files(tmp_path):
    """A folder with the story as JSON Lines and a catalogue."""
    (tmp_path / "campaigns.yaml").write_text(CAMPAIGNS)
    (tmp_path / "events.jsonl").write_bytes(b"".join(as_line(each) for each in STORY))
    return tmp_path


def why(folder, wanted, *options):
    """Exit code of the command over the files of a folder."""
    events, campaigns = folder / "events.jsonl", folder / "campaigns.yaml"
    return main(["why", wanted, "--log", str(events), "--campaigns", str(campaigns), *options])


@pytest.mark.promise("M30")
def test_a_shown_action_is_explained_by_its_event(files, capsys):
    """Sentence, bid, quality, price, versions, and that everything computes again."""
    assert why(files, SHOWN.event_id, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sentence"].startswith("After page view in stage browse, HELLO (worth 0.")
    assert told["campaign_id"] == "HELLO" and told["exact"] and told["checks"]["wrong"] == []
    row = told["candidates"][0]
    assert row["score"] == row["bid_micros"] * row["quality_ppm"]
    assert row["bid_micros"] == row["worth_micros"] == 12_500_000
    intent = told["scores"]["purchase_intent"]
    parts = sum(intent["contributions_micro"].values())
    assert intent["logit_micro"] == intent["bias_micro"] + parts
    assert told["versions"]["catalogue"] == 1 and "us" in told["ledger"]


def test_a_none_is_explained_with_the_condition_and_its_values(files, capsys):
    """The condition as written, and what it read, which the record does not hold."""
    assert why(files, SILENT.event_id) == 0
    told = capsys.readouterr().out
    assert "nothing was shown: HELLO did not meet its condition." in told
    assert "page_views >= 2  [page_views is 1]" in told


def test_an_unknown_id_fails_in_one_sentence(files, capsys):
    """Where was looked, and nothing on standard output."""
    assert why(files, "d_nobody") == 1
    told = capsys.readouterr()
    assert "no decision, slot or event d_nobody in" in told.err and told.out == ""


def exported(folder, case_decision, events, context):
    """An export as `kairos log export` writes it, with these events and one decision."""
    registry = MemoryRegistry()
    rows = {topic: [] for topic in (EVENTS, DECISIONS, *CONTROL_TOPICS)}
    encode = codec(EVENTS, registry).encode
    for at, each in enumerate(events):
        key = each.user_key.encode()
        rows[EVENTS].append(LogRecord(0, at, each.received_at_ms, key, encode(each)))
    body = codec(DECISIONS, registry).encode(case_decision)
    ledger = (("kairos.ledger", b'{"us": {"auction": 42}}'), ("kairos.build", b"b1"))
    rows[DECISIONS].append(LogRecord(0, 0, 1, case_decision.user_key.encode(), body, ledger))
    for topic, record in context:
        frame = codec(topic, registry).encode(record)
        rows[topic].append(LogRecord(0, len(rows[topic]), 1, record.site.encode(), frame))
    for topic, records in rows.items():
        write_records(folder, topic, records)
    spans = {topic: TopicSpan(1, len(r), {"0": 0}, {"0": len(r)}) for topic, r in rows.items()}
    write_manifest(folder, Manifest(spans, {str(n): s for n, s in registry.schemas.items()}))


def test_an_export_gives_the_ledger_and_notices_a_changed_record(files, tmp_path, capsys):
    """The same decision out of an export; then the record with another price, which exits 1."""
    catalogue = files / "campaigns.yaml"
    args = Namespace(campaigns=catalogue, sites=None, model=None, policy=None)
    found = in_lines(files / "events.jsonl", SHOWN.event_id, given_context(args))[0]
    records = [*site_records(None), *campaign_records(catalogue, ["demo"]), model_record(None)]
    decision = found.case.decision
    good, bad = tmp_path / "good", tmp_path / "bad"
    for folder, price in ((good, decision.price_micros), (bad, decision.price_micros - 1)):
        folder.mkdir()
        exported(folder, replace(decision, price_micros=price), STORY, records)
    (again,) = in_export(good, decision.slot_id)
    assert again.case.decision == decision and again.case.facts == found.case.facts
    assert (again.ledger, again.build_id) == ({"us": {"auction": 42}}, "b1")
    assert main(["why", decision.decision_id, "--log", str(good)]) == 0
    capsys.readouterr()
    assert main(["why", decision.decision_id, "--log", str(bad)]) == 1
    assert "WRONG: price is" in capsys.readouterr().out


@pytest.mark.parametrize("decided", [True, False], ids=["decided later", "not decided"])
@pytest.mark.parametrize("carrier", [None, "d_" + "5" * 32], ids=["no_fallback", "fallback"])
def test_a_time_out_is_found_by_its_event(tmp_path, files, capsys, decided, carrier):
    """What the gateway answered instead, even where no job has decided yet."""
    catalogue = files / "campaigns.yaml"
    args = Namespace(campaigns=catalogue, sites=None, model=None, policy=None)
    found = in_lines(files / "events.jsonl", SHOWN.event_id, given_context(args))[0]
    records = [*site_records(None), *campaign_records(catalogue, ["demo"]), model_record(None)]
    decision = found.case.decision
    note = replace(
        SHOWN,
        internal=TIME_OUT,
        type="",
        slot_id=decision.slot_id,
        decision_id=carrier,
        source_shown=carrier and "fallback",
        properties={"after_ms": 181.0},
    )
    other = decision if decided else replace(decision, slot_id="s_1", trigger=TriggerRef())
    exported(tmp_path, other, [*STORY, note], records)
    assert main(["why", SHOWN.event_id, "--log", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["slot_id"] == decision.slot_id
    assert told["time_out"]["answered"] == ("fallback" if carrier else "no_fallback")
    assert (told["time_out"]["after_ms"], told["time_out"]["decision_id"]) == (181.0, carrier)
    assert main(["why", SHOWN.event_id, "--log", str(tmp_path)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "The answer was late: after 181 ms the gateway" in text
    assert ("No decision of this event" in text) is not decided


def test_a_decision_says_whom_its_fallback_stood_in_for(tmp_path, files, capsys):
    """From the other end: the carrier's own id."""
    catalogue = files / "campaigns.yaml"
    args = Namespace(campaigns=catalogue, sites=None, model=None, policy=None)
    found = in_lines(files / "events.jsonl", SHOWN.event_id, given_context(args))[0]
    records = [*site_records(None), *campaign_records(catalogue, ["demo"]), model_record(None)]
    decision = found.case.decision
    named = {"slot_id": "s_later", "decision_id": decision.decision_id, "event_id": "later"}
    note = replace(SHOWN, internal=TIME_OUT, type="", source_shown="fallback", **named)
    exported(tmp_path, decision, [*STORY, note], records)
    assert main(["why", decision.decision_id, "--log", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["stood_in_for"], told["time_out"]) == (["s_later"], None)


def test_without_events_the_text_says_so():
    """No facts, no flips, and no claim."""
    (case,) = cases_of([], {}, {"stickiness": 1, "frustration": 1}, ["page_view"], False)
    told = explain(case)
    text = "\n".join(lines(told, Found(case)))
    assert "needs the visitor's events" in text and "there is no campaign" in text
    assert as_json(told, Found(case))["facts"] is None


def test_every_reason_has_words():
    """A code that a marketer would have to guess is a gap."""
    assert set(REASONS) <= REFUSALS.keys()


@pytest.mark.parametrize(
    ("told", "want"),
    [
        (money(12_345_678, "EUR"), "12.35 EUR"),
        (money(0, "EUR"), "0.00 EUR"),
        (money(1, "EUR"), "0.000001 EUR"),
        (money(-1_500_000, "USD"), "-1.50 USD"),
        (share(450_000), "0.450"),
        (share(449_999), "0.449999"),
        (shares(450_000, 449_999), ("0.450000", "0.449999")),
        (shares(454_000, 300_000), ("0.45", "0.30")),
        (percent(58_025), "5.8025 %"),
        (percent(1_000_000), "100 %"),
    ],
)
def test_numbers_for_people(told, want):
    """Short where that is exact, exact where short would hide something."""
    assert told == want
