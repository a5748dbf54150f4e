"""Offers of a campaign, and what a visitor gets of one channel."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from schemas.render import Render


class Offer(Struct, frozen=True, kw_only=True):
    """A stronger form of a campaign for visitors at more risk and of more value.

    It applies where churn_risk >= `risk_ppm` and potential_value >= `value_micros`.
    """

    name: str = ""
    risk_ppm: int = 0
    value_micros: int = 0
    margin_micros: int = 0
    render: Render = Render()

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Offer:
        """From a decoded Avro record."""
        return cls(**{**record, "render": Render.from_record(record["render"])})

    def to_record(self) -> dict[str, Any]:
        """The Avro record."""
        return {**asdict(self), "render": self.render.to_record()}


class ChannelCap(Struct, frozen=True, kw_only=True):
    """How many actions of one channel a visitor gets, over all campaigns; 0 = no cap."""

    channel: str = ""
    cap_session: int = 0
    cap_day: int = 0
    cap_user: int = 0
