"""10 Learn products: sessions of a site become product snapshots, at multiples of engine time.

Wraps models/product_snapshots.py, beside operators/learn.py in the hop by site. Flink owns, by
site, one bytes value (schemas/site_neighbours.py), read at an epoch's end only, and a list of the
sessions that came since, emptied then; neither is ever cleared, since sites are few. The products
of each site are mirrored in memory, with what commands publish.
"""

from __future__ import annotations

import logging

from connectors.avro import Codec
from connectors.routes import routed
from models import product_snapshots as snapshots
from operators.engine import State, Timers
from operators.learning_shell import LearningMeter, Out, Pending
from schemas import site_neighbours
from schemas.basket import Session, session_of
from schemas.products import Products
from schemas.topics import PRODUCTS

log = logging.getLogger(__name__)
AFTER_MS = 1
"""Timers of this hop stand just behind an epoch's end: those of policies are multiples of 2 s."""

RECORD_BYTES_MAX = 8 * 1024 * 1024
"""What topic `products` takes; a larger record would stop the sink."""


class ProductsHop:
    """The hop without the engine; `told` is what the topic says, by site."""

    def __init__(self, products: Codec[Products], build_id: str, meter: LearningMeter) -> None:
        self.told: dict[str, snapshots.Told] = {}
        self._products, self._meter = products, meter
        self._headers = {"kairos.build": build_id.encode()}

    def published(self, record: Products) -> None:
        """A record of topic `products`, whoever wrote it, in the order of the log."""
        self.told[record.site] = snapshots.taken(self.told.get(record.site), record)

    def element(self, payload: bytes, pending: Pending, timers: Timers) -> Out:
        """A session waits for its epoch's end."""
        pending.add(payload)
        at_ms = max(session_of(payload[1:]).closed_ms, timers.current_watermark() + 1)
        timers.register_event_time_timer(snapshots.epoch_end_ms(at_ms) + AFTER_MS)
        return []

    def timer(self, at_ms: int, site: str, state: State, pending: Pending, timers: Timers) -> Out:
        """An epoch of this site has ended."""
        end_ms = at_ms - AFTER_MS
        kept = site_neighbours.load(state.value())
        kept = snapshots.counted(kept, self._due(end_ms, pending), end_ms)
        watermark_ms, told = timers.current_watermark(), self.told.get(site)
        made = None
        # An epoch that is long over is counted alone: one that is not speaks for it.
        if told is not None and watermark_ms < end_ms + snapshots.EPOCH_MS:
            grown = snapshots.has_grown(kept)
            if grown or snapshots.is_fed(kept, told):
                made = snapshots.snapshot(kept, told, watermark_ms)
            if grown:
                kept.told, kept.told_ms = kept.sessions, end_ms
        state.update(site_neighbours.dump(kept))
        return [] if made is None else self._written(made)

    def _due(self, end_ms: int, pending: Pending) -> list[Session]:
        """The sessions that were over by the epoch's end; the rest goes on waiting."""
        every = [bytes(each) for each in pending.get() or ()]
        pending.clear()
        due = []
        for payload in every:
            session = session_of(payload[1:])
            if session.closed_ms <= end_ms:
                due.append(session)
            else:
                pending.add(payload)
        self._meter.add("sessions", len(due))
        return due

    def _written(self, made: Products) -> Out:
        frame = self._products.encode(made)
        if len(frame) > RECORD_BYTES_MAX:
            log.error(
                "products of %s take %s bytes: neighbours are not told", made.site, len(frame)
            )
            self._meter.add("products_too_large")
            return []
        self.published(made)
        self._meter.add("products")
        return [(made.site, routed(PRODUCTS, self._headers, frame))]


def is_of_products(at_ms: int) -> bool:
    """Whether a timer of the hop by site is one of these."""
    return at_ms % snapshots.EPOCH_MS == AFTER_MS
