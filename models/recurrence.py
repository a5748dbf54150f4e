"""4 Recurrence: a visitor's hidden state, whose it is, and the newest inputs to make it anew.

The network steps once on every event that is applied and fresh, in log order. So:

1. Every such event of a session is a step: where one would be skipped, because no model or a stale
   one is in force, the state is dropped and not carried over the gap.
2. A session starts from zeros. What earlier sessions were is in the inputs (returning, orders,
   activity), how long ago something was too (gap and age), so that nothing fades by itself.
3. A hidden state means nothing to other weights. It bears the mark of its model; under another
   mark the newest 32 inputs are stepped again, unless the new model reads other inputs.
4. Events of an offline queue (stale) are no steps: they came too late to be in order.

Inputs are kept as one byte a value, 1/16 each, up to 15.94: the newest whole, each earlier one as
what differs from its follower, (place, value) by (place, value).
"""

from __future__ import annotations

from zlib import crc32

from models.intent import Scorer
from models.loops import IN_PYTHON, SIXTEENTHS, Loops
from schemas.model import Model
from schemas.profile import EARLIER_BYTES_MAX, EARLIER_MAX, Profile

_INPUTS_BITS = 31
_INPUTS_MASK = (1 << _INPUTS_BITS) - 1


def mark_of(model: Model) -> int:
    """Names the weights and the inputs of a model with a hidden state, in 63 bits; else 0."""
    if not model.hidden_size:
        return 0
    inputs = crc32("\n".join(model.features).encode()) & _INPUTS_MASK
    return int(model.sha256[:8], 16) << _INPUTS_BITS | inputs


def resume(profile: Profile, mark: int, scorer: Scorer) -> None:
    """Make the hidden state that of the model with this mark, before its step on an event."""
    if profile.session.events == 1:
        forget(profile)
    if profile.hidden_mark == mark:
        return
    same_inputs = not (profile.hidden_mark ^ mark) & _INPUTS_MASK
    known = newest_inputs(profile) if same_inputs else []
    if not known:
        forget(profile)
    profile.hidden, profile.hidden_mark = b"", mark
    for vector in known:
        _, profile.hidden = scorer.step(vector, profile.hidden)


def forget(profile: Profile) -> None:
    """No state and no inputs, as for a visitor who has just come."""
    if profile.hidden_mark:
        profile.hidden, profile.hidden_mark = b"", 0
        profile.inputs, profile.earlier = b"", []


def remember(profile: Profile, vector: list[float], loops: Loops = IN_PYTHON) -> None:
    """Keep the vector of the step just made, each value in [0, 15.94]."""
    now = loops.rounded(vector)
    before, profile.inputs = profile.inputs, now
    if not before:
        return
    earlier = [loops.differing(before, now), *profile.earlier[: EARLIER_MAX - 1]]
    while sum(map(len, earlier)) > EARLIER_BYTES_MAX:
        earlier.pop()
    profile.earlier = earlier


def newest_inputs(profile: Profile) -> list[list[float]]:
    """The vectors that are kept, the oldest first, each value rounded down to a sixteenth."""
    if not profile.inputs:
        return []
    values = list(profile.inputs)
    out = [[each / SIXTEENTHS for each in values]]
    for differs in profile.earlier:
        for at in range(0, len(differs), 2):
            values[differs[at]] = differs[at + 1]
        out.append([each / SIXTEENTHS for each in values])
    return out[::-1]
