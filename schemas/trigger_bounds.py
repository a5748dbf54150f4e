"""Trigger bounds: the numbers of the trigger rules, versioned with the catalogue they ship in."""

from __future__ import annotations

from msgspec import Struct


class TriggerBounds(Struct, frozen=True, kw_only=True):
    """Bounds of models/trigger_rules.py; units as named, limits in LIMITS."""

    debounce_ms: int = 300
    burst_gap_ms: int = 90_000
    exit_ms: int = 5_000
    active_medium_ms: int = 30_000
    active_high_ms: int = 60_000
    interactions_medium: int = 3
    interactions_deep: int = 4
    interactions_high: int = 5
    scroll_medium_ppm: int = 500_000
    scroll_deep_ppm: int = 800_000


LIMITS = {
    "debounce_ms": (100, 2_000),
    "burst_gap_ms": (30_000, 600_000),
    "exit_ms": (1_000, 30_000),
    "active_medium_ms": (10_000, 300_000),
    "active_high_ms": (20_000, 600_000),
    "interactions_medium": (2, 50),
    "interactions_deep": (3, 100),
    "interactions_high": (4, 200),
    "scroll_medium_ppm": (100_000, 900_000),
    "scroll_deep_ppm": (200_000, 990_000),
}
"""Field -> (smallest, largest) that a catalogue may set."""

ASCENDING = (
    ("active_medium_ms", "active_high_ms"),
    ("interactions_medium", "interactions_deep", "interactions_high"),
    ("scroll_medium_ppm", "scroll_deep_ppm"),
)
"""Fields that must grow from left to right, so that the rules stay disjoint and monotone."""
