"""A log decided under two contexts by several processes, one share of the users each.

Each worker builds both contexts from the same records, so that a model that both sides share runs
once a step: the second side asks with the same input and gets the remembered answer.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

from connectors.avro import fingerprint
from connectors.given import Record
from connectors.intents import intents_of
from connectors.log_by_user import BadRecord, open_log
from connectors.log_decide import control_records
from connectors.loops import loops
from connectors.onnx import OnnxScorer
from connectors.plain import plain
from models.context import Context
from models.intent import Scorer
from models.why_changed import Side
from models.why_totals import Totals
from models.why_twin import Twin
from schemas.decision import Decision
from schemas.model import Model
from schemas.topics import DECISIONS

POLL_S = 0.2
EVENTS_TOLD = 500
"""Events between two words of a worker about how far it is."""


@dataclass(frozen=True, slots=True)
class Sides:
    """What is compared: a log, and the control records of each side beside its own.

    A topic named by a side's records replaces what an exported log holds of that topic.
    """

    path: Path
    a: tuple[Record, ...]
    b: tuple[Record, ...]


@dataclass(slots=True)
class Worked:
    """What the workers found, and the processor seconds it took them in all."""

    totals: Totals
    cpu_s: float


class RememberingScorer:
    """A scorer that answers the same question twice for the price of one."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._asked: tuple[list[float], bytes] | None = None
        self._answer: tuple[list[int], bytes] = ([], b"")

    def step(self, features: list[float], hidden: bytes) -> tuple[list[int], bytes]:
        """As the scorer beneath; the concepts are a list of the caller's own."""
        if self._asked != (features, hidden):
            self._answer = self._scorer.step(features, hidden)
            self._asked = (list(features), hidden)
        concepts, following = self._answer
        return list(concepts), following


def contexts(sides: Sides) -> tuple[Context, Context]:
    """Both sides' contexts. Raises LogFilesError, ModelRefused, RuleError."""
    scorers: dict[str, Scorer] = {}

    def scorer(model: Model) -> Scorer:
        if model.sha256 not in scorers:
            scorers[model.sha256] = RememberingScorer(OnnxScorer.from_model(model))
        return scorers[model.sha256]

    logged = list(control_records(sides.path)) if sides.path.is_dir() else []
    made = []
    for given in (sides.a, sides.b):
        context = Context(scorer, fingerprint(DECISIONS), intents_of, loops=loops(), plain=plain())
        own = {topic for topic, _ in given}
        for topic, record in [*(each for each in logged if each[0] not in own), *given]:
            context.add(topic, record)
        made.append(context)
    return made[0], made[1]


def totals_of(
    sides: Sides, share: int = 0, shares: int = 1, told: Callable[[int], None] = lambda _: None
) -> Totals:
    """One share of the log compared; `told` hears how many events were just taken."""
    a, b = contexts(sides)
    log = open_log(sides.path, share, shares, lambda site: a.at(site, 0).site)
    out = Totals()
    count = 0
    for key, records in log.users():
        pairs, taken = _user(key, records, log.end_ms(), a, b)
        out.add_user(pairs, taken)
        count += taken
        if count >= EVENTS_TOLD:
            told(count)
            count = 0
    told(count)
    return out


def _user(
    key: str, records: Iterator[Any], end_ms: int, a: Context, b: Context
) -> tuple[list[tuple[Side | None, Side | None]], int]:
    twin, pairs, taken = Twin(key, a, b), [], 0
    for record in records:
        taken += 1
        bad = isinstance(record, BadRecord)
        pairs += twin.refuse(record.at_ms) if bad else twin.take(record)
    if end_ms:
        pairs += twin.finish(end_ms)
    return [(_side(one, a), _side(two, b)) for one, two in pairs], taken


def _side(decision: Decision | None, context: Context) -> Side | None:
    if decision is None:
        return None
    catalogue = context.at(decision.site, decision.decided_at_ms).catalogue
    return Side(decision, catalogue.ids if catalogue is not None else ())


_done: Any = None


def _start(done: Any) -> None:
    global _done
    _done = done


def _share(sides: Sides, share: int, shares: int) -> tuple[Totals, float]:
    return totals_of(sides, share, shares, _told), process_time()


def _told(count: int) -> None:
    with _done.get_lock():
        _done.value += count


def work(sides: Sides, workers: int, heard: Callable[[int], None]) -> Worked:
    """Compare with so many processes; `heard` is told, now and then, how many events are done."""
    fresh = multiprocessing.get_context("spawn")
    done = fresh.Value("q", 0)
    out = Worked(Totals(), 0.0)
    with ProcessPoolExecutor(workers, fresh, initializer=_start, initargs=(done,)) as pool:
        pending = {pool.submit(_share, sides, share, workers) for share in range(workers)}
        while pending:
            finished, pending = wait(pending, POLL_S, FIRST_COMPLETED)
            for each in finished:
                totals, cpu_s = each.result()
                out.totals.merge(totals)
                out.cpu_s += cpu_s
            heard(done.value)
    return out
