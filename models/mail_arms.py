"""8 Mail arms: when a message is due, drawn once a visitor so that timings can be compared.

Whoever leaves by an exit, or is caught in the session, is spread over six arms. A burst that a gap
closed is known only at the end of the gap, which rules the two early arms out; such visitors are
spread over the other four and reported apart. The draw is keyed by the site's salt and names no
burst, so a visitor keeps the arm for life (promises Q8).
"""

from __future__ import annotations

from schemas.ids import MILLION, draw_ppm

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
NOBODY = "A0"
DELAYS_MS = {
    "A0": 0,
    "A1": MINUTE_MS,
    "A2": 90_000,
    "A3": 0,
    "A4": 24 * HOUR_MS,
    "A5": 48 * HOUR_MS,
}
"""Arm -> time from the trigger until it is due; A0 sends nothing."""

SPREAD_MS = {"A5": 24 * HOUR_MS}
"""Arm -> further time over which its visitors are spread."""

EXIT, GAP = "exit", "gap"
ARMS = {EXIT: ("A0", "A1", "A2", "A3", "A4", "A5"), GAP: ("A0", "A3", "A4", "A5")}
"""How the visit ended -> the arms of that test."""


def arm_of(salt: bytes, user_key: str, timing: str) -> str:
    """The visitor's arm in the test of this timing, `exit` or `gap`; all have an equal share."""
    arms = ARMS[timing]
    return arms[draw_ppm(salt, "mail_arm", user_key) * len(arms) // MILLION]


def due_ms(salt: bytes, user_key: str, arm: str, at_ms: int) -> int:
    """Engine time at which the message of an arm is due."""
    spread = SPREAD_MS.get(arm, 0)
    later = draw_ppm(salt, "mail_spread", user_key) * spread // MILLION if spread else 0
    return at_ms + DELAYS_MS[arm] + later
