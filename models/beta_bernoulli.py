"""10 Beta-Bernoulli: the simple rival, which counts conversions an arm and looks at no context.

1. Each arm has its rewards and conversions, discounted once an epoch by DISCOUNT a reward.
2. quality = the mean of (the owner's expectation, for PRIOR rewards; rate of the arm - rate of
   doing nothing, for the rewards it has), which is a Beta posterior's mean where the prior is one.

Chapelle and Li, "An empirical evaluation of Thompson sampling", NIPS 2011.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, sqrt

from msgspec import DecodeError, Struct, msgpack
from numpy import float64, frombuffer, zeros

from models.crowd import BUCKETS, Held, bucket_of, heard
from models.learner import Arm, UnknownState, in_order, prior_of
from models.moments import ARMS_MAX
from schemas.ids import MILLION
from schemas.policy import Quality
from schemas.reward import NOTHING, Reward

LAYOUT = 1
DISCOUNT = 0.9999
PRIOR = 50.0
CONFIDENCE = 1.96


class Counts(Struct):
    """The state: arm -> (rewards, conversions), and what each part of the crowd has taught."""

    arms: dict[str, tuple[float, float]]
    crowd: Held


class _Stored(Struct, array_like=True):
    layout: int
    arms: dict[str, tuple[float, float]]
    crowd: bytes


class BetaBernoulli(Struct, frozen=True):
    """The learner of a catalogue.

    >>> learner = BetaBernoulli((Arm("WINTER", 10_000_000, base_ppm=30_000),))
    >>> shown = [Reward(decision_id=f"a{n}", user_key=f"u{n}", campaign_id="WINTER",
    ...     converted=n % 5 == 0) for n in range(1000)]
    >>> nothing = [Reward(decision_id=f"b{n}", user_key=f"v{n}", converted=n % 10 == 0)
    ...     for n in range(1000)]
    >>> learner.qualities(learner.learn(learner.empty(), shown + nothing))["WINTER"].base_ppm
    96667
    """

    arms: tuple[Arm, ...]
    prior: float = PRIOR
    discount: float = DISCOUNT

    def empty(self) -> Counts:
        """The state before any reward."""
        return Counts({}, zeros(BUCKETS))

    def learn(self, state: Counts, rewards: Sequence[Reward]) -> Counts:
        """The state after one epoch."""
        taught = in_order(rewards)
        factor = 1.0
        for each in taught:
            factor *= 1.0 if each.known else self.discount
        arms = {name: (n * factor, hits * factor) for name, (n, hits) in state.arms.items()}
        after = Counts(arms, state.crowd * factor)
        total = self.weight(after)
        for each in taught:
            room = each.arm in arms or len(arms) < ARMS_MAX
            if room and heard(after.crowd, each.user_key, total):
                n, hits = arms.get(each.arm, (0.0, 0.0))
                arms[each.arm] = (n + (not each.known), hits + each.converted)
                after.crowd[bucket_of(each.user_key)] += not each.known
        return after

    def qualities(self, state: Counts) -> dict[str, Quality]:
        """What is known of each campaign."""
        base = _rate(state, NOTHING)
        return {arm.campaign_id: self._quality(arm, state, base) for arm in self.arms}

    def _quality(self, arm: Arm, state: Counts, base: float) -> Quality:
        rewards = state.arms.get(arm.campaign_id, (0.0, 0.0))[0]
        if not rewards:
            return prior_of(arm)
        rate = _rate(state, arm.campaign_id)
        own = rewards / (rewards + self.prior)
        mean = round((1.0 - own) * arm.base_ppm + own * (rate - base) * MILLION)
        none = max(state.arms.get(NOTHING, (0.0, 0.0))[0], 1.0)
        noise = rate * (1.0 - rate) / rewards + base * (1.0 - base) / none
        half = round(CONFIDENCE * sqrt(max(noise, 0.0)) * MILLION)
        response = {name: round(w * (1.0 - own)) for name, w in sorted(arm.response.items())}
        return Quality(mean, response, int(rewards), mean, mean - half, mean + half)

    def weight(self, state: Counts) -> float:
        """Rewards behind the state, discounted."""
        return fsum(n for n, _ in state.arms.values())

    def ece_ppm(self, state: Counts) -> int:
        """A rate is its own mean: by construction there is no error to tell."""
        return 0

    def dump(self, state: Counts) -> bytes:
        """The state as bytes."""
        arms = dict(sorted(state.arms.items()))
        return msgpack.encode(_Stored(LAYOUT, arms, state.crowd.tobytes()))

    def load(self, data: bytes) -> Counts:
        """From `dump`. Raises UnknownState."""
        if not data:
            return self.empty()
        try:
            kept = msgpack.decode(data, type=_Stored)
            crowd = frombuffer(kept.crowd, float64).reshape(BUCKETS).copy()
        except (DecodeError, ValueError) as failure:
            raise UnknownState("these are not the bytes of counts by arm") from failure
        if kept.layout != LAYOUT:
            raise UnknownState(f"layout {kept.layout} of counts by arm is not known to this build")
        return Counts(kept.arms, crowd)


def _rate(state: Counts, name: str) -> float:
    n, hits = state.arms.get(name, (0.0, 0.0))
    return min(hits / n, 1.0) if n else 0.0
