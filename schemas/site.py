"""Site: a shop with its keys, origins and defaults."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

REQUIRED, IMPLIED = "required", "implied"
LIVE, OBSERVE = "live", "observe"
MINIMAL, FULL = "minimal", "full"


class Site(Struct, frozen=True, kw_only=True):
    """One record of topic `sites`; fields and units as in schemas/avro/site.avsc."""

    site: str = ""
    version: int = 0
    effective_at_ms: int = 0
    origins: tuple[str, ...] = ()
    currency: str = "EUR"
    time_zone: str = "UTC"
    consent: str = REQUIRED
    mode: str = LIVE
    rollout_ppm: int = 1_000_000
    push: str = MINIMAL
    holdout_ppm: int = 0
    placements: tuple[str, ...] = ("page",)
    reserve_micros: int = 0
    dwell_ms: int = 20_000
    thresholds: dict[str, int] = {}
    high_intent_ppm: int = 600_000
    site_key: str = ""
    mint_secret: bytes = b""
    identify_secret: bytes = b""
    salt: bytes = b""
    removed: bool = False

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Site:
        """From a decoded Avro record."""
        fields = dict(record)
        fields["origins"] = tuple(fields["origins"])
        fields["placements"] = tuple(fields["placements"])
        return cls(**fields)

    def to_record(self) -> dict[str, Any]:
        """The Avro record."""
        return asdict(self)
