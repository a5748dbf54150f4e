"""9-10 Reward: what one slot brought, as attribution closes it and learning reads it."""

from __future__ import annotations

from msgspec import Struct, msgpack

NOTHING = ""
"""The campaign id of doing nothing, which is an arm like any other."""

MODEL, RULE, FALLBACK = "model", "rule", "fallback"


class Reward(Struct, frozen=True, kw_only=True, gc=False):
    """What became of one slot: one reward a slot id, and at most one correction.

    `campaign_id` is what the visitor was to be shown, empty for doing nothing; with `withheld` it
    is the winner that was not shown. `context` are the decision's concepts and scores in ppm.
    `reward_micros` is the margin of the orders in the window (or 1,000,000 a conversion or click,
    as the site's settings say) and may be negative. A `correction` is a late positive that takes
    the place of the slot's earlier negative. `counted`: learning was told of the decision when it
    was taken (models/attribution.py). `closed_at_ms` is engine time: of the order for a
    positive, of the window's end for a negative.
    """

    site: str = ""
    slot_id: str = ""
    decision_id: str = ""
    user_key: str = ""
    decided_at_ms: int = 0
    closed_at_ms: int = 0
    campaign_id: str = NOTHING
    placement: str = "page"
    withheld: str = ""
    source: str = MODEL
    explored: bool = False
    propensity_ppm: int = 0
    context: dict[str, int] = {}
    converted: bool = False
    reward_micros: int = 0
    impression: bool = False
    click: bool = False
    dismiss: bool = False
    correction: bool = False
    policy_version: int = 0
    counted: bool = False

    @property
    def known(self) -> bool:
        """Whether learning has counted the decision before, as one that brought nothing."""
        return self.counted or self.correction

    @property
    def arm(self) -> str:
        """What the visitor got: a withheld winner was shown to nobody, so it is doing nothing."""
        return NOTHING if self.withheld else self.campaign_id

    def dump(self) -> bytes:
        """As bytes between operators: the same reward, the same bytes."""
        return msgpack.encode(self, order="sorted")

    @classmethod
    def load(cls, data: bytes) -> Reward:
        """From `dump`; unknown fields are ignored. Raises msgspec.DecodeError."""
        return msgpack.decode(data, type=cls)
