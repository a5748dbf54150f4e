"""The pure core: decode, encode and one step by stage, on the mix, with state bytes in and out."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any

from msgspec import Struct

from benchmarks import carousel, selection
from benchmarks.rows import Row, cpu_us, machine, timed
from benchmarks.workloads import ConstantScorer, context, mix
from connectors.avro import codec
from connectors.log_decide import codecs
from connectors.memory import MemoryRegistry
from connectors.onnx import OnnxScorer
from infra.model import load as load_model
from models.context import Context
from models.effects import Decide
from models.state_step import step_state
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
    return [*_codecs(), *selection.rows(), *carousel.rows(), network_row(), *_steps()]


def network_row() -> Row:
    """One step of the network that ships, its hidden state's bytes in and out where it has one."""
    model = load_model()
    scorer = OnnxScorer.from_model(model)
    rng = random.Random(1)
    vectors = [
        [rng.choice((0.0, 1.0, 6 * rng.random())) for _ in model.features] for _ in range(64)
    ]
    turn, hidden = cycle(vectors), b""

    def once() -> None:
        nonlocal hidden
        _, hidden = scorer.step(next(turn), hidden)

    cpu_us(once, REPEATS)
    state = f"{4 * model.hidden_size} bytes of state" if model.hidden_size else "no state"
    return timed(f"ONNX step, {len(model.features)} inputs, {state}", cpu_us(once, 10 * REPEATS))


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


class _Walk(Struct):
    """What the mix took: CPU us of each step, state bytes, and how many events asked."""

    whole: list[float] = []
    states: dict[str, bytes] = {}
    asking: int = 0


def _walk(ctx: Context) -> _Walk:
    """Every event of the mix, with state bytes in and out."""
    out = _Walk()
    for event in mix(EVENTS_MEASURED, KEYS):
        key = event.user_key
        before = time.process_time_ns()
        after, effects, _ = step_state(out.states.get(key), event, key, ctx)
        out.whole.append((time.process_time_ns() - before) / 1000)
        assert after is not None
        out.states[key] = after
        out.asking += any(isinstance(effect, Decide) for effect in effects)
    return out


def _stages(ctx: Context) -> dict[str, list[float]]:
    """Every event of the mix through the stages in Python, plain ones too."""
    states: dict[str, bytes] = {}
    out: dict[str, list[float]] = {}
    laps = Laps()
    for event in mix(EVENTS_MEASURED, KEYS):
        key = event.user_key
        before = load(states.get(key))
        laps.start()
        profile, _, _ = step(before, event, key, ctx, laps)
        assert profile is not None
        states[key] = dump(profile)
        for stage, micros in laps.us.items():
            out.setdefault(stage, []).append(micros)
    return out


def _steps() -> list[Row]:
    """With the network, and with constant scores in its place: the difference is ONNX alone."""
    scored, constant = _walk(context()), _walk(context(make_scorer=ConstantScorer))
    python = context(make_scorer=ConstantScorer)
    python.plain = None
    warm = EVENTS_MEASURED // 10
    out = [timed(f"step: {stage}", values) for stage, values in _stages(context()).items()]
    out += [
        timed("step with ONNX, state bytes in and out", scored.whole[warm:]),
        timed("step without ONNX (constant scores), state bytes in and out", constant.whole[warm:]),
        timed("the same, plain events in Python", _walk(python).whole[warm:]),
    ]
    for name, walk in (("with ONNX", scored), ("without ONNX", constant)):
        share = round(100 * walk.asking / EVENTS_MEASURED, 1)
        out.append(Row(f"events with a decision, {name}", "%", share, machine=machine()))
    size = sorted(map(len, scored.states.values()))
    p50, p99 = size[len(size) // 2], size[len(size) * 99 // 100]
    mean = round(sum(size) / len(size))
    out.append(Row("state of a user", "bytes", mean, p50, p99, machine()))
    return out
