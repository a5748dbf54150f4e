"""10 Policy: what learning publishes and the auction reads."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import asdict


class Policy(Struct, frozen=True, kw_only=True):
    """One record of topic `policy`: pacing multipliers in ppm, exploration, the learner's snapshot.

    A campaign whose multiplier is 0 has spent its budget; one without a multiplier bids in full.
    Exploration is off while `explore_floor_ppm` is 0.
    """

    site: str = ""
    version: int = 0
    effective_at_ms: int = 0
    pacing_ppm: dict[str, int] = {}
    snapshot: bytes = b""
    spend_until_ms: int = 0
    explore_gamma_milli: int = 0
    explore_floor_ppm: int = 0

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Policy:
        """From a decoded Avro record."""
        return cls(**record)

    def to_record(self) -> dict[str, Any]:
        """The Avro record."""
        return asdict(self)
