"""2-7 The step from state bytes to state bytes, as an engine makes it with each record."""

from __future__ import annotations

from models.context import Context
from models.effects import Effect
from models.user import NO_STOPWATCH, Stopwatch, Trace, step
from schemas.event import Event
from schemas.profile import dump, load

PLAIN = Trace("fresh")


def folded(state: bytes | None, event: Event, user_key: str, context: Context) -> bytes | None:
    """State bytes after a plain event; None where the step itself has to be made."""
    if state is None or context.plain is None:
        return None
    return context.plain.folded(state, event, user_key, context)


def step_state(
    state: bytes | None,
    event: Event,
    user_key: str,
    context: Context,
    stopwatch: Stopwatch = NO_STOPWATCH,
) -> tuple[bytes | None, list[Effect], Trace]:
    """`models.user.step` with bytes in and out. Raises UnknownLayout for state of another build."""
    plain = folded(state, event, user_key, context)
    if plain is not None:
        return plain, [], PLAIN
    after, effects, trace = step(load(state), event, user_key, context, stopwatch)
    return None if after is None else dump(after), effects, trace
