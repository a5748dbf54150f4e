"""4 Inputs: a model's own vector, put together from the names in its record.

A model reads features (models/features.py, the block every shipped model is fitted on) and any
signal that is a number (models/signals.py), scaled by its type: shares as they are, durations in
log1p of seconds, money in log1p of units, counts in log1p, flags 0 or 1. Names are resolved once
for a version, so old and new models run side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log1p
from typing import TYPE_CHECKING

from models import features
from models.features import FEATURES
from models.names import COUNT, DURATION, FLAG, MONEY, NAMES, PPM
from models.signals import SIGNALS, Signal
from schemas.event import Event
from schemas.profile import Profile, Tab

if TYPE_CHECKING:
    from models.context import View

Inputs = Callable[[Profile, Tab, Event, "View", int], list[float]]
"""(profile after the event, its tab, the event, what is in force, engine ms) -> the vector."""

_SCALES: dict[str, Callable[[int], float]] = {
    PPM: lambda ppm: ppm / 1e6,
    MONEY: lambda micros: log1p(micros / 1e6),
    COUNT: log1p,
    DURATION: lambda ms: log1p(ms / 1000),
    FLAG: float,
}

AVAILABLE = (
    *FEATURES,
    *(name for name in SIGNALS if NAMES[name].type in _SCALES and name not in FEATURES),
)
"""All names that a model may read."""


class UnknownInput(Exception):
    """A model names an input that this build does not compute."""


def compiled(names: tuple[str, ...]) -> Inputs:
    """The vector of exactly these names, in their order. Raises UnknownInput."""
    unknown = sorted(set(names) - set(AVAILABLE))
    if unknown:
        raise UnknownInput(f"this build computes no input named {', '.join(unknown)}")
    if names == FEATURES or not names:
        return _features_alone
    if names == FEATURES[: len(names)]:
        return _first(len(names))
    places = {name: at for at, name in enumerate(FEATURES)}
    extra = [_scaled(name) for name in names if name not in places]
    order = [places[n] if n in places else len(FEATURES) + _rank(n, names) for n in names]

    def chosen(profile: Profile, tab: Tab, event: Event, view: View, now_ms: int) -> list[float]:
        block = features.vector(profile, tab, event, now_ms, view.loops)
        block += [each(profile, tab, view, now_ms) for each in extra]
        return [block[at] for at in order]

    return chosen


def _rank(name: str, names: tuple[str, ...]) -> int:
    """Which of the names outside the block this is."""
    return [each for each in names if each not in FEATURES].index(name)


def _scaled(name: str) -> Callable[[Profile, Tab, View, int], float]:
    signal: Signal = SIGNALS[name]
    scale = _SCALES[NAMES[name].type]

    def value(profile: Profile, tab: Tab, view: View, now_ms: int) -> float:
        number = signal(profile, tab, view, now_ms)
        assert isinstance(number, int)
        return scale(number)

    return value


def _features_alone(
    profile: Profile, tab: Tab, event: Event, view: View, now_ms: int
) -> list[float]:
    return features.vector(profile, tab, event, now_ms, view.loops)


def _first(count: int) -> Inputs:
    """A model of before the newest features reads the block as it was then."""

    def first(profile: Profile, tab: Tab, event: Event, view: View, now_ms: int) -> list[float]:
        return features.vector(profile, tab, event, now_ms, view.loops)[:count]

    return first
