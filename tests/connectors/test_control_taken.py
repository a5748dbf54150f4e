"""The job, a replay of its exported log and `why` put the same control records in force."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors import decisions_found
from connectors.avro import codec, fingerprint
from connectors.control import ControlRecord
from connectors.intents import intents_of
from connectors.log_decide import codecs, control_records, logged_context
from connectors.log_files import LogRecord, Manifest, TopicSpan, write_manifest, write_records
from connectors.memory import MemoryRegistry
from connectors.model_keys import PrivateKey, Trust, scorer_of
from connectors.routes import Origin, read_routed
from jobs.settings import Settings
from models.context import Context
from operators.decide import Decide
from operators.hop import UserHop
from operators.metrics import Meter
from schemas.campaign import Campaigns
from schemas.model import Head
from schemas.site import Site
from schemas.topics import CONTROL_TOPICS, DECISIONS, EVENTS
from tests.builders import campaign
from tests.connectors.test_model_keys import model

AT_MS = 1_790_000_000_001
REGISTRY = MemoryRegistry()
HEAVY = (Head("purchase_intent", 0, (1 << 41, -(1 << 62))),)


def frame(topic: str, record: Any) -> bytes:
    """A record as it lies in its topic."""
    return codec(topic, REGISTRY).encode(record)


def sold(when: str, **fields: Any) -> bytes:
    """A catalogue of one campaign with this condition."""
    made = Campaigns(site="demo", campaigns=(campaign(when=when, **fields),), version=2)
    return frame("campaigns", made)


def signed(key: PrivateKey, **fields: Any) -> bytes:
    """Version 4 of the site's model, over version 3."""
    return frame("models", key.sign(model(version=4, **fields)))


CASES = {
    "poison": ("campaigns", lambda _: b"rubbish", "bad_magic"),
    "no value": ("sites", lambda _: None, "no_value"),
    "unknown schema": ("policy", lambda _: b"\0\0\0\xff\xff", "unknown_schema_id"),
    "no condition": ("campaigns", lambda _: sold("page_views >"), "control_refused"),
    "unsigned": ("models", lambda _: frame("models", model(version=4)), "model_refused"),
    "unknown input": ("models", lambda key: signed(key, features=("mood",)), "model_refused"),
    "unknown kind": (
        "models",
        lambda key: signed(key, heads=(Head("purchase_intent", 0, (1, 2), kind="odd"),)),
        "model_refused",
    ),
    "heavy head": ("models", lambda key: signed(key, heads=HEAVY), ""),
    "sound": ("models", signed, ""),
}


def by_job(records: list[ControlRecord], key: PrivateKey) -> tuple[list[str], Context]:
    """Reasons of the running job's dead letters, and what it has in force."""
    job = Decide(Settings("decisioning", "b:1", "http://r", "b1", model_keys=(key.public,)))
    job.codecs = {topic: codec(topic, REGISTRY) for topic in CONTROL_TOPICS}
    job.meter, job.loaded = Meter(), {}
    context = Context(scorer_of(Trust([key.public])), fingerprint(DECISIONS), intents_of)
    job.hop = UserHop(context, codecs(REGISTRY), "b1", job.meter)
    out = [payload for record in records for _, payload in job._take(record, running=True)]
    letters = codec("dead-letters", REGISTRY)
    return [letters.decode(read_routed(payload)[2]).reason for payload in out], context


def exported(folder: Path, records: list[ControlRecord], key: PrivateKey) -> Path:
    """The same records as `kairos log export` writes them."""
    rows: dict[str, list[LogRecord]] = {topic: [] for topic in (*CONTROL_TOPICS, EVENTS, DECISIONS)}
    for each in records:
        told = each.origin
        rows[each.topic].append(LogRecord(0, told.offset, told.timestamp_ms, told.key, told.value))
    for topic, found in rows.items():
        write_records(folder, topic, found)
    spans = {topic: TopicSpan(1, len(f), {"0": 0}, {"0": len(f)}) for topic, f in rows.items()}
    schemas = {str(number): text for number, text in REGISTRY.schemas.items()}
    write_manifest(folder, Manifest(spans, schemas, model_keys=(key.public,)))
    return folder


@pytest.mark.parametrize("name", CASES)
def test_the_job_its_replay_and_why_refuse_the_same(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what was in force before each refused record stays so in all three."""
    topic, made, reason = CASES[name]
    key = PrivateKey.create(tmp_path / "models.pem")
    sites = frame("sites", Site(site="demo", version=1, salt=b"s", mint_secret=b"m"))
    values = [("sites", sites), ("campaigns", sold("page_views >= 1", id="before"))]
    values += [("models", frame("models", key.sign(model()))), (topic, made(key))]
    records = [
        ControlRecord(each, Origin(0, at, AT_MS, b"demo", value))
        for at, (each, value) in enumerate(values)
    ]
    reasons, job = by_job(records, key)
    assert reasons == ([reason] if reason else [])
    folder = exported(tmp_path, records, key)
    assert len(list(control_records(folder))) == len(records) - len(reasons)
    monkeypatch.setattr(decisions_found.ControlLog, "read", lambda *_: records)
    why = decisions_found._context("b:1", REGISTRY, (key.public,))
    versions = job.at("demo", AT_MS).versions
    assert versions.model == (3 if reason else 4) and versions.catalogue == 2
    assert logged_context(folder).at("demo", AT_MS).versions == versions
    assert why.at("demo", AT_MS).versions == versions
