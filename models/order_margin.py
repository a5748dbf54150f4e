"""9 Margin of an order: what the shop says, else what its products earn, else the site's share.

1. `margin` of the purchase counts as it is.
2. Lines that name products whose margin the site's products know earn that margin.
3. The rest of the order's list value earns the site's share. The discount comes off once.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from schemas.ids import MILLION
from schemas.outcome import Outcome
from schemas.products import CatalogueProduct


def priced(order: Outcome, products: Mapping[str, CatalogueProduct]) -> Outcome:
    """The order with what its lines earn under the products in force; the lines have served."""
    earned = listed = 0
    for name, units in order.lines:
        known = products.get(name)
        if known is not None and known.margin_micros:
            earned += units * known.margin_micros
            listed += units * known.price_micros
    return replace(order, lines=(), lines_micros=earned, listed_micros=listed)


def margin_micros(order: Outcome, margin_ppm: int) -> int:
    """What an order earned, `margin_ppm` being the site's share; may be negative."""
    if order.margin_micros is not None:
        return order.margin_micros
    rest = max(order.value_micros + order.discount_micros - order.listed_micros, 0)
    return order.lines_micros + rest * margin_ppm // MILLION - order.discount_micros
