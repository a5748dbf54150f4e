"""10 Policy: what learning publishes and the auction reads."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import asdict


class Quality(Struct, frozen=True, gc=False):
    """What learning found of one campaign, in the linear form of a campaign's own prior.

    At a visitor's scores it is base + sum of weight x score: the reward beyond that of doing
    nothing, as a part of the worth of the campaign's conversion. `mean_ppm` is that in the site's
    mean context, between `lower_ppm` and `upper_ppm` with 95 % confidence. `rewards` is how many
    it rests on, older ones discounted.
    """

    base_ppm: int = 0
    response: dict[str, int] = {}
    rewards: int = 0
    mean_ppm: int = 0
    lower_ppm: int = 0
    upper_ppm: int = 0


class Policy(Struct, frozen=True, kw_only=True):
    """One record of topic `policy`: pacing multipliers in ppm, exploration, learned qualities.

    A campaign whose multiplier is 0 has spent its budget; one without a multiplier bids in full.
    Exploration is off while `explore_floor_ppm` is 0. A campaign with a quality bids by it instead
    of by its own prior, unless `fallback_reason` says why priors rule. While `held`, learning
    carries the qualities over as they are; pacing goes on.
    """

    site: str = ""
    version: int = 0
    effective_at_ms: int = 0
    pacing_ppm: dict[str, int] = {}
    snapshot: bytes = b""
    spend_until_ms: int = 0
    explore_gamma_milli: int = 0
    explore_floor_ppm: int = 0
    qualities: dict[str, Quality] = {}
    held: bool = False
    fallback_reason: str = ""
    learned_until_ms: int = 0
    rewards: int = 0
    ece_ppm: int = 0

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Policy:
        """From a decoded Avro record."""
        qualities = {name: Quality(**each) for name, each in record["qualities"].items()}
        return cls(**{**record, "qualities": qualities})

    def to_record(self) -> dict[str, Any]:
        """The Avro record."""
        qualities = {name: asdict(each) for name, each in self.qualities.items()}
        return {**asdict(self), "qualities": qualities}
