"""One list of checks that every learner passes, whatever it computes inside."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from models.learner import Arm, Learner, UnknownState
from schemas.policy import Quality
from schemas.reward import FALLBACK, NOTHING, Reward

Make = Callable[[tuple[Arm, ...]], Learner[Any]]
WORTH = 10_000_000
ARMS = (
    Arm("GOOD", WORTH, 20_000, {"risk": 10_000, "unseen": -3_000}),
    Arm("POOR", 2 * WORTH, 20_000, {"risk": 5_000}),
)
RATES = {"GOOD": 0.30, "POOR": 0.02, NOTHING: 0.10}


def rewards(count: int, seed: int = 1, rates: dict[str, float] = RATES) -> list[Reward]:
    """Rewards of as many visitors, an arm after the other."""
    rng, names = random.Random(seed), sorted(rates)
    return [reward(rng, n, names[n % len(names)], rates) for n in range(count)]


def reward(rng: random.Random, number: int, arm: str, rates: dict[str, float]) -> Reward:
    """One visitor's reward: with the arm's rate, a conversion worth WORTH."""
    bought = rng.random() < rates[arm]
    return Reward(
        slot_id=f"s{number}",
        decision_id=f"d{rng.getrandbits(64):016x}",
        user_key=f"u{number}",
        campaign_id=arm,
        context={"risk": rng.randrange(1_000_000), "mood": rng.randrange(1_000_000)},
        converted=bought,
        reward_micros=WORTH * bought,
    )


def taught(learner: Learner[Any], many: list[Reward], epoch: int = 100) -> Any:
    """The state after epochs of so many rewards."""
    state = learner.empty()
    for at in range(0, len(many), epoch):
        state = learner.learn(state, many[at : at + epoch])
    return state


def check_without_rewards_the_owners_expectation_is_reproduced(make: Make) -> None:
    learner = make(ARMS)
    for state in (learner.empty(), learner.load(b""), learner.learn(learner.empty(), [])):
        found = learner.qualities(state)
        assert {name: (q.base_ppm, q.response) for name, q in found.items()} == {
            arm.campaign_id: (arm.base_ppm, arm.response) for arm in ARMS
        }
        assert learner.weight(state) == 0.0


def check_a_campaign_that_nobody_was_shown_keeps_its_expectation(make: Make) -> None:
    """Doing nothing and one rival were rewarded: nothing follows for the other."""
    learner = make(ARMS)
    only = [each for each in rewards(900) if each.arm != "GOOD"]
    found = learner.qualities(taught(learner, only))["GOOD"]
    assert (found.base_ppm, found.response["risk"], found.rewards) == (20_000, 10_000, 0)


def check_inputs_are_not_mutated(make: Make) -> None:
    learner, many = make(ARMS), rewards(300)
    state = taught(learner, many)
    before, given = learner.dump(state), [each.dump() for each in many]
    learner.learn(state, many)
    learner.qualities(state)
    assert learner.dump(state) == before and [each.dump() for each in many] == given


def check_the_order_within_an_epoch_is_irrelevant(make: Make) -> None:
    learner, many = make(ARMS), rewards(400)
    state = learner.dump(taught(learner, many, epoch=400))
    for seed in range(3):
        mixed = random.Random(seed).sample(many, len(many))
        assert learner.dump(taught(learner, mixed, epoch=400)) == state


def check_bytes_round_trip_and_learning_goes_on_from_them(make: Make) -> None:
    learner, many = make(ARMS), rewards(600)
    half = taught(learner, many[:300])
    read = learner.load(learner.dump(half))
    assert learner.dump(read) == learner.dump(half)
    assert learner.qualities(read) == learner.qualities(half)
    one, other = learner.learn(half, many[300:]), learner.learn(read, many[300:])
    assert learner.dump(one) == learner.dump(other)


def check_foreign_bytes_are_refused(make: Make) -> None:
    learner = make(ARMS)
    good = learner.dump(taught(learner, rewards(50)))
    for bad in (b"\x01", b"rubbish", good[:-1], b"\x93\x63" + good[2:]):
        with pytest.raises(UnknownState):
            learner.load(bad)


def check_memory_is_bounded(make: Make) -> None:
    """Names, campaigns and visitors without end leave the bytes of a thousand rewards' state."""
    learner = make(ARMS)
    state, sizes = learner.empty(), []
    for epoch in range(4):
        many = [
            Reward(
                decision_id=f"{epoch}-{n}",
                user_key=f"{epoch}-{n}",
                campaign_id=f"C{epoch}-{n % 200}",
                context={f"name{epoch}-{n}": 1, "risk": 2},
            )
            for n in range(400)
        ]
        state = learner.learn(state, many)
        sizes.append(len(learner.dump(state)))
    assert sizes[-1] <= 2 * sizes[1] and sizes[-1] < 2_000_000


