"""A log decided under a catalogue for an audit, by several processes, one share of users each.

Sites are put into `observe`, without holdouts: what would have fired is what would have won.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

from msgspec.structs import replace

from connectors.given import LOCAL_SECRET, Record
from connectors.log_by_user import BadRecord, open_log
from connectors.log_decide import control_records, empty_context
from connectors.log_folder import read_manifest
from models.audit import Audit
from models.context import Context
from models.coverage import Coverage
from models.effects import Decide
from models.user import advance, step
from schemas.campaign import Campaigns
from schemas.decision import Decision
from schemas.event import Event
from schemas.model import UNSIGNED
from schemas.profile import Profile
from schemas.site import OBSERVE, Site

POLL_S = 0.2
EVENTS_TOLD = 500
LAST_DEADLINES_MS = 3_600_000
"""A visitor who left is followed so long, for deadlines that no later event runs."""

ALL_PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class Audited:
    """What is audited: one or two logs, and the records in force; the catalogue is one of them."""

    paths: tuple[Path, ...]
    records: tuple[Record, ...]
    catalogue: Campaigns


def watched(site: Site) -> Site:
    """The site with nothing withheld but by being watched."""
    return replace(
        site, mode=OBSERVE, rollout_ppm=ALL_PPM, holdout_ppm=0, version=site.version or 1,
        effective_at_ms=0, salt=site.salt or LOCAL_SECRET, mint_secret=site.mint_secret or b"-",
    )  # fmt: skip


def logged(path: Path) -> list[Record]:
    """The control records of a log; none of a file of lines. Raises LogFilesError."""
    return list(control_records(path)) if path.is_dir() else []


def audit_share(
    audited: Audited, share: int = 0, shares: int = 1, told: Callable[[int], None] = lambda _: None
) -> Audit:
    """One share of the users; `told` hears how many events were just taken."""
    context = _context(audited)
    ids = tuple(each.id for each in audited.catalogue.campaigns)
    out, count = Audit(Coverage(ids)), 0
    for path in audited.paths:
        log = open_log(path, share, shares, lambda site: context.at(site, 0).site)
        for key, records in log.users():
            events, decisions, bad = _user(key, records, context)
            out.add_user(events, decisions)
            out.bad += bad
            count += len(events)
            if count >= EVENTS_TOLD:
                told(count)
                count = 0
    told(count)
    return out


def _context(audited: Audited) -> Context:
    folders = [each for each in audited.paths if each.is_dir()]
    keys = tuple(key for each in folders for key in read_manifest(each).model_keys)
    context = empty_context(keys or (UNSIGNED,))
    for topic, record in audited.records:
        context.add(topic, record)
    return context


def _user(
    key: str, records: Iterable[Event | BadRecord], context: Context
) -> tuple[list[Event], list[Decision], int]:
    profile: Profile | None = None
    events, decisions, bad = [], [], 0
    for each in records:
        if isinstance(each, BadRecord) or each.internal:
            bad += isinstance(each, BadRecord)
            continue
        profile, effects, _ = step(profile, each, key, context)
        events.append(each)
        decisions += [made.decision for made in effects if isinstance(made, Decide)]
    if profile is not None:
        effects = advance(profile, profile.now_ms + LAST_DEADLINES_MS, key, context)[1]
        decisions += [made.decision for made in effects if isinstance(made, Decide)]
    return events, decisions, bad


_done: Any = None


def _start(done: Any) -> None:
    global _done
    _done = done


def _share(audited: Audited, share: int, shares: int) -> tuple[Audit, float]:
    return audit_share(audited, share, shares, _told), process_time()


def _told(count: int) -> None:
    with _done.get_lock():
        _done.value += count


def audit_log(audited: Audited, workers: int, heard: Callable[[int], None]) -> tuple[Audit, float]:
    """The audit by so many processes, and their processor seconds; `heard` is told events done."""
    fresh = multiprocessing.get_context("spawn")
    done = fresh.Value("q", 0)
    out, cpu_s = Audit(Coverage(tuple(each.id for each in audited.catalogue.campaigns))), 0.0
    with ProcessPoolExecutor(workers, fresh, initializer=_start, initargs=(done,)) as pool:
        pending = {pool.submit(_share, audited, share, workers) for share in range(workers)}
        while pending:
            finished, pending = wait(pending, POLL_S, FIRST_COMPLETED)
            for each in finished:
                made, spent_s = each.result()
                out.merge(made)
                cpu_s += spent_s
            heard(done.value)
    return out, cpu_s
