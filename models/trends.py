"""5 Trends: how each score moves, as a fast average minus a slow one.

Averages fade in continuous engine time (half-lives of 1 and 10 minutes), so that ten events in a
second weigh no more than the second does: the state of a visitor is a direction and not only a
point. Time is taken in ticks of 1,024 ms; what is left of one counts next time. Averages are kept
in 256ths of a ppm. Integers only: the share that an average moves comes from a table.
"""

from __future__ import annotations

from decimal import Decimal

from models.loops import FINE_BITS, IN_PYTHON, SHARE_BITS, Loops
from schemas.profile import Profile

TICK_BITS = 10
FAST_MS, SLOW_MS = 60_000, 600_000
_ONE = 1 << SHARE_BITS
_HALF_LIVES = 8
"""After this many an average has arrived."""


def _moves(half_life_ms: int) -> list[int]:
    """1 - 2^-(ticks / half-life) in 2^-20; decimal's power is the same on every machine."""
    ticks = Decimal(half_life_ms) / (1 << TICK_BITS)
    kept = int((Decimal(1 << 60) * Decimal(2) ** (-1 / ticks)).to_integral_value())
    left, out = 1 << 60, []
    for _ in range(int(ticks) * _HALF_LIVES):
        out.append(_ONE - (left >> 40))
        left = left * kept >> 60
    return out


FAST, SLOW = _moves(FAST_MS), _moves(SLOW_MS)


def update(profile: Profile, loops: Loops = IN_PYTHON) -> None:
    """Move the averages of all scores towards the present ones, by the time since the last."""
    scores, averages = profile.scores, profile.trends
    if len(averages) != 2 * len(scores):
        goals = [score << FINE_BITS for score in scores]
        profile.trends, profile.trend_ms = goals + goals, profile.now_ms
        return
    ticks = profile.now_ms - profile.trend_ms >> TICK_BITS
    if ticks <= 0:
        return
    fast = FAST[ticks] if ticks < len(FAST) else _ONE
    slow = SLOW[ticks] if ticks < len(SLOW) else _ONE
    profile.trends = loops.moved(averages, scores, fast, slow)
    profile.trend_ms += ticks << TICK_BITS


def trend_ppm(profile: Profile, index: int) -> int:
    """Fast minus slow average of score `index`, in ppm of [-1, 1]; 0 before there is one."""
    count = len(profile.scores)
    if len(profile.trends) != 2 * count or index >= count:
        return 0
    return profile.trends[index] - profile.trends[count + index] >> FINE_BITS
