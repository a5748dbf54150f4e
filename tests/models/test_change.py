"""A change of taste is seen, a tide is not one, and states from before are read."""

from __future__ import annotations

import random

import msgspec
import numpy as np
import pytest

from models import change, moments
from models.learner import UnknownState
from models.learning import Ridge
from schemas.reward import NOTHING, Reward
from tests.models.learner_checks import ARMS, RATES, WORTH, taught

BEFORE, AFTER = 6_000, 3_000


def opened_and_closed(count: int, seed: int, rates: dict[str, float], kind: str) -> list[Reward]:
    """Each decision as an opening, and at once as its own reward."""
    rng, names, many = random.Random(seed), sorted(RATES), []
    for n in range(count):
        arm = names[n % len(names)]
        bought = rng.random() < rates[arm]
        told = Reward(
            slot_id=f"{kind}{n:05d}",
            decision_id=f"{kind}{n:05d}",
            user_key=f"{kind}{n}",
            campaign_id=arm,
            context={"risk": rng.randrange(1_000_000)},
        )
        closed = msgspec.structs.replace(
            told, counted=True, converted=bought, reward_micros=WORTH * bought
        )
        many += [told, closed]
    return many


def after(rates: dict[str, float]) -> moments.Moments:
    learner = Ridge(ARMS)
    state: moments.Moments = taught(learner, opened_and_closed(BEFORE, 3, RATES, "a"))
    later = opened_and_closed(AFTER, 4, rates, "b")
    for at in range(0, len(later), 100):
        state = learner.learn(state, later[at : at + 100])
    return state


def test_a_campaign_that_brings_less_is_forgotten_and_no_other() -> None:
    """It converted three in ten, and now one, as doing nothing does."""
    state = after({**RATES, "GOOD": RATES[NOTHING]})
    assert state.arms["GOOD"].weight < BEFORE / 3 < state.arms[NOTHING].weight
    assert state.arms["POOR"].weight > BEFORE / 3
    assert Ridge(ARMS).qualities(state)["GOOD"].mean_ppm < 100_000


def test_a_tide_that_takes_all_along_changes_nothing() -> None:
    """Everybody buys half as often. Without the tide, it would be the change of the test above."""
    state = after({name: rate / 2 for name, rate in RATES.items()})
    assert all(arm.weight > BEFORE / 3 for arm in state.arms.values())


def test_what_closed_fades_as_a_weighted_sum() -> None:
    """Against the sum written out: the newest counts in full, each before by a factor more."""
    rng, factor = random.Random(5), 1.0 - 1.0 / change.RECENT
    told = [(rng.random(), rng.random()) for _ in range(40)]
    kept = np.zeros(change.SEEN)
    for said, came in told:
        change.faded(kept, 1)
        change.take(kept, 2.0 * said)
        change.close(kept, said, came, correction=False)
    ages = range(len(told) - 1, -1, -1)
    want = [
        sum(2.0 * said * factor**age for age, (said, _) in zip(ages, told, strict=True)),
        sum(said * factor**age for age, (said, _) in zip(ages, told, strict=True)),
        sum(came * factor**age for age, (_, came) in zip(ages, told, strict=True)),
        sum((came * factor**age) ** 2 for age, (_, came) in zip(ages, told, strict=True)),
    ]
    assert kept.tolist() == pytest.approx(want)


def test_a_correction_was_foreseen_before() -> None:
    kept = np.zeros(change.SEEN)
    change.close(kept, 0.2, 0.0, correction=False)
    change.close(kept, 0.2, 1.0, correction=True)
    assert kept.tolist() == [0.0, 0.2, 1.0, 1.0]


def test_a_state_of_the_first_layout_is_read() -> None:
    """Its arms had five fields; what they brought of late starts at nothing."""
    learner = Ridge(ARMS)
    known = learner.dump(taught(learner, opened_and_closed(300, 3, RATES, "a")))
    layout, names, arms, crowd, bins = msgspec.msgpack.decode(known)
    first = msgspec.msgpack.encode([1, names, [arm[:5] for arm in arms], crowd, bins])
    read = learner.load(first)
    assert layout == 2 and sorted(read.arms) == sorted(RATES)
    for name, arm in learner.load(known).arms.items():
        assert read.arms[name].gram.tobytes() == arm.gram.tobytes()
        assert read.arms[name].closed.tolist() == [0.0] * change.SEEN
    with pytest.raises(UnknownState, match="layout 3"):
        learner.load(msgspec.msgpack.encode([3, names, arms, crowd, bins]))


def test_a_campaign_that_is_shown_less_has_not_changed() -> None:
    """Its negatives close long after its orders: of what closes lately, hardly any bought."""
    nothing = np.array([50.0, 50.0, 50.0, 50.0])
    shown_less, fell = np.array([4.0, 60.0, 4.0, 4.0]), np.array([60.0, 60.0, 4.0, 4.0])
    shown_more = np.array([60.0, 4.0, 4.0, 4.0])
    assert not change.changed(shown_less, nothing, 1.0)
    assert not change.changed(shown_more, nothing, 1.0)
    assert change.changed(fell, nothing, 1.0)
