"""9 Baskets: the sessions of a user, told to learning by site once they are over.

Wraps models/baskets.py, beside operators/relate.py in the hop by user. Flink owns one bytes value a
user, at most 13 KiB, cleared half an hour after the last look or purchase, or when the user is
erased; at most one timer a user matters, that of its next session's end.
"""

from __future__ import annotations

from models import baskets
from operators.engine import State, Timers
from operators.learning_shell import Out
from schemas import basket
from schemas.basket import Baskets, Session
from schemas.event import Event
from schemas.lesson import SESSION


def element(event: Event, key: str, state: State, timers: Timers) -> Out:
    """One event of a user, whatever it is."""
    if not baskets.tells(event):
        return []
    held = basket.load(state.value())
    ended = baskets.seen(held, event)
    _keep(held, state, timers)
    return _told(key, ended)


def timer(at_ms: int, key: str, state: State, timers: Timers) -> Out:
    """Engine time has passed a moment at which a session of the user may have ended."""
    data = state.value()
    if data is None:
        return []
    held = basket.load(data)
    ended = baskets.over(held, at_ms)
    held.timer_ms = 0 if held.timer_ms <= at_ms else held.timer_ms
    _keep(held, state, timers)
    return _told(key, ended)


def _keep(held: Baskets, state: State, timers: Timers) -> None:
    if not held.open:
        return state.clear()
    if not held.timer_ms:
        held.timer_ms = baskets.next_ms(held)
        timers.register_event_time_timer(held.timer_ms)
    return state.update(basket.dump(held))


def _told(key: str, ended: list[Session]) -> Out:
    site = key.split(":", 1)[0]
    return [(site, SESSION + each.dump()) for each in ended if each.groups]
