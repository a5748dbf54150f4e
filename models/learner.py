"""10 Learner: what any way to learn from rewards has to offer, whatever it computes inside.

A learner knows the catalogue of one site, and its state is a value: `learn` gives a new one and
leaves the old alone. Within an epoch the order of rewards changes nothing, so that the same log
gives the same snapshots, byte for byte. tests/models/learner_checks.py is what each has to pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isqrt
from typing import Protocol, TypeVar

from msgspec import Struct

from models.offers import bid_basis_micros
from schemas.campaign import Campaign
from schemas.ids import MILLION
from schemas.policy import Quality
from schemas.reward import FALLBACK, Reward

GAMMA_SCALE = 3
FLOOR_PPM = 20_000
S = TypeVar("S")


class UnknownState(ValueError):
    """Bytes that no learner of this build wrote."""


class Arm(Struct, frozen=True):
    """A campaign as learning sees it: what a conversion is worth, and what its owner expects."""

    campaign_id: str
    worth_micros: int
    base_ppm: int = 0
    response: dict[str, int] = {}


class Learner(Protocol[S]):
    """Learns qualities from rewards, for the campaigns it was made with."""

    def empty(self) -> S:
        """The state before any reward."""
        ...

    def learn(self, state: S, rewards: Sequence[Reward]) -> S:
        """The state after all rewards of one epoch, in any order."""
        ...

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The campaigns it was made with."""
        ...

    def qualities(self, state: S) -> dict[str, Quality]:
        """What is known of each campaign, by id in order; without rewards, what its owner said."""
        ...

    def weight(self, state: S) -> float:
        """How many rewards the state rests on, older ones discounted."""
        ...

    def ece_ppm(self, state: S) -> int:
        """How far predictions were from what then came, as a part of a conversion's worth."""
        ...

    def dump(self, state: S) -> bytes:
        """The state as versioned bytes: the same state, the same bytes."""
        ...

    def load(self, data: bytes) -> S:
        """From `dump`; nothing is the empty state. Raises UnknownState."""
        ...


def arms_of(campaigns: Iterable[Campaign]) -> tuple[Arm, ...]:
    """The arms of a catalogue, by campaign id; one without worth has nothing to learn."""
    made = (
        Arm(each.id, bid_basis_micros(each, None), each.base_ppm, each.response)
        for each in campaigns
    )
    return tuple(sorted((arm for arm in made if arm.worth_micros > 0), key=_name))


def _name(arm: Arm) -> bytes:
    return arm.campaign_id.encode()


def prior_of(arm: Arm) -> Quality:
    """What the campaign's owner expects, as a quality that rests on nothing."""
    base = arm.base_ppm
    return Quality(base, dict(arm.response), 0, base, base, base)


def in_order(rewards: Iterable[Reward]) -> list[Reward]:
    """The rewards that teach, in the one order that counts: no fallbacks, nobody chose those.

    What was counted before goes after its opening, a correction after the reward that it corrects.
    """
    taught = (each for each in rewards if each.source != FALLBACK)
    return sorted(
        taught, key=lambda each: (each.decision_id, each.known, each.correction, each.slot_id)
    )


def gamma_milli(weight: float) -> int:
    """SquareCB's gamma after so many rewards, in thousandths: 3 x sqrt(n).

    >>> gamma_milli(0), gamma_milli(10_000)
    (0, 300000)
    """
    return isqrt(int(weight * MILLION) * GAMMA_SCALE**2)
