"""5 Trends: how each score moves, as a fast average minus a slow one.

Averages fade in continuous engine time (half-lives of 1 and 10 minutes), so that ten events in a
second weigh no more than the second does. The state of a visitor is thus a direction and not
only a point. Integers only: the share that an average moves comes from a table.
"""

from __future__ import annotations

from decimal import Decimal

from schemas.profile import Profile

FAST_MS, SLOW_MS = 60_000, 600_000
_STEPS = 64
_SHIFT = 20
_HALF = 1 << (_SHIFT - 1)
_HALF_LIVES = 16


def _moves() -> list[int]:
    """1 - 2^-(i/64) in 2^-20, up to 16 half-lives; decimal's power is the same everywhere."""
    one = Decimal(1 << _SHIFT)
    return [
        int((one - one / Decimal(2) ** (Decimal(each) / _STEPS)).to_integral_value())
        for each in range(_STEPS * _HALF_LIVES + 2)
    ]


_MOVES = _moves()


def update(profile: Profile) -> None:
    """Move the averages of all scores towards the present ones, by the time since the last."""
    scores = profile.scores
    count = len(scores)
    trends = profile.trends
    if len(trends) != 2 * count:
        profile.trends, profile.trend_ms = scores + scores, profile.now_ms
        return
    passed_ms = profile.now_ms - profile.trend_ms
    if passed_ms <= 0:
        return
    fast, slow = share(passed_ms, FAST_MS), share(passed_ms, SLOW_MS)
    profile.trends = [
        average + ((score - average) * fast + _HALF >> _SHIFT)
        for average, score in zip(trends, scores, strict=False)
    ] + [
        average + ((score - average) * slow + _HALF >> _SHIFT)
        for average, score in zip(trends[count:], scores, strict=True)
    ]
    profile.trend_ms = profile.now_ms


def share(passed_ms: int, half_life_ms: int) -> int:
    """How much of the way an average moves in `passed_ms`, in 2^-20."""
    at, rest = divmod(min(passed_ms, _HALF_LIVES * half_life_ms) * _STEPS, half_life_ms)
    return _MOVES[at] + (_MOVES[at + 1] - _MOVES[at]) * rest // half_life_ms


def trend_ppm(profile: Profile, index: int) -> int:
    """Fast minus slow average of score `index`, in ppm of [-1, 1]; 0 before there is one."""
    count = len(profile.scores)
    if len(profile.trends) != 2 * count or index >= count:
        return 0
    return profile.trends[index] - profile.trends[count + index]
