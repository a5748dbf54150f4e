"""Watching a model over an exported log: are its inputs the job's, and do its scores come true?"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from connectors.avro import BadFrame, codec
from connectors.log_decide import deciding, registry_of
from connectors.log_folder import read_manifest, read_records
from connectors.routes import read_routed
from models import drift, skew
from models.context import Context
from schemas.decision import Decision
from schemas.topics import DECISIONS, EVENTS, INPUTS

SESSION_GAP_MS = 30 * 60_000
WINDOWS_MS = {"conversion_5m": 300_000, "conversion_30m": 1_800_000, "conversion_24h": 86_400_000}
PURCHASE_INTENT = "purchase_intent"


class Skew(Struct):
    """`sampled` decisions of the log carried inputs; `compared` of them were computed again."""

    sampled: int = 0
    compared: int = 0
    differing: int = 0
    by_input: dict[str, int] = {}
    examples: list[str] = []


def check_skew(folder: Path) -> Skew:
    """Compute every sampled vector of an exported log again. Raises LogFilesError."""
    logged = dict(_sampled(folder))
    out = Skew(sampled=len(logged))
    job, records = deciding(folder)
    for out_records in records:
        for _, payload in out_records:
            topic, headers, frame = read_routed(payload)
            if topic == DECISIONS and INPUTS in headers:
                made = job.decisions.decode(frame)
                if made.slot_id in logged:
                    _compare(out, made, logged.pop(made.slot_id), headers[INPUTS], job.context)
    return out


def _sampled(folder: Path) -> Iterator[tuple[str, bytes]]:
    """(slot, vector) of the first record of each sampled slot, the newest last."""
    for decision, headers in reversed(list(_decisions(folder))):
        if INPUTS in headers:
            yield decision.slot_id, headers[INPUTS]


def _decisions(folder: Path) -> Iterator[tuple[Decision, dict[str, bytes]]]:
    reader = codec(DECISIONS, registry_of(read_manifest(folder)))
    for record in read_records(folder, DECISIONS):
        try:
            decision: Decision = reader.decode(record.value)
        except BadFrame:
            continue
        yield decision, {name: value or b"" for name, value in record.headers}


def _compare(out: Skew, made: Decision, logged: bytes, computed: bytes, context: Context) -> None:
    out.compared += 1
    model = context.at(made.site, made.decided_at_ms).model
    names = model.features if model is not None else ()
    found = skew.differences(names, logged, computed)
    out.differing += bool(found)
    for name, (one, two) in found.items():
        out.by_input[name] = out.by_input.get(name, 0) + 1
        if len(out.examples) < 5:
            out.examples.append(f"{made.slot_id}: {name} was {one!r}, is {two!r}")


class Drift(Struct):
    """Of one site's newest model: PSI by concept and score, calibration error by score."""

    site: str
    version: int
    decisions: int = 0
    psi: dict[str, float] = {}
    ece_ppm: dict[str, int] = {}
    labelled: dict[str, int] = {}


def check_drift(folder: Path, site: str) -> Drift:
    """How the newest model that decided for a site stands. Raises LogFilesError."""
    made = [each for each, _ in _decisions(folder) if each.site == site and each.concepts]
    if not made:
        return Drift(site, 0)
    version = max(each.versions.model for each in made)
    made = [each for each in made if each.versions.model == version]
    out = Drift(site, version, len(made))
    job, _ = deciding(folder)
    model = job.context.at(site, max(each.decided_at_ms for each in made)).model
    known = drift.references_in(model.card) if model is not None else {}
    for name, reference in known.items():
        counts = [0] * len(reference.shares)
        for each in made:
            value = each.concepts.get(name, each.scores.get(name))
            if value is not None:
                counts[reference.bin_of(value)] += 1
        out.psi[name] = drift.psi(reference, counts)
    for name, said in _outcomes(folder, made).items():
        out.ece_ppm[name], out.labelled[name] = drift.ece_ppm(said), len(said)
    return out


def _outcomes(folder: Path, made: list[Decision]) -> dict[str, list[tuple[int, bool]]]:
    """Score -> (what was said, whether it came true), as far as the log is long enough to tell."""
    times, bought = _histories(folder)
    end_ms = max((each[-1] for each in times.values()), default=0)
    out: dict[str, list[tuple[int, bool]]] = defaultdict(list)
    for each in made:
        key, at_ms = each.user_key, each.decided_at_ms
        orders = bought.get(key, [])
        after = orders[bisect_right(orders, at_ms) :]
        closes_ms = _closes_ms(times.get(key, []), at_ms)
        for name, score in each.scores.items():
            until_ms = closes_ms if name == PURCHASE_INTENT else at_ms + WINDOWS_MS.get(name, -1)
            if until_ms < at_ms:
                continue
            true = bool(after) and after[0] <= until_ms
            if true or until_ms < end_ms:
                out[name].append((score, true))
    return out


def _histories(folder: Path) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """User -> engine times of the events, and of the purchases, in order."""
    reader = codec(EVENTS, registry_of(read_manifest(folder)))
    times: dict[str, list[int]] = defaultdict(list)
    bought: dict[str, list[int]] = defaultdict(list)
    for record in read_records(folder, EVENTS):
        try:
            event = reader.decode(record.value)
        except BadFrame:
            continue
        if not event.internal:
            times[event.user_key].append(event.received_at_ms)
            if event.type == "purchase":
                bought[event.user_key].append(event.received_at_ms)
    for each in (*times.values(), *bought.values()):
        each.sort()
    return times, bought


def _closes_ms(times: list[int], at_ms: int) -> int:
    """When the session of this moment is over for want of events."""
    last_ms = at_ms
    for each in times[bisect_right(times, at_ms) :]:
        if each - last_ms > SESSION_GAP_MS:
            break
        last_ms = each
    return last_ms + SESSION_GAP_MS
