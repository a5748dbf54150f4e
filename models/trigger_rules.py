"""7 Trigger rules: what a burst of attention is worth, and when a message may follow it.

1. A burst is (active ms, interactions, deepest product-page scroll in ppm): three numbers.
2. The rules are an ordered table over them, made from the catalogue's bounds; the first match wins
   and the last rules take what is left, so that every burst has exactly one.
3. More of any of the three never lowers intent or trigger, so within a burst both only rise. One
   scroll or hover alone is far from any trigger.
"""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from schemas.trigger_bounds import TriggerBounds

LOW, MEDIUM, HIGH = "low", "medium", "high"
NO_TRIGGER, AT_CLOSE, IN_SESSION = "none", "at_close", "in_session"
INTENTS = (LOW, MEDIUM, HIGH)
TRIGGER_ORDER = (NO_TRIGGER, AT_CLOSE, IN_SESSION)
"""From weakest to strongest: `at_close` waits for the end of the burst."""

CART_ABANDONED = "cart_abandoned"
CAUSES = (IN_SESSION, AT_CLOSE, CART_ABANDONED)
"""What may ask for a message outside the page."""

_ANY = (0, 1 << 62)


class TriggerRule(Struct, frozen=True):
    """One row: inclusive ranges of active ms, interactions and scroll, and what they mean."""

    number: int
    active_ms: tuple[int, int]
    interactions: tuple[int, int]
    scroll_ppm: tuple[int, int]
    intent: str
    trigger: str

    def matches(self, active_ms: int, interactions: int, scroll_ppm: int) -> bool:
        """Whether a burst falls into this row."""
        return (
            self.active_ms[0] <= active_ms <= self.active_ms[1]
            and self.interactions[0] <= interactions <= self.interactions[1]
            and self.scroll_ppm[0] <= scroll_ppm <= self.scroll_ppm[1]
        )


@lru_cache(maxsize=256)
def rules(bounds: TriggerBounds) -> tuple[TriggerRule, ...]:
    """The ordered table under these bounds."""
    b, top = bounds, _ANY[1]
    few, enough = (0, b.interactions_medium - 1), (b.interactions_medium, top)
    between = (b.interactions_medium, b.interactions_high - 1)
    short = (0, b.active_medium_ms - 1)
    middle, long = (b.active_medium_ms, b.active_high_ms), (b.active_high_ms + 1, top)
    deep, shallow = (b.scroll_deep_ppm + 1, top), (0, b.scroll_deep_ppm)
    some, little = (b.scroll_medium_ppm, top), (0, b.scroll_medium_ppm - 1)
    return (
        TriggerRule(1, _ANY, few, _ANY, LOW, NO_TRIGGER),
        TriggerRule(2, short, enough, _ANY, LOW, NO_TRIGGER),
        TriggerRule(3, middle, enough, _ANY, MEDIUM, NO_TRIGGER),
        TriggerRule(4, long, (b.interactions_deep, top), deep, HIGH, IN_SESSION),
        TriggerRule(5, long, (b.interactions_high, top), shallow, HIGH, AT_CLOSE),
        TriggerRule(6, long, between, some, MEDIUM, AT_CLOSE),
        TriggerRule(7, long, between, little, MEDIUM, NO_TRIGGER),
    )


def rule_of(
    bounds: TriggerBounds, active_ms: int, interactions: int, scroll_ppm: int
) -> TriggerRule:
    """The row of a burst. All three are >= 0; a wrong input never gets this far (validity.py)."""
    assert active_ms >= 0 and interactions >= 0 and scroll_ppm >= 0
    for rule in rules(bounds):
        if rule.matches(active_ms, interactions, scroll_ppm):
            return rule
    raise AssertionError("the table is total")
