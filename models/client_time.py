"""3 Client time: differences of a browser's clock, made harmless.

A duration comes from two stamps of one tab; a wrong or changed clock can make it neither negative
nor longer than a session's gap.
"""

from __future__ import annotations

CLIP_MS = 30 * 60 * 1000


def clipped_ms(duration_ms: int) -> int:
    """A duration of the client's clock within [0, 30 min]."""
    if duration_ms <= 0:
        return 0
    return duration_ms if duration_ms < CLIP_MS else CLIP_MS
