"""Simulated shops whose truth is known: what each action adds for each kind of visitor.

A visitor is of one persona. Of it the engine sees only scores, noisy ones; what an action is
worth to the persona is the truth that learning has to find. Everything here is simulated and
drawn from a seed: nothing of it says anything about people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import pi, sin
from random import Random

from schemas.ids import MILLION

NOTHING = ""
NAMES = (
    "price_sensitivity", "hesitation", "exploration", "stickiness", "frustration",
    "purchase_intent", "category_focus", "churn_risk",
)  # fmt: skip
"""The scores that the engine sees of a visitor."""

DISCOUNT, CHECKOUT_HELP, MORE_LIKE_THIS = "DISCOUNT", "CHECKOUT_HELP", "MORE_LIKE_THIS"
LOYALTY, FREE_RETURNS, NEWSLETTER = "LOYALTY", "FREE_RETURNS", "NEWSLETTER"
ACTIONS = (DISCOUNT, CHECKOUT_HELP, MORE_LIKE_THIS, LOYALTY, FREE_RETURNS, NEWSLETTER)
NOISE = 0.12
DAY = 20_000
"""Decisions from noon to noon where a shop has a rhythm."""

MARGIN_MICROS = 10 * MILLION


@dataclass(frozen=True, slots=True)
class Persona:
    """Scores lie about `scores` (the others about .3); `base` converts without any action.

    `adds` is the true uplift of each action in parts of one, 0 for those not named, perhaps
    negative.
    """

    name: str
    share: float
    base: float
    scores: Mapping[str, float]
    adds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class World:
    """Personas and what an order earns; `costs_micros` is given away where an action converts.

    A share of `robots` comes again and again and always converts on `bait`. With `rhythm`, day and
    night of DAY decisions multiply every chance by up to 1 + rhythm and down to 1 - rhythm.
    """

    personas: tuple[Persona, ...]
    costs_micros: Mapping[str, int]
    robots: float = 0.0
    bait: str = NEWSLETTER
    rhythm: float = 0.0

    def tide(self, number: int) -> float:
        """What the hour of this decision multiplies every chance by; 1 in the mean of a day."""
        return 1.0 + self.rhythm * sin(2.0 * pi * number / DAY)

    def chance(self, persona: Persona, action: str) -> float:
        """The true probability of an order, in the mean of a day."""
        return min(max(persona.base + persona.adds.get(action, 0.0), 0.0), 1.0)

    def margin_micros(self, action: str) -> int:
        """What an order after this action earns."""
        return MARGIN_MICROS - self.costs_micros.get(action, 0)

    def value(self, persona: Persona, action: str) -> float:
        """The true margin of one decision, in micros."""
        return self.chance(persona, action) * self.margin_micros(action)

    def best(self, persona: Persona) -> str:
        """What an oracle that knows the persona does; doing nothing among equals."""
        return max((NOTHING, *ACTIONS), key=lambda action: self.value(persona, action))


@dataclass(frozen=True, slots=True)
class Visit:
    """One decision to take: who asks, what is seen of them, and the luck they came with.

    Who has the smallest `held` of all, between 0 and 1, is in the holdout.
    """

    number: int
    persona: Persona
    user_key: str
    robot: bool
    scores: Mapping[str, int]
    luck: float
    held: float


HUNTER = Persona(
    "bargain hunter", 0.22, 0.02, {"price_sensitivity": 0.85, "churn_risk": 0.6}, {DISCOUNT: 0.12}
)
HESITANT = Persona(
    "hesitant", 0.20, 0.03, {"hesitation": 0.85, "frustration": 0.5}, {FREE_RETURNS: 0.10}
)
STROLLER = Persona(
    "stroller", 0.22, 0.01, {"exploration": 0.85}, {MORE_LIKE_THIS: 0.09, LOYALTY: -0.01}
)
REGULAR = Persona(
    "regular", 0.16, 0.05, {"stickiness": 0.85, "category_focus": 0.7}, {LOYALTY: 0.08}
)
STUCK = Persona(
    "stuck at the checkout", 0.10, 0.04, {"frustration": 0.9, "purchase_intent": 0.6},
    {CHECKOUT_HELP: 0.15, NEWSLETTER: -0.03},
)  # fmt: skip
SURE = Persona("buys anyway", 0.10, 0.25, {"purchase_intent": 0.9}, {NEWSLETTER: -0.05})
PERSONAS = (HUNTER, HESITANT, STROLLER, REGULAR, STUCK, SURE)

STATIONARY = World(PERSONAS, {}, robots=0.02)
RHYTHM = replace(STATIONARY, rhythm=0.5)
"""Everybody buys more at noon and less at night, and likes what they like all the same."""

FALSE_PROMOTION = World((replace(SURE, share=1.0),), {DISCOUNT: 1_500_000})
"""Everybody buys anyway: whatever is done costs margin or a sale."""

DISCOUNTED = World(PERSONAS, {DISCOUNT: 1_500_000})
"""An order after a discount earns 15 % of the margin less."""


def turned(world: World) -> World:
    """The same visitors after a change of taste: each persona answers to another's action."""
    moved = [each.adds for each in world.personas]
    moved = [*moved[1:], moved[0]]
    changed = (replace(p, adds=adds) for p, adds in zip(world.personas, moved, strict=True))
    return replace(world, personas=tuple(changed))


def visits(world: World, count: int, seed: int, first: int = 0) -> list[Visit]:
    """The visitors of one run, numbered from `first`; the same seed, the same visitors."""
    rng = Random(seed)
    weights = [each.share for each in world.personas]
    out = []
    for number in range(first, first + count):
        persona = rng.choices(world.personas, weights)[0]
        robot = rng.random() < world.robots
        user = f"robot{rng.randrange(20)}" if robot else f"visitor{number}"
        out.append(
            Visit(number, persona, user, robot, _scores(persona, rng), rng.random(), rng.random())
        )
    return out


def _scores(persona: Persona, rng: Random) -> dict[str, int]:
    """What is seen: the persona's scores with noise, between 0 and a million."""
    seen = (rng.gauss(persona.scores.get(name, 0.3), NOISE) for name in NAMES)
    clipped = (round(min(max(each, 0.0), 1.0) * MILLION) for each in seen)
    return dict(zip(NAMES, clipped, strict=True))
