"""Which actions the demo shows: each campaign's share in the last minute and in the one before."""

from __future__ import annotations

from collections import Counter, deque

from schemas.decision import Decision

WINDOW_MS = 60_000
SHOWN_MAX = 20_000
"""Decisions kept; two minutes of a demo hold a few hundred."""


class Mix:
    """Fold decisions in, ask for shares; time is that of the newest decision."""

    def __init__(self) -> None:
        self._shown: deque[tuple[int, str]] = deque(maxlen=SHOWN_MAX)

    def update(self, decision: Decision) -> None:
        """Count a decision that shows something."""
        if decision.render is not None:
            self._shown.append((decision.decided_at_ms, decision.campaign_id))

    def get(self) -> list[dict[str, object]]:
        """Campaigns by their share now, each with `share` and `before` in [0, 1]."""
        newest_ms = max((at_ms for at_ms, _ in self._shown), default=0)
        while self._shown and self._shown[0][0] <= newest_ms - 2 * WINDOW_MS:
            self._shown.popleft()
        now: Counter[str] = Counter()
        before: Counter[str] = Counter()
        for at_ms, name in self._shown:
            (now if at_ms > newest_ms - WINDOW_MS else before)[name] += 1
        names = sorted({*now, *before}, key=lambda name: (-now[name], name))
        return [
            {"campaign_id": name, "share": _share(now, name), "before": _share(before, name)}
            for name in names
        ]


def _share(counts: Counter[str], name: str) -> float:
    return round(counts[name] / max(counts.total(), 1), 3)
