"""What makes a simulated visitor: its share of the traffic, its habits, its hidden answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

MOVES = tuple(
    "category product similar back search reword rage sort compare wishlist add cart checkout "
    "remove coupon leave".split()
)
"""What a visitor can do next; a persona weighs them."""


class Response(NamedTuple):
    """How a persona answers an action; `lift` is added to P(buy) after a click."""

    click: float
    dismiss: float
    lift: float


NO_RESPONSE = Response(0.02, 0.20, 0.0)


@dataclass(frozen=True, slots=True)
class Persona:
    """One kind of visitor: a share of the traffic, a will to buy, habits and answers."""

    name: str
    share: float
    will_buy: float
    weights: Mapping[str, float]
    dwell_s: float
    patience: float
    friction: float
    sources: tuple[str, ...]
    landing: str = "category"
    scroll: float = 0.5
    responses: Mapping[str, Response] = field(default_factory=dict)

    def response(self, action_type: str) -> Response:
        """The answer to one action type."""
        return self.responses.get(action_type, NO_RESPONSE)


@dataclass(frozen=True, slots=True)
class Truth:
    """What only the simulation knows: the persona, and whether it buys when shown nothing."""

    persona: str
    will_buy: bool
