"""3 Views: what a page or product view does to session and tab: sequence, dwell, prices.

Time on a page runs from its view to the next one of the same tab. A product view belongs to the
page view just before it.
"""

from __future__ import annotations

from zlib import crc32

from models import interests, kinds, seen
from models.client_time import clipped_ms
from models.vocabulary import CODES
from schemas.event import Event
from schemas.profile import NAME_MAX, Profile, Session, Tab

PAGES_KEPT = 6
_PAGE_VIEW = CODES["page_view"]


def view(profile: Profile, tab: Tab, event: Event, percentile_ppm: int) -> None:
    """Enter a page, a product, the cart or the checkout."""
    session = profile.session
    if tab.product_ts_ms:
        seen.leave(profile, tab, event.ts_ms)
    if tab.entered_ts_ms and event.type != "product_view":
        _dwelt(session, clipped_ms(event.ts_ms - tab.entered_ts_ms))
    page = event.page
    page_type = page.type[:NAME_MAX] if page else ""
    page_path = page.path[:NAME_MAX] if page else ""
    if event.type == "product_view":
        session.product_views += 1
        _product(profile, session, tab, event, percentile_ppm)
    else:
        session.page_views += 1
        session.cart_backs += tab.page_type == "cart" and event.type == "page_view"
        session.cart_views += event.type == "cart_view"
        tab.product_id = tab.category = ""
        tab.price_micros = tab.bands = 0
        tab.touched = []
    tab.entered_ts_ms, tab.active_ms, tab.scroll_ppm, tab.dwell_at_ms = event.ts_ms, 0, 0, 0
    tab.page_type = "cart" if event.type == "cart_view" else page_type or tab.page_type
    tab.page_path = page_path
    if event.type != "product_view" or session.previous_type != _PAGE_VIEW:
        kinds.open_page(session, tab.page_type)
    _sequence(session, page_path or tab.product_id or page_type)


def _dwelt(session: Session, dwell_ms: int) -> None:
    session.dwells += 1
    session.dwell_sum_ms += dwell_ms
    session.dwell_last_ms = dwell_ms
    session.dwell_max_ms = max(session.dwell_max_ms, dwell_ms)


def _sequence(session: Session, name: str) -> None:
    """The newest pages by hash; back where one was two pages ago counts as a backtrack."""
    page = crc32(name.encode()) & 0xFFFFFF
    if session.pages[-1:] == [page]:
        return
    if len(session.pages) >= 2 and session.pages[-2] == page:
        session.backtracks += 1
    session.pages = [*session.pages, page][-PAGES_KEPT:]


def _product(
    profile: Profile, session: Session, tab: Tab, event: Event, percentile_ppm: int
) -> None:
    product = event.product
    if product is None:
        return
    tab.product_id = product.id[:NAME_MAX]
    tab.category = product.category[:NAME_MAX]
    tab.price_micros = product.price_micros
    _price(session, product.price_micros, percentile_ppm)
    seen.view(profile, tab, event.ts_ms)
    if tab.category:
        interests.touch(profile, tab.category, interests.band(percentile_ppm))


def _price(session: Session, price_micros: int, percentile_ppm: int) -> None:
    """Where the prices lie and which way they go; a fall is a cheaper standing in its category."""
    if session.prices:
        session.price_falls += percentile_ppm < session.percentile_last_ppm
        session.price_min_micros = min(session.price_min_micros, price_micros)
        session.price_max_micros = max(session.price_max_micros, price_micros)
    else:
        session.price_min_micros = session.price_max_micros = price_micros
    session.prices += 1
    session.price_last_micros = price_micros
    session.price_sum_micros += price_micros
    session.price_percentile_sum_ppm += percentile_ppm
    session.percentile_last_ppm = percentile_ppm
