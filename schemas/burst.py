"""3 Burst: the shorter of the two clocks over a visit, for rules about sustained attention."""

from __future__ import annotations

from msgspec import Struct


class Burst(Struct, array_like=True):
    """Activity without a gap of `gap_ms`, and what is left of the one before (`ended_*`).

    `interactions` count each (element, kind) and scroll band once a page; `scroll_ppm` is the
    deepest on product pages; `left_ms` is when the page was left or hidden, 0 after a return, and
    `left_by` the code of that event.
    """

    number: int = 0
    started_ms: int = 0
    gap_ms: int = 0
    exit_ms: int = 0
    active_ms: int = 0
    interactions: int = 0
    scroll_ppm: int = 0
    left_ms: int = 0
    left_by: int = 0
    bought: bool = False
    ended_ms: int = 0
    ended_active_ms: int = 0
    ended_interactions: int = 0
    ended_scroll_ppm: int = 0
    ended_by: int = 0
    ended_bought: bool = False
