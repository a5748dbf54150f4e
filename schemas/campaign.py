"""Campaign: what bids, as compiled from the merchant's file."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from schemas.render import Render


class Campaign(Struct, frozen=True, kw_only=True):
    """One campaign; fields and units as in schemas/avro/campaigns.avsc."""

    id: str = ""
    action_type: str = ""
    when: str = ""
    on: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    placement: str = "page"
    margin_micros: int = 0
    priority: int = 0
    cap_session: int = 1
    cap_day: int = 3
    budget_micros_day: int = 0
    excludes: tuple[str, ...] = ()
    holdout_ppm: int = 0
    ttl_ms: int = 30_000
    starts_at_ms: int = 0
    ends_at_ms: int = 0
    paused: bool = False
    fallback: bool = True
    needs: tuple[str, ...] = ()
    base_ppm: int = 0
    response: dict[str, int] = {}
    render: Render = Render()

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Campaign:
        """From a decoded Avro record."""
        fields = dict(record)
        for name in ("on", "stages", "excludes", "needs"):
            fields[name] = tuple(fields[name])
        fields["render"] = Render.from_record(fields["render"])
        return cls(**fields)

    def to_record(self) -> dict[str, Any]:
        """The Avro record."""
        return {**asdict(self), "render": self.render.to_record()}


class Campaigns(Struct, frozen=True, kw_only=True):
    """One record of topic `campaigns`: the whole catalogue of a site, in file order."""

    site: str = ""
    version: int = 0
    effective_at_ms: int = 0
    campaigns: tuple[Campaign, ...] = ()

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Campaigns:
        """From a decoded Avro record."""
        campaigns = tuple(Campaign.from_record(each) for each in record["campaigns"])
        return cls(**{**record, "campaigns": campaigns})

    def to_record(self) -> dict[str, Any]:
        """The Avro record."""
        return {**asdict(self), "campaigns": [each.to_record() for each in self.campaigns]}