def check_a_fallback_teaches_nothing(make: Make) -> None:
    learner, many = make(ARMS), rewards(200)
    shown = [Reward(decision_id=f"f{n}", source=FALLBACK, converted=True) for n in range(50)]
    assert learner.dump(learner.learn(learner.empty(), many + shown)) == learner.dump(
        learner.learn(learner.empty(), many)
    )


def check_a_late_positive_takes_the_place_of_its_negative(make: Make) -> None:
    """Within an epoch exactly; later it weighs as what is new."""
    learner, many = make(ARMS), rewards(300)
    late = next(each for each in many if each.converted)
    negative = replace(late, converted=False, reward_micros=0)
    rest = [each for each in many if each is not late]
    corrected = [*rest, negative, replace(late, correction=True)]
    want, got = (
        learner.qualities(learner.learn(learner.empty(), each)) for each in (many, corrected)
    )
    assert_close(got, want, ppm=100)


def check_it_learns_the_obvious(make: Make) -> None:
    """Unless it learns nothing at all: who helps is told from who harms."""
    learner = make(ARMS)
    state = taught(learner, rewards(6_000))
    good, poor = (learner.qualities(state)[name] for name in ("GOOD", "POOR"))
    if good.rewards == 0:
        assert learner.weight(state) == 6_000, "a table of rules counts, and learns nothing"
        return
    assert good.lower_ppm > 100_000 and poor.mean_ppm < 0
    assert good.lower_ppm <= good.mean_ppm <= good.upper_ppm


def check_one_visitor_s_influence_is_bounded(make: Make) -> None:
    """However often a robot comes, and whatever it buys, it moves a mean by a tenth at most."""
    learner, many = make(ARMS), rewards(3_000)
    rng = random.Random(9)
    robot = [
        Reward(
            decision_id=f"{rng.getrandbits(64):016x}",
            user_key="robot",
            campaign_id="POOR",
            context={"risk": 500_000, "mood": 500_000},
            converted=True,
            reward_micros=1 << 60,
        )
        for _ in range(3_000)
    ]
    mixed = [each for pair in zip(many, robot, strict=True) for each in pair]
    honest = learner.qualities(taught(learner, many))
    assert_close(learner.qualities(taught(learner, mixed)), honest, ppm=100_000)


def check_the_same_rewards_give_the_same_bytes(make: Make) -> None:
    one, other = make(ARMS), make(ARMS)
    many = rewards(500, seed=3)
    assert one.dump(taught(one, many)) == other.dump(taught(other, list(many)))


def assert_close(got: dict[str, Quality], want: dict[str, Quality], *, ppm: int) -> None:
    """Mean qualities that differ by at most so much."""
    off = {name: abs(got[name].mean_ppm - want[name].mean_ppm) for name in want}
    assert max(off.values()) <= ppm, off


def checks() -> Iterator[Callable[[Make], None]]:
    """All of them."""
    for name, value in sorted(globals().items()):
        if name.startswith("check_"):
            yield value
