"""Rows to train on: every prefix of every session, its inputs by the job's own step.

Built in the engine's environment by as many processes as there are cores, since the fold is what
takes time, and kept by the hash of data and code: the same log is folded once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from connectors.datasets import Visit, load
from connectors.log_by_user import BadRecord, open_log
from infra.demo.goods import STAND_IN
from infra.training.data import Floats, Ints
from infra.training.evaluate import DATASET as CLICKSTREAM
from infra.training.evaluate import purchases
from infra.training.labels import CONCEPTS, INTENTS, labels, medians
from infra.training.visits import Profiler, visits
from models.features import FEATURES
from schemas.event import Event
from schemas.profile import Profile

SIMULATED, DATASET, LOG = "simulated", "dataset", "log"
CODE = ("models", "schemas", "infra/demo", "infra/training", "connectors/datasets.py")


Part = tuple[Floats, Floats, Ints, NDArray[np.float64], NDArray[np.bool_]]
"""Inputs, concepts and intents, visit numbers, and the two last columns of Data."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where visits come from: simulated (count, seed), a data set's folder, or a log's path."""

    kind: str
    path: Path = Path()
    count: int = 0
    seed: int = 1

    def visits(self, share: int, shares: int) -> Iterator[Visited]:
        """One share of the visits."""
        return _READERS[self.kind](self, share, shares)

    def mark(self, checkout: Path) -> str:
        """Hash of all that the rows depend on."""
        found = sha256(f"{self.kind}:{self.count}:{self.seed}".encode())
        for file in [*_files(self.path if self.kind != SIMULATED else Path("-")), *_code(checkout)]:
            found.update(file.read_bytes())
        return found.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Visited:
    """A visit's events, the model's input after each, the purchase where not among them, and the
    places after the first where the job begins a session.
    """

    events: Sequence[Event]
    rows: Sequence[list[float]]
    bought: bool | None = None
    anew: frozenset[int] = frozenset()


def build(
    source: Source, cache: Path, checkout: Path, tell: Callable[[int, int], None], shares: int = 2
) -> Path:
    """The file with the rows of a source, made where it is missing."""
    file = cache / f"rows-{source.mark(checkout)}.npz"
    if file.is_file():
        return file
    parts = shares * 8
    done: list[Part] = []
    with ProcessPoolExecutor(shares) as pool:
        for number, part in enumerate(pool.map(_part, [source] * parts, range(parts),
                                               [parts] * parts), 1):  # fmt: skip
            done.append(part)
            tell(number, parts)
    split = len(CONCEPTS)
    truth = np.concatenate([each[1] for each in done])
    first = np.cumsum([0, *(len(np.unique(each[2])) for each in done)])
    visit = np.concatenate([each[2] + at for each, at in zip(done, first, strict=False)])
    cache.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".part.npz")
    np.savez(unfinished, inputs=np.concatenate([each[0] for each in done]),
             concepts=truth[:, :split], intents=truth[:, split:], visit=visit,
             age_s=np.concatenate([each[3] for each in done]),
             begins=np.concatenate([each[4] for each in done]))  # fmt: skip
    unfinished.rename(file)
    return file


def _part(source: Source, share: int, shares: int) -> Part:
    of_category = medians([(item.category, item.price_micros) for item in STAND_IN])
    inputs: list[list[float]] = []
    truth: list[tuple[bool, ...]] = []
    visit: list[int] = []
    age_s: list[float] = []
    begins: list[bool] = []
    for number, each in enumerate(source.visits(share, shares)):
        known = {**_of_categories(each.events), **of_category}
        inputs.extend(each.rows)
        truth.extend(labels(each.events, known, bought=each.bought))
        visit.extend([number] * len(each.rows))
        age_s.extend((event.ts_ms - each.events[0].ts_ms) / 1000 for event in each.events)
        begins.extend(at == 0 or at in each.anew for at in range(len(each.rows)))
    return (
        np.array(inputs, np.float32).reshape(-1, len(FEATURES)),
        np.array(truth, np.float32).reshape(-1, len(CONCEPTS) + len(INTENTS)),
        np.array(visit, np.int64),
        np.array(age_s, np.float64),
        np.array(begins, np.bool_),
    )


def _of_categories(events: Sequence[Event]) -> dict[str, float]:
    seen = {event.product for event in events if event.product}
    return medians([(each.category, each.price_micros) for each in seen])


def _simulated(source: Source, share: int, shares: int) -> Iterator[Visited]:
    count = source.count // shares + (share < source.count % shares)
    for visit in visits(count, f"{share}:{source.seed}", STAND_IN):
        yield Visited(visit.events, visit.rows)


def _recorded(source: Source, share: int, shares: int) -> Iterator[Visited]:
    recorded, bought = _dataset(source.path)
    profiler = Profiler()
    for visit in recorded[share::shares]:
        folded = list(profiler.recorded(visit))
        events, rows = [event for event, _, _ in folded], [row for _, row, _ in folded]
        anew = frozenset(at for at, (_, _, begins) in enumerate(folded) if begins)
        yield Visited(events, rows, bought[visit.session_id], anew)


@cache
def _dataset(path: Path) -> tuple[list[Visit], dict[str, bool]]:
    """The visits and purchases of the data set, read once a process."""
    return load(CLICKSTREAM, path, sessions=0, seed=0), purchases(path)


def _from_log(source: Source, share: int, shares: int) -> Iterator[Visited]:
    """A session ends where the job ends it; what the job did not score is no row."""
    profiler = Profiler()
    for _, records in open_log(source.path, share, shares, lambda _: None).users():
        profile: Profile | None = None
        number, events, rows = 0, list[Event](), list[list[float]]()
        for record in records:
            if isinstance(record, BadRecord) or record.internal:
                continue
            profile, row = profiler.fold(profile, record)
            if row is None or profile is None:
                continue
            if profile.session.number != number and rows:
                yield Visited(events, rows)
                events, rows = [], []
            number = profile.session.number
            events.append(record)
            rows.append(row)
        if rows:
            yield Visited(events, rows)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(each for each in path.glob("*") if each.is_file()) if path.is_dir() else []


def _code(checkout: Path) -> list[Path]:
    found = [
        file
        for name in CODE
        for file in ([checkout / name] if name.endswith(".py") else (checkout / name).glob("*.py"))
    ]
    return sorted(found)


_READERS = {SIMULATED: _simulated, DATASET: _recorded, LOG: _from_log}
