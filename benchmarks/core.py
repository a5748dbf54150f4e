"""The pure core: decode, encode and one step by stage, on the mix, with state bytes in and out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any

from benchmarks import selection
from benchmarks.rows import Row, cpu_us, machine, timed
from benchmarks.workloads import context, mix
from connectors.avro import codec
from connectors.log_decide import codecs
from connectors.memory import MemoryRegistry
from models.effects import Decide
from models.user import step
from operators.stopwatch import Laps
from schemas.decision import Decision
from schemas.profile import dump, load
from schemas.topics import EVENTS

NAME = "core"
HELP = "decode, encode and step by stage, without any process"
EVENTS_MEASURED = 30_000
KEYS = 3_000
REPEATS = 3_000


def rows() -> list[Row]:
    """Measure; CPU time of this process."""
    return [*_codecs(), *selection.rows(), *_steps()]


def _codecs() -> list[Row]:
    registry = MemoryRegistry()
    events, made = codec(EVENTS, registry), codecs(registry)
    samples = list(mix(REPEATS, KEYS))
    frames = [events.encode(each) for each in samples]
    decisions = _some_decisions()
    coded = [made.decisions.encode(each) for each in decisions]
    out = [
        _each("event decode", events.decode, frames),
        _each("event encode", events.encode, samples),
        _each("decision encode", made.decisions.encode, decisions),
        _each("decision decode", made.decisions.decode, coded),
    ]
    size = sum(map(len, coded)) / len(coded)
    out.append(Row("decision record", "bytes", round(size), machine=machine()))
    return out


def _each(name: str, work: Callable[[Any], object], items: Sequence[Any]) -> Row:
    turn = cycle(items)
    return timed(name, cpu_us(lambda: work(next(turn)), REPEATS))


def _some_decisions() -> list[Decision]:
    ctx = context()
    out: list[Decision] = []
    for event in mix(500, 50):
        _, effects, _ = step(None, event, event.user_key, ctx)
        out += [effect.decision for effect in effects if isinstance(effect, Decide)]
    return out


def _steps() -> list[Row]:
    ctx = context()
    states: dict[str, bytes] = {}
    stages: dict[str, list[float]] = {}
    whole: list[float] = []
    laps = Laps()
    for event in mix(EVENTS_MEASURED, KEYS):
        key = event.user_key
        before = time.process_time_ns()
        laps.start()
        profile, _, _ = step(load(states.get(key)), event, key, ctx, laps)
        assert profile is not None
        states[key] = dump(profile)
        whole.append((time.process_time_ns() - before) / 1000)
        for stage, micros in laps.us.items():
            stages.setdefault(stage, []).append(micros)
    size = sorted(map(len, states.values()))
    out = [timed(f"step: {stage}", values) for stage, values in stages.items()]
    out.append(timed("step, state bytes in and out", whole[len(whole) // 10 :]))
    p50, p99 = size[len(size) // 2], size[len(size) * 99 // 100]
    mean = round(sum(size) / len(size))
    out.append(Row("state of a user", "bytes", mean, p50, p99, machine()))
    return out
