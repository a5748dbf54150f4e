"""3 Seen: the products looked at, how often, and how long they were really in view.

Time in view runs on the client's clock within one tab, from the product view to the next view,
to leaving, or to hiding the page; showing the page again starts it anew.
"""

from __future__ import annotations

from models.client_time import clipped_ms
from schemas.profile import Profile, Tab
from schemas.sections import SEEN_MAX, Seen, packed, seen_of


def view(profile: Profile, tab: Tab, ts_ms: int) -> None:
    """The tab shows its product from now on: it becomes the newest of at most 8."""
    profile.seen = viewed(profile.seen, tab.product_id, tab.category, tab.price_micros)
    tab.product_ts_ms = ts_ms


def viewed(section: bytes, product_id: str, category: str, price_micros: int) -> bytes:
    """The section after one more look at a product."""
    seen = seen_of(section) if section else []
    found = next((each for each in seen if each.product_id == product_id), None)
    if found is None:
        found = Seen(product_id, category, price_micros)
    found.category, found.price_micros = category, price_micros
    found.views += 1
    rest = [each for each in seen if each is not found]
    return packed([*rest, found][-SEEN_MAX:])


def leave(profile: Profile, tab: Tab, ts_ms: int) -> None:
    """The tab's product, if one is in view, is out of sight from now on."""
    profile.seen = left(profile.seen, tab.product_id, clipped_ms(ts_ms - tab.product_ts_ms))
    tab.product_ts_ms = 0


def left(section: bytes, product_id: str, dwell_ms: int) -> bytes:
    """The section after a product was in view so long."""
    seen = seen_of(section) if section else []
    for each in seen:
        if each.product_id == product_id:
            each.dwell_ms += dwell_ms
            section = packed(seen)
    return section


def products(profile: Profile) -> list[Seen]:
    """What was looked at, newest last."""
    return seen_of(profile.seen) if profile.seen else []


def dwell_ms(profile: Profile, tab: Tab) -> int:
    """How long the tab's product was in view before, and since it came into view."""
    before = sum(each.dwell_ms for each in products(profile) if each.product_id == tab.product_id)
    since = clipped_ms(tab.last_ts_ms - tab.product_ts_ms) if tab.product_ts_ms else 0
    return before + since
