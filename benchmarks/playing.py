"""A policy plays a simulated shop: the real learner and the real choice, decision by decision.

What is simulated is the visitor alone. Qualities, auction, exploration, rewards in epochs, delays
and the policies that learning publishes are those of the engine (models/).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from msgspec.structs import replace

from benchmarks.worlds import ACTIONS, MARGIN_MICROS, NOTHING, Visit, World
from models import auction, snapshots
from models.bids import qualities_of
from models.choice import Pick, picked
from models.context import Context
from models.learner import Learner, arms_of
from models.learning import Ridge
from schemas.campaign import Campaign, Campaigns
from schemas.ids import MILLION
from schemas.lesson import Lesson
from schemas.policy import Policy
from schemas.reward import Reward
from schemas.site import Site

SITE, BASE_PPM = "simulated", 10_000
EVERY_MS = 100
"""A decision each, so that an epoch holds twenty."""

DELAY, WINDOW = 1_500, 5_000
"""Decisions until an order, and until a window closes without one."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One decision with what came of it; `propensity` is of the action taken.

    `withheld` says that the visitor is in the holdout and was shown nothing.
    """

    visit: Visit
    action: str
    propensity: float
    ordered: bool
    withheld: str = ""


class Player(Protocol):
    """Takes decisions, and hears of each at once, and later what came of it."""

    def take(self, visit: Visit) -> tuple[str, float]:
        """The action, empty for nothing, and its probability."""
        ...

    def opened(self, taken: Taken) -> None:
        """What was done; `ordered` is not known yet."""
        ...

    def hear(self, taken: Taken, world: World) -> None:
        """The outcome of one earlier decision."""
        ...


def play(
    player: Player,
    worlds: Sequence[tuple[World, list[Visit]]],
    holdout: float = 0.1,
    delay: int = DELAY,
    window: int = WINDOW,
) -> list[Taken]:
    """All decisions, world after world; outcomes arrive as late as they do in a shop.

    A share `holdout` of the visitors is shown nothing, whatever was chosen for them. `delay` and
    `window` are decisions until an order is known, and until none is.
    """
    log: list[Taken] = []
    heard_of: list[World] = []
    for world, visitors in worlds:
        for visit in visitors:
            at = len(log)
            for back, kind in ((delay, True), (window, False)):
                if at >= back and log[at - back].ordered is kind:
                    player.hear(log[at - back], heard_of[at - back])
            action, propensity = player.take(visit)
            withheld = "holdout" if visit.held < holdout else ""
            player.opened(Taken(visit, action, propensity, False, withheld))
            came = ordered(world, visit, NOTHING if withheld else action)
            log.append(Taken(visit, action, propensity, came, withheld))
            heard_of.append(world)
    return log


def ordered(world: World, visit: Visit, action: str) -> bool:
    """Whether this visitor orders; more luck is needed where the truth is smaller."""
    if visit.robot:
        return action == world.bait
    return visit.luck < world.chance(visit.persona, action) * world.tide(visit.number)


@dataclass
class Always:
    """One action for everybody."""

    action: str

    def take(self, visit: Visit) -> tuple[str, float]:
        """The one."""
        return self.action, 1.0

    def opened(self, taken: Taken) -> None:
        """Learns nothing."""

    def hear(self, taken: Taken, world: World) -> None:
        """Learns nothing."""


def campaigns() -> tuple[Campaign, ...]:
    """One campaign an action; every owner expects the same little."""
    return tuple(
        Campaign(id=name, action_type="banner", margin_micros=MARGIN_MICROS, base_ppm=BASE_PPM)
        for name in ACTIONS
    )


@dataclass
class Kairos:
    """The engine: choice by the auction under the newest policy, learning at each epoch's end."""

    seed: int
    make: Callable[..., Learner[Any]] = Ridge
    lesson: Lesson = field(default_factory=Lesson)
    policy: Policy = field(default_factory=lambda: Policy(site=SITE))
    waiting: list[Reward] = field(default_factory=list)
    openings: list[Reward] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context = Context(_no_model, policies_kept_ms=60_000)
        salt = self.seed.to_bytes(16, "big")
        self.context.add("sites", Site(site=SITE, version=1, salt=salt))
        made = campaigns()
        self.context.add("campaigns", Campaigns(site=SITE, version=1, campaigns=made))
        self.campaigns = made
        self.learner = self.make(arms_of(made))

    def take(self, visit: Visit) -> tuple[str, float]:
        """The engine's own steps 6 and 7 for one slot in which every campaign may bid."""
        at_ms = visit.number * EVERY_MS
        if at_ms % snapshots.EPOCH_MS == 0:
            self._epoch(at_ms)
        pick = self.pick(visit, at_ms)
        action = NOTHING if pick.winner is None else pick.winner.campaign_id
        return action, pick.propensity_ppm / MILLION

    def pick(self, visit: Visit, at_ms: int) -> Pick:
        """What the auction and the race make of it."""
        view = self.context.at(SITE, at_ms)
        assert view.market is not None
        book, bids = view.market.book, view.market.paced.bids
        qualities = qualities_of(book, visit.scores)
        everybody = (1 << len(self.campaigns)) - 1
        result = auction.run(book.lots, bids, qualities, everybody, 0, 0)
        return picked(result, view, 0, f"d{visit.number}")

    def opened(self, taken: Taken) -> None:
        """A decision that waits for its epoch's end, as one that brought nothing so far."""
        self.openings.append(_reward(taken, 0))

    def hear(self, taken: Taken, world: World) -> None:
        """A reward that waits for its epoch's end."""
        micros = world.margin_micros(taken.action) if taken.ordered else 0
        self.waiting.append(replace(_reward(taken, micros), counted=True))

    def _epoch(self, end_ms: int) -> None:
        told = self.waiting, (), end_ms, self.openings
        self.lesson = snapshots.learn(self.lesson, self.learner, *told)
        self.waiting, self.openings = [], []
        made = snapshots.snapshot(self.lesson, self.policy, self.learner, self.campaigns, end_ms)
        if made is not None:
            self.policy = made
            self.context.add("policy", made)


def _reward(taken: Taken, micros: int) -> Reward:
    name = f"d{taken.visit.number}"
    return Reward(
        site=SITE,
        slot_id=name,
        decision_id=name,
        user_key=taken.visit.user_key,
        campaign_id=taken.action,
        withheld=taken.withheld,
        propensity_ppm=round(taken.propensity * MILLION),
        context=dict(taken.visit.scores),
        converted=micros > 0,
        reward_micros=micros,
    )


def _no_model(model: Any) -> Any:
    raise AssertionError("the simulated scores need no model")


def humans(log: Sequence[Taken]) -> Iterator[Taken]:
    """Who may be shown something; robots teach, but are nobody's success."""
    return (each for each in log if not each.visit.robot and not each.withheld)


def conversion(log: Sequence[Taken], world: World) -> float:
    """Mean true probability of an order of what was done, which is less noisy than orders."""
    chances = [world.chance(each.visit.persona, each.action) for each in humans(log)]
    return sum(chances) / len(chances)


def oracle(log: Sequence[Taken], world: World) -> float:
    """The same, had everybody got what is best for their persona."""
    best = [world.chance(v.persona, world.best(v.persona)) for v in (t.visit for t in humans(log))]
    return sum(best) / len(best)


def uniform(log: Sequence[Taken], world: World) -> float:
    """The true conversion of acting at random on the same visitors."""
    arms = (NOTHING, *ACTIONS)
    every = [sum(world.chance(t.visit.persona, a) for a in arms) / len(arms) for t in humans(log)]
    return sum(every) / len(every)
