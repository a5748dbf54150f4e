"""Seeds of visitors who see actions: nobody who tries the demo should meet a shop that shows none.

A visitor's side of the holdout follows from the seed alone, under the site's secrets. So the demo
shop offers a browser that has none yet a seed of the other side, and simulated visitors, who bring
their own, make up the holdout.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from connectors.files import read_sites, text_of
from infra.demo.publish import FOLDER, RUN_HOLDOUT_PPM
from infra.local.site_keys import with_keys
from models.withholding import HOLDOUT
from schemas.ids import draw_ppm, visitor_key
from schemas.site import Site

TRIES_MAX = 1_000
"""A share of 98 % held out leaves all of these with a chance of one in a billion."""


def demo_site(stack: Path) -> Site:
    """The demo's site with the keys of this stack and the larger of its holdouts."""
    path = FOLDER / "sites.yaml"
    record = read_sites(text_of(path), str(path)).record
    assert record, "the demo's own file is valid"
    site = with_keys(record[0], stack)
    return replace(site, holdout_ppm=max(site.holdout_ppm, RUN_HOLDOUT_PPM))


def seeds_of(site: Site) -> Callable[[], str]:
    """Fresh seeds, 32 hex digits, of visitors outside the site's holdout; empty if none is found.

    A campaign's own holdout may still withhold that campaign.
    """

    def seed() -> str:
        tried = (secrets.token_hex(16) for _ in range(TRIES_MAX))
        return next((each for each in tried if not held_out(site, each)), "")

    return seed


def held_out(site: Site, seed: str) -> bool:
    """Whether the visitor of this seed is shown nothing, for ever."""
    key = visitor_key(site.site, site.mint_secret, seed, lasting=True)
    return draw_ppm(site.salt, HOLDOUT, key) < site.holdout_ppm
