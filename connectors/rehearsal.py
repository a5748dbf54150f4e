"""Rehearsal: recorded events decided again by the pure core under another catalogue.

The events are an exported log (its own sites, products, models and policies stay in force at their
own times) or JSON Lines. Nothing is written; one decision after the other is handed on, so that
the length of a log costs no memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec.structs import replace

from connectors.event_lines import read_lines
from connectors.log_decide import codecs, control_records, empty_context
from connectors.log_folder import read_manifest, read_records
from connectors.memory import MemoryRegistry
from connectors.routes import Origin
from jobs.settings import GRACE_MS
from models.context import Context
from operators.local import LocalJob
from schemas.campaign import Campaigns
from schemas.decision import Decision
from schemas.model import Model
from schemas.site import Site
from schemas.topics import EVENTS

CAMPAIGNS = "campaigns"
SECRET = b"rehearsal"
"""Keys the draws where a site has no secret: the same events then give the same draws."""

EVERY = 10_000
"""Events between two words about progress."""

Tell = Callable[[str], None]


def rehearse(
    events: Path, record: Campaigns, sites: tuple[Site, ...], model: Model, tell: Tell
) -> Iterator[Decision]:
    """The decisions that `record` would have given. `sites` and `model` are for JSON Lines.

    Raises LogFilesError, BadLine, BadFrame, OSError.
    """
    if events.is_dir():
        yield from _log(events, record, tell)
    else:
        yield from _lines(events, record, sites, model, tell)


def _lines(
    events: Path, record: Campaigns, sites: tuple[Site, ...], model: Model, tell: Tell
) -> Iterator[Decision]:
    context = empty_context()
    for site in sites:
        keys = {"salt": SECRET, "mint_secret": SECRET}
        context.add("sites", replace(site, version=1, effective_at_ms=0, **keys))
        context.add(CAMPAIGNS, replace(record, site=site.site, version=1, effective_at_ms=0))
    context.add("models", replace(model, version=1, effective_at_ms=0))
    job = LocalJob(context, codecs(MemoryRegistry()))
    newest_ms = 0
    for number, event in enumerate(read_lines(events, lambda name: context.at(name, 0).site), 1):
        # Deadlines of the visitors before run first, as the engine's timers would.
        newest_ms = max(newest_ms, event.received_at_ms)
        yield from job.chosen(job.advance(newest_ms - GRACE_MS - 1))
        yield from job.event(event)
        _tell(number, tell)


def _log(folder: Path, record: Campaigns, tell: Tell) -> Iterator[Decision]:
    manifest = read_manifest(folder)
    registry = MemoryRegistry(first_id=1 + max(map(int, manifest.schemas), default=0))
    registry.schemas = {int(number): text for number, text in manifest.schemas.items()}
    context = empty_context()
    for site in _controls(folder, context, record.site):
        context.add(CAMPAIGNS, replace(record, site=site, version=1, effective_at_ms=0))
    job = LocalJob(context, codecs(registry))
    newest = dict.fromkeys(range(manifest.topics[EVENTS].partitions), -1)
    for number, each in enumerate(read_records(folder, EVENTS), 1):
        newest[each.partition] = max(newest[each.partition], each.timestamp_ms)
        origin = Origin(each.partition, each.offset, each.timestamp_ms, each.key, each.value)
        yield from job.chosen(job.record(origin))
        _tell(number, tell)
    if min(newest.values()) >= 0:
        yield from job.chosen(job.advance(min(newest.values()) - GRACE_MS - 1))


def _controls(folder: Path, context: Context, site: str) -> list[str]:
    """Put the log's control records in force, but its catalogues; the sites they are for."""
    found = set()
    for topic, made in control_records(folder):
        if topic != CAMPAIGNS:
            context.add(topic, made)
        elif site in ("", made.site):
            found.add(made.site)
    return sorted(found)


def _tell(number: int, tell: Tell) -> None:
    if number % EVERY == 0:
        tell(f"{number:,} events decided again")
