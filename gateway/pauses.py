"""Paused campaigns, by topic `campaigns`: nothing of them is shown from the record's arrival on.

The job stops deciding for them when the record is in force, a second after it was published. What
it decides until then, and what is held here of before, is no longer theirs to show.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from msgspec.structs import replace

from connectors.avro import BadFrame, Codec
from gateway.tail import Record
from schemas.campaign import Campaigns
from schemas.decision import Decision

logger = logging.getLogger(__name__)
PAUSED = "paused"
NEVER_MS = 0


class Pauses:
    """The paused campaigns of each site, as its newest catalogue says."""

    def __init__(self) -> None:
        self._newest: dict[str, tuple[int, frozenset[str]]] = {}

    def read(self, records: list[Record], codec: Codec[Campaigns]) -> Iterator[str]:
        """The site of each record that pauses a campaign that went on until now.

        A record that cannot be read leaves its site as it was.
        """
        for record in records:
            if record.value is None:
                continue
            try:
                catalogue = codec.decode(record.value)
            except BadFrame as bad:
                logger.warning("topic campaigns: %s", bad.reason)
                continue
            if self.add(catalogue):
                yield catalogue.site

    def add(self, catalogue: Campaigns) -> frozenset[str]:
        """Take in a catalogue: the campaigns that it pauses and the one before did not."""
        version, before = self._newest.get(catalogue.site, (0, frozenset()))
        if catalogue.version < version:
            return frozenset()
        paused = frozenset(each.id for each in catalogue.campaigns if each.paused)
        self._newest[catalogue.site] = (catalogue.version, paused)
        return paused - before

    def of(self, site: str) -> frozenset[str]:
        """The paused campaigns of a site."""
        return self._newest.get(site, (0, frozenset()))[1]

    def applied(self, decision: Decision) -> Decision:
        """What is left of a decision: neither action nor stand-in of a paused campaign."""
        paused = self.of(decision.site)
        if not paused:
            return decision
        fallback = decision.fallback
        if fallback is not None and fallback.campaign_id in paused:
            # It stays the newest that the tab was given: nothing older may stand in for it.
            decision = replace(decision, fallback=replace(fallback, valid_until_ms=NEVER_MS))
        if decision.render is not None and decision.campaign_id in paused:
            decision = replace(decision, render=None, reason=PAUSED)
        return decision
