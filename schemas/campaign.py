"""Campaign: what bids, as compiled from the merchant's file."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from schemas.offer import ChannelCap, Offer
from schemas.render import Render
from schemas.trigger_bounds import TriggerBounds

ON_SITE, EMAIL = "on_site", "email"
EVEN, ASAP = "even", "asap"
CHECKOUT = "checkout"
"""The moment at which a campaign with this `priority_override` goes before all others."""


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
    value_micros: int = 0
    pacing: str = "even"
    budget_micros_total: int = 0
    cap_user: int = 0
    cap_campaign: int = 0
    channel: str = ON_SITE
    priority_override: str = ""
    otherwise: str = ""
    offers: tuple[Offer, ...] = ()

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Campaign:
        """From a decoded Avro record."""
        fields = dict(record)
        for name in ("on", "stages", "excludes", "needs"):
            fields[name] = tuple(fields[name])
        fields["render"] = Render.from_record(fields["render"])
        fields["offers"] = tuple(Offer.from_record(each) for each in fields["offers"])
        return cls(**fields)

    def to_record(self) -> dict[str, Any]:
        """The Avro record."""
        offers = [each.to_record() for each in self.offers]
        return {**asdict(self), "render": self.render.to_record(), "offers": offers}


class Campaigns(Struct, frozen=True, kw_only=True):
    """One record of topic `campaigns`: the whole catalogue of a site, in file order."""

    site: str = ""
    version: int = 0
    effective_at_ms: int = 0
    campaigns: tuple[Campaign, ...] = ()
    channels: tuple[ChannelCap, ...] = ()
    bounds: TriggerBounds = TriggerBounds()

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Campaigns:
        """From a decoded Avro record."""
        campaigns = tuple(Campaign.from_record(each) for each in record["campaigns"])
        channels = tuple(ChannelCap(**each) for each in record["channels"])
        bounds = TriggerBounds(**record["bounds"])
        return cls(**{**record, "campaigns": campaigns, "channels": channels, "bounds": bounds})

    def to_record(self) -> dict[str, Any]:
        """The Avro record."""
        return {
            **asdict(self),
            "campaigns": [each.to_record() for each in self.campaigns],
            "channels": [asdict(each) for each in self.channels],
            "bounds": asdict(self.bounds),
        }
