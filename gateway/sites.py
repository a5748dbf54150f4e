"""The sites this gateway serves: a mirror of topic `sites` in memory."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from connectors.avro import BadFrame, Codec
from gateway.tail import Record
from schemas.origins import allowed
from schemas.site import Site

logger = logging.getLogger(__name__)


class Sites:
    """Versions of each site by effective time; the newest one in force answers.

    Only what may still come into force is kept beside it, so two or three records a site.
    """

    def __init__(self, sites: Iterable[Site] = ()) -> None:
        self._versions: dict[str, list[Site]] = {}
        self._origins: frozenset[str] = frozenset()
        for site in sites:
            self.add(site)

    def add(self, site: Site) -> None:
        """Take in one control record; the same version again replaces itself."""
        known = [each for each in self._versions.get(site.site, ()) if each.version != site.version]
        known.append(site)
        known.sort(key=lambda each: (each.effective_at_ms, each.version))
        self._versions[site.site] = known[-3:]
        every = (each for versions in self._versions.values() for each in versions)
        self._origins = frozenset(origin for each in every for origin in each.origins)

    def at(self, name: str, now_ms: int) -> Site | None:
        """The site as in force at an engine time, or None if unknown, removed or still to come."""
        found = None
        for site in self._versions.get(name, ()):
            if site.effective_at_ms <= now_ms:
                found = site
        return None if found is None or found.removed else found

    def knows_origin(self, origin: str) -> bool:
        """Whether any site lists this origin; a body then says which site it is."""
        return allowed(self._origins, origin)

    def take(self, records: list[Record], codec: Codec[Site]) -> None:
        """Records of topic `sites`; one that cannot be read leaves the site as it was."""
        for record in records:
            if record.value is None:
                continue
            try:
                self.add(codec.decode(record.value))
            except BadFrame as bad:
                logger.warning("topic sites: %s", bad.reason)
