"""10 Moments: all that a linear learner keeps of the rewards of one site, as one value.

Rewards are in units of the site's currency, contexts a bias of 1 and then scores between 0 and 1 by
`names`. Everything is a weighted sum, so that discounting is one product.
"""

from __future__ import annotations

from msgspec import DecodeError, Struct, msgpack
from numpy import array, float64, frombuffer, isfinite, outer, pad, zeros
from numpy.typing import NDArray

from models.change import SEEN
from models.crowd import BUCKETS, Held
from models.learner import UnknownState
from schemas.ids import MILLION
from schemas.reward import Reward

Array = NDArray[float64]
LAYOUT = 2
READ = (1, 2)
"""Layouts that are still read; the first knew nothing of what an arm brought of late."""

NAMES_MAX = 24
"""Names of concepts and scores that are learned from, the first that are met."""

ARMS_MAX = 256
FADED = 0.5
"""An arm whose rewards have faded to fewer is forgotten."""

BINS = 12


class Arms(Struct):
    """Sums over the rewards of one arm: how many, and weighted x x', x r and r^2.

    `closed` is what it brought of late, beside what was foreseen (models/change.py).
    """

    weight: float
    gram: Array
    sums: Array
    squares: float
    closed: Array

    @property
    def mass(self) -> float:
        """The sum of the weights of its rewards."""
        return float(self.gram[0, 0])


class Moments(Struct):
    """The state; `bins` are rows of (weight, predicted, rewarded) by predicted reward."""

    names: tuple[str, ...]
    arms: dict[str, Arms]
    crowd: Held
    bins: Array

    @property
    def weight(self) -> float:
        """Rewards behind it, discounted."""
        return sum((arm.weight for arm in self.arms.values()), 0.0)

    @property
    def mass(self) -> float:
        """The sum of the weights of all of them."""
        return sum((arm.mass for arm in self.arms.values()), 0.0)

    def context(self, reward: Reward) -> Array:
        """The vector of a reward: bias first, what the decision did not know as 0."""
        known = reward.context
        return array([1.0, *(known.get(name, 0) / MILLION for name in self.names)])


def blank(size: int) -> Arms:
    """An arm without rewards over `size` numbers of context."""
    return Arms(0.0, zeros((size, size)), zeros(size), 0.0, zeros(SEEN))


def empty() -> Moments:
    """The state before any reward."""
    return Moments((), {}, zeros(BUCKETS), zeros((BINS, 3)))


def faded(state: Moments, factor: float, met: set[str]) -> Moments:
    """A copy of its own with every sum times `factor`, and with room for the names `met`."""
    new = sorted(met.difference(state.names))[: NAMES_MAX - len(state.names)]
    more = len(new)
    arms = {
        name: Arms(
            each.weight * factor,
            pad(each.gram * factor, ((0, more), (0, more))),
            pad(each.sums * factor, (0, more)),
            each.squares * factor,
            each.closed.copy(),
        )
        for name, each in state.arms.items()
        if each.weight * factor >= FADED
    }
    return Moments((*state.names, *new), arms, state.crowd * factor, state.bins * factor)


def arm_of(state: Moments, name: str) -> Arms | None:
    """The arm to add to, made if there is room."""
    if name not in state.arms:
        if len(state.arms) >= ARMS_MAX:
            return None
        state.arms[name] = blank(1 + len(state.names))
    return state.arms[name]


def add(arm: Arms, context: Array, reward: float, weight: float, *, known: bool) -> None:
    """Add one reward; one that is `known` was counted before, as one that brought nothing."""
    weighted = context * weight
    if not known:
        arm.weight += 1.0
        arm.gram += outer(weighted, context)
    arm.sums += weighted * reward
    arm.squares += weight * reward * reward


def shrink(arm: Arms, kept: float) -> None:
    """Leave an arm at most `kept` rewards, and nothing of what it brought of late."""
    factor = min(1.0, kept / max(arm.weight, 1.0))
    arm.weight *= factor
    arm.gram *= factor
    arm.sums *= factor
    arm.squares *= factor
    arm.closed[:] = 0.0


class _Arm(Struct, array_like=True):
    name: str
    weight: float
    gram: bytes
    sums: bytes
    squares: float
    closed: bytes = bytes(8 * SEEN)


class _Stored(Struct, array_like=True):
    layout: int
    names: tuple[str, ...]
    arms: list[_Arm]
    crowd: bytes
    bins: bytes


def dump(state: Moments) -> bytes:
    """As bytes, arms in order of their names."""
    arms = [
        _Arm(
            name,
            each.weight,
            each.gram.tobytes(),
            each.sums.tobytes(),
            each.squares,
            each.closed.tobytes(),
        )
        for name, each in sorted(state.arms.items())
    ]
    crowd, bins = state.crowd.tobytes(), state.bins.tobytes()
    return msgpack.encode(_Stored(LAYOUT, state.names, arms, crowd, bins))


def load(data: bytes) -> Moments:
    """From `dump`; no bytes are the empty state. Raises UnknownState."""
    if not data:
        return empty()
    try:
        kept = msgpack.decode(data, type=_Stored)
        if kept.layout not in READ:
            raise ValueError(f"layout {kept.layout} is not known to this build")
        size = 1 + len(kept.names)
        arms = {
            each.name: Arms(
                each.weight,
                _array(each.gram, size, size),
                _array(each.sums, size),
                each.squares,
                _array(each.closed, SEEN),
            )
            for each in kept.arms
        }
        return Moments(kept.names, arms, _array(kept.crowd, BUCKETS), _array(kept.bins, BINS, 3))
    except (DecodeError, ValueError) as failure:
        raise UnknownState(f"no state of a linear learner: {failure}") from failure


def _array(data: bytes, *shape: int) -> Array:
    made: Array = frombuffer(data, float64).reshape(shape).copy()
    if not isfinite(made).all():
        raise ValueError("a number is not finite")
    return made
