"""An exported log decided again by the pure core: no process, the same bytes.

Control records come from the export with their own effective times. Deadlines run up to the
smallest of the partitions' newest stamps minus the grace, which is where a job's watermark ends.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.avro import HEADER_BYTES, codec, fingerprint
from connectors.control_taken import Refused, take
from connectors.intents import intents_of
from connectors.log_files import LogRecord, Manifest
from connectors.log_folder import read_manifest, read_records, read_schemas
from connectors.loops import loops
from connectors.memory import MemoryRegistry
from connectors.model_keys import Trust, scorer_of
from connectors.plain import plain
from connectors.routes import Origin, read_routed
from jobs.settings import GRACE_MS
from models.context import Context
from operators.codecs import Codecs
from operators.hop import Out
from operators.local import LocalJob
from schemas.chain import Chain
from schemas.decision import Decision
from schemas.model import UNSIGNED
from schemas.topics import CONTROL_TOPICS, DEAD_LETTERS, DECISIONS, EVENTS, PROFILES, TRIGGERS


@dataclass(slots=True)
class Decided:
    """What deciding a log gave; `letters` counts dead letters."""

    job: LocalJob
    decisions: list[Decision] = field(default_factory=list)
    chain: Chain = field(default_factory=Chain)
    letters: int = 0

    def take(self, out: Out) -> None:
        """Keep what the hop wrote."""
        for key, payload in out:
            topic, _, frame = read_routed(payload)
            if topic == DECISIONS:
                decision = self.job.decisions.decode(frame)
                self.decisions.append(decision)
                self.chain.add(
                    key.encode(), decision.slot_id, decision.decision_id, frame[HEADER_BYTES:]
                )
            self.letters += topic == DEAD_LETTERS


def codecs(registry: MemoryRegistry) -> Codecs:
    """The codecs of the hop over one registry."""
    return Codecs(
        codec(EVENTS, registry),
        codec(DECISIONS, registry),
        codec(DEAD_LETTERS, registry),
        codec(TRIGGERS, registry),
        codec(PROFILES, registry),
    )


def empty_context(keys: tuple[str, ...] = (UNSIGNED,)) -> Context:
    """A context that scores with real models by these keys and stamps this release's schema."""
    return Context(
        scorer_of(Trust(keys)), fingerprint(DECISIONS), intents_of, loops=loops(), plain=plain()
    )


def decide_log(folder: Path) -> Decided:
    """Decide every event of an exported log. Raises LogFilesError for a folder that is none."""
    job, written = deciding(folder)
    done = Decided(job)
    for out in written:
        done.take(out)
    return done


def deciding(folder: Path) -> tuple[LocalJob, Iterator[Out]]:
    """A job under the log's own context, and what it writes record by record as it is read."""
    manifest = read_manifest(folder)
    job = LocalJob(logged_context(folder), codecs(registry_of(manifest)))
    return job, _written(job, folder, manifest)


def _written(job: LocalJob, folder: Path, manifest: Manifest) -> Iterator[Out]:
    newest = dict.fromkeys(range(manifest.topics[EVENTS].partitions), -1)
    for record in read_records(folder, EVENTS):
        newest[record.partition] = max(newest[record.partition], record.timestamp_ms)
        yield job.record(_origin(record))
    if min(newest.values()) >= 0:
        yield job.advance(min(newest.values()) - GRACE_MS - 1)


def registry_of(manifest: Manifest) -> MemoryRegistry:
    """The schemas of an export under the ids its frames carry."""
    registry = MemoryRegistry(first_id=1 + max(map(int, manifest.schemas), default=0))
    registry.schemas = {int(number): text for number, text in manifest.schemas.items()}
    return registry


def control_records(folder: Path) -> Iterator[tuple[str, Any]]:
    """(topic, record) of an export's control topics, without those that its job refused.

    Raises LogFilesError.
    """
    return _taken(folder, empty_context(read_schemas(folder).model_keys))


def logged_context(folder: Path) -> Context:
    """What was in force in an export's job, at any time. Raises LogFilesError."""
    context = empty_context(read_schemas(folder).model_keys)
    for _ in _taken(folder, context):
        pass
    return context


def _taken(folder: Path, context: Context) -> Iterator[tuple[str, Any]]:
    registry = registry_of(read_schemas(folder))
    for topic in CONTROL_TOPICS:
        reader = codec(topic, registry)
        for record in read_records(folder, topic):
            try:
                made = take(context, topic, reader, record.value)
            except Refused:
                continue
            yield topic, made


def _origin(record: LogRecord) -> Origin:
    return Origin(record.partition, record.offset, record.timestamp_ms, record.key, record.value)


def catalogue_names(context: Context, decision: Decision) -> tuple[str, ...]:
    """Campaign ids that name the bits of a decision's reasons."""
    view = context.at(decision.site, decision.decided_at_ms)
    return view.catalogue.ids if view.catalogue is not None else ()


def as_line(context: Context, decision: Decision) -> str:
    """One decision as one line of JSON."""
    return json.dumps(decision.to_json(catalogue_names(context, decision)), separators=(",", ":"))
