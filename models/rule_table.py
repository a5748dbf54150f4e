"""10 Rule table: the rival that never learns. What owners expect stays in force.

It only counts, so that whatever compares learners can ask it the same questions.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import DecodeError, Struct, msgpack

from models.learner import Arm, UnknownState, in_order, prior_of
from schemas.policy import Quality
from schemas.reward import Reward

LAYOUT = 1


class RuleTable(Struct, frozen=True):
    """The learner of a catalogue that learns nothing.

    >>> table = RuleTable((Arm("WINTER", 10_000_000, base_ppm=30_000),))
    >>> table.qualities(table.learn(table.empty(), [Reward(converted=True)]))["WINTER"].base_ppm
    30000
    """

    arms: tuple[Arm, ...]

    def empty(self) -> int:
        """No rewards."""
        return 0

    def learn(self, state: int, rewards: Sequence[Reward]) -> int:
        """Count them."""
        return state + sum(not each.known for each in in_order(rewards))

    def qualities(self, state: int) -> dict[str, Quality]:
        """What owners expect."""
        return {arm.campaign_id: prior_of(arm) for arm in self.arms}

    def weight(self, state: int) -> float:
        """Rewards seen."""
        return float(state)

    def ece_ppm(self, state: int) -> int:
        """Rules predict nothing."""
        return 0

    def dump(self, state: int) -> bytes:
        """The count as bytes."""
        return msgpack.encode((LAYOUT, state))

    def load(self, data: bytes) -> int:
        """From `dump`. Raises UnknownState."""
        if not data:
            return 0
        try:
            layout, state = msgpack.decode(data, type=tuple[int, int])
        except DecodeError as failure:
            raise UnknownState("these are not the bytes of a count") from failure
        if layout != LAYOUT:
            raise UnknownState(f"layout {layout} of a count is not known to this build")
        return state
