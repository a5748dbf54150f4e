"""10 Learning: what each campaign adds to doing nothing, by a discounted regression on the context.

1. An epoch's rewards are taken in order of decision id, fallbacks left out; a withheld winner
   teaches the arm of doing nothing. Everything before is discounted once, by DISCOUNT a reward.
2. Each reward, its margin cut at WORTHS_MAX conversions, is added to the moments of its arm
   (models/moments.py), unless its visitor has taught enough (models/crowd.py). A decision
   counts when it is taken, as one that brought nothing; its own reward then adds what that lacked.
   A campaign that brings less than was foreseen is forgotten but for a little (models/change.py).
3. One regression of all arms (models/ridge.py) tells a campaign's deltas from what visitors bring
   anyway. What an owner expects stands for PRIOR rewards, so that it fades as rewards come.
4. A delta that its own noise could explain is drawn towards nothing: by 1 - SHRINK x noise /
   signal, at least 0, in the mean over contexts (James and Stein 1961, the positive part). By less
   before FAIR rewards: who is drawn to nothing at once is never tried again.
5. What is left, less CAUTION deviations of its noise (fewer before FAIR), over the worth of a
   conversion, in ppm, is the quality: who is as good as doing nothing takes no turns with it.

A reward weighs 1 / sqrt(propensity), at most HEAVIEST. The truth is not linear: unweighted, a line
fits best where the arm is drawn already, and which arm is best elsewhere is guessed from there;
weighted by 1 / propensity it would be right in the mean and mostly noise (ADR 25). Discounting is
that of D-LinUCB (Russac et al. 2019, arXiv:1909.09146).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, sqrt

from msgspec import Struct
from numpy import array, zeros

from models import change, moments
from models.crowd import bucket_of, heard
from models.learner import Arm, in_order, prior_of
from models.moments import BINS, Array, Moments
from models.ridge import Fit, fit
from schemas.ids import MILLION
from schemas.policy import Quality
from schemas.reward import NOTHING, Reward

DISCOUNT = 0.99997
PRIOR = 50.0
SHRINK = 1.0
FAIR = 2_500.0
"""Rewards of an arm after which its noise draws it to nothing in full."""

CAUTION = 2.0
HEAVIEST = 8.0
"""Weight of a reward at most; the floor of exploration makes it 7."""

WORTHS_MAX = 3
"""A slot's reward counts as at most so many conversions of the campaign worth most."""

WEIGHT_PPM_MAX = 10 * MILLION
CONFIDENCE = 1.96
COMPARED_MIN = 100.0
"""Predictions below which no calibration error is told."""


