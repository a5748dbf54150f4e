"""Site: a shop with its keys, origins and defaults."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

REQUIRED, IMPLIED = "required", "implied"
LIVE, OBSERVE = "live", "observe"
MINIMAL, FULL = "minimal", "full"
MARGIN, CONVERSIONS, CLICKS = "margin", "conversions", "clicks"
"""What a reward counts: what orders earn, that there is one, or clicks on the action."""


SECRETS_MAX = 16


class SiteSecret(Struct, frozen=True):
    """One more secret of a site; `until_ms` 0 means for ever. It never prints."""

    name: str = ""
    value: bytes = b""
    until_ms: int = 0

    def __repr__(self) -> str:
        return f"SiteSecret({self.name!r}, until_ms={self.until_ms})"


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
    secrets: tuple[SiteSecret, ...] = ()
    reward: str = MARGIN
    reward_window_ms: int = 1_800_000
    reward_horizon_ms: int = 86_400_000
    margin_ppm: int = 300_000
    forced: bool = False

    def accepted(self, name: str, now_ms: int) -> tuple[bytes, ...]:
        """The secrets of this name that hold at `now_ms`, the present one first."""
        present = getattr(self, name, b"")
        own = present.encode() if isinstance(present, str) else present
        more = (
            each.value
            for each in self.secrets
            if each.name == name and (not each.until_ms or now_ms < each.until_ms)
        )
        return tuple(each for each in (own, *more) if each)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Site:
        """From a decoded Avro record."""
        fields = dict(record)
        fields["origins"] = tuple(fields["origins"])
        fields["placements"] = tuple(fields["placements"])
        fields["secrets"] = tuple(SiteSecret(**each) for each in fields["secrets"])
        return cls(**fields)

    def to_record(self) -> dict[str, Any]:
        """The Avro record."""
        return {**asdict(self), "secrets": [asdict(each) for each in self.secrets]}
