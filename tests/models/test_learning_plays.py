"""The real learner and the real choice in simulated shops whose truth is known."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.playing import Kairos, Taken, conversion, oracle, play, uniform
from benchmarks.worlds import DISCOUNT, HUNTER, PERSONAS, World, turned, visits

pytestmark = pytest.mark.long
CALM = World(PERSONAS, {}, robots=0.02)
MINUTE = 1_500
"""Decisions, 25 a second."""


def mix(log: list[Taken]) -> dict[str, float]:
    """The share of each action."""
    counts = Counter(each.action for each in log)
    return {name: count / len(log) for name, count in counts.items()}


@pytest.mark.promise("C64", "C66")
def test_what_is_learned_sells_more_than_chance_though_orders_are_late() -> None:
    """A fifth of the way into the run: most of what an oracle would gain (simulated)."""
    log = play(Kairos(21), [(CALM, visits(CALM, 12_000, 21))])[-3_000:]
    random, best = uniform(log, CALM), oracle(log, CALM)
    assert (conversion(log, CALM) - random) / (best - random) > 0.6
    assert conversion(log, CALM) > 1.55 * random


def test_two_minutes_after_a_change_of_taste_the_mix_has_moved() -> None:
    """At minute three each persona comes to like another's action; orders come at once."""
    then = turned(CALM)
    halves = [
        (CALM, visits(CALM, 3 * MINUTE, 22)),
        (then, visits(then, 2 * MINUTE, 23, 3 * MINUTE)),
    ]
    log = play(Kairos(22), halves, delay=20, window=60)
    hunters = [each for each in log if each.visit.persona.name == HUNTER.name]
    before = mix([each for each in hunters if 2 <= each.visit.number / MINUTE < 3])
    after = mix([each for each in hunters if each.visit.number / MINUTE >= 4])
    assert before[DISCOUNT] - after[DISCOUNT] > 0.1