class Ridge(Struct, frozen=True):
    """The learner of a catalogue.

    >>> from models.learner import Arm
    >>> learner = Ridge((Arm("WINTER", 10_000_000, base_ppm=30_000),))
    >>> state = learner.empty()
    >>> learner.qualities(state)["WINTER"].base_ppm
    30000
    >>> shown = [Reward(decision_id=f"a{n}", user_key=f"u{n}", campaign_id="WINTER",
    ...     reward_micros=10_000_000 * (n % 5 == 0)) for n in range(1000)]
    >>> nothing = [Reward(decision_id=f"b{n}", user_key=f"v{n}",
    ...     reward_micros=10_000_000 * (n % 10 == 0)) for n in range(1000)]
    >>> found = learner.qualities(learner.learn(state, shown + nothing))["WINTER"]
    >>> found.base_ppm, found.lower_ppm, found.upper_ppm
    (80564, 63895, 123565)
    """

    arms: tuple[Arm, ...]
    prior: float = PRIOR
    discount: float = DISCOUNT
    shrink: float = SHRINK

    def empty(self) -> Moments:
        """The state before any reward."""
        return moments.empty()

    def weight(self, state: Moments) -> float:
        """Rewards behind the state, discounted."""
        return state.weight

    def dump(self, state: Moments) -> bytes:
        """The state as bytes."""
        return moments.dump(state)

    def load(self, data: bytes) -> Moments:
        """From `dump`. Raises UnknownState."""
        return moments.load(data)

    def learn(self, state: Moments, rewards: Sequence[Reward]) -> Moments:
        """The state after one epoch; the one given stays as it is."""
        taught = in_order(rewards)
        factor = 1.0
        for each in taught:
            factor *= 1.0 if each.known else self.discount
        after = moments.faded(state, factor, {name for each in taught for name in each.context})
        closed = sum(each.known and not each.correction for each in taught)
        for arm in after.arms.values():
            change.faded(arm.closed, closed)
        known = self._fit(after) if state.arms else None
        total = after.mass
        for each in taught:
            self._take(after, each, known, total)
        self._forget(after)
        return after

    def _forget(self, after: Moments) -> None:
        """Campaigns that changed are young again."""
        nothing, worth = after.arms.get(NOTHING), self._worth_max() / MILLION
        if nothing is None:
            return
        for arm in (after.arms.get(each.campaign_id) for each in self.arms):
            if arm is not None and change.changed(arm.closed, nothing.closed, worth):
                moments.shrink(arm, change.KEPT)

    def _take(self, after: Moments, reward: Reward, known: Fit | None, total: float) -> None:
        """Add one reward to a state that nobody else holds."""
        arm = moments.arm_of(after, reward.arm)
        if arm is None or not heard(after.crowd, reward.user_key, total):
            return
        most = WORTHS_MAX * self._worth_max()
        money = min(max(reward.reward_micros, -most), most) / MILLION
        context = after.context(reward)
        if known is not None:
            said = self._said(known, reward.arm, context)
            self._compare(after.bins, said, reward, money)
            if reward.known:
                change.close(arm.closed, said, money, correction=reward.correction)
            else:
                change.take(arm.closed, said)
        weight = _weight(reward)
        moments.add(arm, context, money, weight, known=reward.known)
        if not reward.known:
            after.crowd[bucket_of(reward.user_key)] += weight

    def qualities(self, state: Moments) -> dict[str, Quality]:
        """What is known of each campaign."""
        if not state.arms:
            return {arm.campaign_id: prior_of(arm) for arm in self.arms}
        found = self._fit(state)
        whole = _whole(state)
        noise = _noise(state)
        return {
            arm.campaign_id: self._quality(
                arm, state, found.deltas[at], noise * found.spread[at], whole
            )
            for at, arm in enumerate(self.arms)
        }

    def _fit(self, state: Moments) -> Fit:
        size = 1 + len(state.names)
        kept = [state.arms.get(name) for name in (NOTHING, *(a.campaign_id for a in self.arms))]
        each = [moments.blank(size) if arm is None else arm for arm in kept]
        priors = zeros((len(self.arms), size))
        for at, arm in enumerate(self.arms):
            weights = (arm.base_ppm, *(arm.response.get(name, 0) for name in state.names))
            priors[at] = array(weights) * (arm.worth_micros / MILLION / MILLION)
        grams, sums = array([arm.gram for arm in each]), array([arm.sums for arm in each])
        return fit(grams, sums, priors, self.prior)

    def _quality(
        self, arm: Arm, state: Moments, delta: Array, spread: Array, whole: Array
    ) -> Quality:
        """One campaign's delta and its covariance as a quality; `whole` is the mean of x x'."""
        kept = state.arms.get(arm.campaign_id)
        rewards = 0.0 if kept is None else kept.weight
        factor = self._factor(delta, spread, whole, rewards) if rewards else 1.0
        worth = arm.worth_micros / MILLION
        mean = fsum((whole[0] * delta).tolist()) / worth
        half = CONFIDENCE * sqrt(max(_form(spread, whole[0]), 0.0)) / worth
        bid = delta * factor
        if factor:
            noise = fsum((spread * whole).ravel().tolist())
            bid[0] -= CAUTION * min(rewards / FAIR, 1.0) * sqrt(max(noise, 0.0))
        weights = [_ppm(float(each) / worth) for each in bid]
        learned = dict(zip(state.names, weights[1:], strict=True))
        unmet = {name: weight for name, weight in arm.response.items() if name not in learned}
        return Quality(
            base_ppm=weights[0],
            response=dict(sorted({**learned, **unmet}.items())),
            rewards=int(rewards),
            mean_ppm=_ppm(mean * factor),
            lower_ppm=_ppm(min(mean - half, mean * factor)),
            upper_ppm=_ppm(max(mean + half, mean * factor)),
        )

    def _factor(self, delta: Array, spread: Array, whole: Array, rewards: float) -> float:
        signal = _form(whole, delta)
        noise = fsum((spread * whole).ravel().tolist())
        found = max(0.0, 1.0 - self.shrink * noise / signal) if signal > 0.0 else 0.0
        return 1.0 - min(rewards / FAIR, 1.0) * (1.0 - found)

    def ece_ppm(self, state: Moments) -> int:
        """Expected calibration error of what was predicted before each epoch was learned.

        0 until COMPARED_MIN predictions were compared: a handful is off by chance alone.
        """
        counts, said, came = state.bins.T.tolist()
        total = fsum(counts)
        off = fsum(abs(one - other) for one, other in zip(said, came, strict=True))
        return _ppm(off / total) if total >= COMPARED_MIN else 0

    def _said(self, known: Fit, arm_name: str, context: Array) -> float:
        """What the memory foresees of a reward, in units of the currency."""
        weights = known.shared
        for at, arm in enumerate(self.arms):
            if arm.campaign_id == arm_name:
                weights = weights + known.deltas[at]
        return fsum((weights * context).tolist())

    def _compare(self, bins: Array, said: float, reward: Reward, money: float) -> None:
        """Put a prediction beside its reward, as parts of the largest worth."""
        worth = self._worth_max() / MILLION
        said /= worth
        row = bins[min(max(int(said * 2 * BINS), 0), BINS - 1)]
        row += (0.0, 0.0, money / worth) if reward.known else (1.0, said, money / worth)

    def _worth_max(self) -> int:
        return max((arm.worth_micros for arm in self.arms), default=MILLION)


def _weight(reward: Reward) -> float:
    """By how seldom it was drawn; nobody draws who is withheld."""
    if reward.withheld or not reward.propensity_ppm:
        return 1.0
    return min(sqrt(MILLION / reward.propensity_ppm), HEAVIEST)


def _whole(state: Moments) -> Array:
    """The mean of x x' over all arms: its first row is the mean context."""
    out = zeros((1 + len(state.names),) * 2)
    for _, arm in sorted(state.arms.items()):
        out += arm.gram
    return out / max(float(out[0, 0]), 1.0)


def _noise(state: Moments) -> float:
    """Variance of a reward that the context does not explain, taken as that of all rewards."""
    arms = [arm for _, arm in sorted(state.arms.items())]
    weight = max(fsum(arm.mass for arm in arms), 1.0)
    mean = fsum(float(arm.sums[0]) for arm in arms) / weight
    return max(fsum(arm.squares for arm in arms) / weight - mean * mean, 0.0)


def _form(matrix: Array, vector: Array) -> float:
    """v' A v, exactly rounded."""
    return fsum((matrix * vector * vector[:, None]).ravel().tolist())


def _ppm(share: float) -> int:
    """Quantised, within the bounds that a policy may have."""
    return max(-WEIGHT_PPM_MAX, min(round(share * MILLION), WEIGHT_PPM_MAX))
