"""The systems kairos listens to: one file each, listed here and nowhere else."""

from __future__ import annotations

from gateway.systems.port import Adapter
from gateway.systems.segment import Segment
from gateway.systems.shopify import Shopify

ADAPTERS: tuple[Adapter, ...] = (Segment(), Shopify())
"""To add a system, write its file with the two methods of port.Adapter and name it here."""

BY_NAME = {each.name: each for each in ADAPTERS}
