"""2-7 The step from state bytes to state bytes, as an engine makes it with each record."""

from __future__ import annotations

from models import deadlines
from models.context import Context
from models.effects import Effect
from models.user import CANCELLING, NO_STOPWATCH, Stopwatch, Trace, conclude, step
from schemas.event import Event
from schemas.profile import Profile, dump, load

PLAIN = Trace("fresh")


def step_state(
    state: bytes | None,
    event: Event,
    user_key: str,
    context: Context,
    stopwatch: Stopwatch = NO_STOPWATCH,
) -> tuple[bytes | None, list[Effect], Trace]:
    """`models.user.step` with bytes in and out. Raises UnknownLayout for state of another build."""
    if state is not None and context.plain is not None:
        folded = context.plain.folded(state, event, user_key, context, stopwatch)
        if folded is not None:
            data, inputs = folded
            if inputs is None:
                return data, [], PLAIN
            stopwatch.lap("intent")
            decided = context.plain.decided(data, inputs, event, user_key, context, stopwatch)
            if decided is not None:
                return *decided, PLAIN
            profile = load(data)
            assert profile is not None
            effects = resumed(profile, inputs, event, user_key, context, stopwatch)
            return dump(profile), effects, PLAIN
    before = load(state)
    stopwatch.lap("state")
    after, effects, trace = step(before, event, user_key, context, stopwatch)
    return None if after is None else dump(after), effects, trace


def resumed(
    profile: Profile,
    inputs: list[float],
    event: Event,
    user_key: str,
    context: Context,
    stopwatch: Stopwatch = NO_STOPWATCH,
) -> list[Effect]:
    """The rest of the step on an event that asks, folded into the profile up to there."""
    effects: list[Effect] = []
    view, tab = context.at(event.site, profile.now_ms), profile.tabs[-1]
    conclude(profile, tab, event, user_key, view, inputs, [], effects, stopwatch)
    if event.type in CANCELLING:
        deadlines.run(profile, profile.now_ms, user_key, context, effects)
    deadlines.set_timer(profile, effects)
    return effects
