"""Vowpal Wabbit plays the same simulated shop: an outside learner to hold ours against.

It is installed for tests and proofs alone (infra/setup/judges.py), so it is imported when a player
is made.
"""

from __future__ import annotations

import sys
from importlib import import_module
from random import Random
from typing import Any

from benchmarks.playing import Taken
from benchmarks.worlds import ACTIONS, NOTHING, Visit, World
from infra.setup.home import Home
from schemas.ids import MILLION

OPTIONS = "--cb_explore_adf --squarecb -q sa --quiet --random_seed 1"
ARMS = (NOTHING, *ACTIONS)


class VowpalWabbit:
    """Contextual bandit with SquareCB over shared scores crossed with the action."""

    def __init__(self, seed: int) -> None:
        judges = str(Home.from_environment().judges)
        if judges not in sys.path:
            sys.path.append(judges)
        self._learner: Any = import_module("vowpalwabbit").Workspace(OPTIONS)
        self._rng = Random(seed)

    def take(self, visit: Visit) -> tuple[str, float]:
        """An action drawn from its probabilities."""
        shares = self._learner.predict(_lines(visit))
        at = self._rng.choices(range(len(ARMS)), shares)[0]
        return ARMS[at], shares[at]

    def opened(self, taken: Taken) -> None:
        """It learns from whole outcomes alone."""

    def hear(self, taken: Taken, world: World) -> None:
        """Learn the cost of what was done; who was withheld is no draw of its own."""
        if taken.withheld:
            return
        micros = world.margin_micros(taken.action) if taken.ordered else 0
        cost = -micros / (10 * MILLION)
        label = (ARMS.index(taken.action), cost, taken.propensity)
        self._learner.learn(_lines(taken.visit, label))


def _lines(visit: Visit, label: tuple[int, float, float] | None = None) -> list[str]:
    scores = " ".join(f"{name}:{value / MILLION:.6f}" for name, value in visit.scores.items())
    lines = [f"shared |s {scores}"]
    for at, name in enumerate(ARMS):
        told = f"0:{label[1]:.6f}:{label[2]:.6f} " if label and label[0] == at else ""
        lines.append(f"{told}|a {name or 'NOTHING'}")
    return lines
