"""3 Bursts: attention without a gap of 90 s, in the three numbers that trigger rules read.

A burst ends 90 s after its last event, or 5 s after the page was left or hidden without a return
(bounds of the catalogue, fixed when the burst begins). The end is a moment of engine time known in
advance (`closes_at_ms`), the same whether a timer meets it or the next event, later. The numbers
are active milliseconds, interactions, and the deepest scroll on product pages, of which
models/trigger_rules.py says what they are worth. An interaction counts once for each (element,
kind) of a page view, a scroll band once.
"""

from __future__ import annotations

from zlib import crc32

from models.vocabulary import CODES, INTERACTIONS
from schemas.burst import Burst
from schemas.event import Event
from schemas.profile import TOUCHED_MAX, Profile, Tab
from schemas.trigger_bounds import TriggerBounds

BANDS_PPM = (700_000, 900_000)
"""A band begins above its bound: 90 % still belongs to the first, 100 % to the second."""

_LEAVING = frozenset((CODES["hidden"], CODES["page_leave"]))
_BOUGHT = CODES["purchase"]


def closes_at_ms(profile: Profile) -> int:
    """Engine time at which the present burst ends unless something happens before."""
    burst = profile.burst
    by_gap = profile.session.last_ms + burst.gap_ms
    return min(by_gap, burst.left_ms + burst.exit_ms) if burst.left_ms else by_gap


def roll(profile: Profile, now_ms: int, bounds: TriggerBounds) -> None:
    """Begin the first or, where the present one is over at `now_ms`, the next burst."""
    burst = profile.burst
    if burst.number and now_ms <= closes_at_ms(profile):
        return
    following = Burst(
        number=burst.number + 1,
        started_ms=now_ms,
        gap_ms=bounds.burst_gap_ms,
        exit_ms=bounds.exit_ms,
    )
    if burst.number:
        following.ended_ms = closes_at_ms(profile)
        following.ended_active_ms = burst.active_ms
        following.ended_interactions = burst.interactions
        following.ended_scroll_ppm = burst.scroll_ppm
        following.ended_by = burst.left_by if burst.left_ms else 0
        following.ended_bought = burst.bought
    profile.burst = following


def update(profile: Profile, tab: Tab, event: Event, code: int) -> None:
    """Fold one event in; `code` is its type's."""
    burst = profile.burst
    if code in INTERACTIONS:
        mark = code << 16 | _element(event)
        if mark not in tab.touched and len(tab.touched) < TOUCHED_MAX:
            tab.touched.append(mark)
            burst.interactions += 1
    depth = event.scroll_depth_ppm
    if depth is not None:
        if tab.product_id and depth > burst.scroll_ppm:
            burst.scroll_ppm = depth
        if depth > BANDS_PPM[0]:
            _band(burst, tab, 2 if depth > BANDS_PPM[1] else 1)
    if code in _LEAVING:
        burst.left_ms, burst.left_by = profile.session.last_ms, code
    elif burst.left_ms:
        burst.left_ms = 0
    if code == _BOUGHT:
        burst.bought = True


def _band(burst: Burst, tab: Tab, band: int) -> None:
    if not tab.bands & band:
        tab.bands |= band
        burst.interactions += 1


def _element(event: Event) -> int:
    """16 bits that tell the elements of a page apart: the target named, else the product."""
    target = event.properties.get("target")
    if target is None:
        if event.product is None:
            return 0
        target = event.product.id
    return crc32(str(target).encode()) & 0xFFFF
