"""6 Offers: how strong an offer of a campaign this visitor gets, by risk and by value.

1. A campaign lists its offers from weakest to strongest, each with a least churn_risk and a least
   potential_value; neither falls from one to the next (connectors/files.py sees to that).
2. The last offer whose two bounds hold is the visitor's; none that holds leaves the campaign's own.
3. So a visitor at more risk or of more value never gets a weaker offer, and where no model
   scores, nobody is at risk and everybody gets the campaign's own.
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.campaign import Campaign
from schemas.offer import Offer

RISK, VALUE = "churn_risk", "potential_value"


def offer_of(campaign: Campaign, table: Mapping[str, int | str]) -> Offer | None:
    """The strongest offer this visitor may get; None for the campaign's own."""
    if not campaign.offers:
        return None
    risk, value = _number(table, RISK), _number(table, VALUE)
    for offer in reversed(campaign.offers):
        if risk >= offer.risk_ppm and value >= offer.value_micros:
            return offer
    return None


def bid_basis_micros(campaign: Campaign, offer: Offer | None) -> int:
    """What one conversion is worth, before pacing: margin under the offer, and value beside it."""
    margin = campaign.margin_micros if offer is None else offer.margin_micros
    return margin + campaign.value_micros


def _number(table: Mapping[str, int | str], name: str) -> int:
    value = table.get(name, 0)
    return value if isinstance(value, int) else 0
