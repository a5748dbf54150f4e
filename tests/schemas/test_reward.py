"""Rewards as bytes between operators."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.reward import NOTHING, Reward

INT64 = st.integers(-(2**63), 2**63 - 1)


@given(st.from_type(str), INT64, st.dictionaries(st.text(max_size=8), INT64, max_size=8))
def test_a_reward_is_read_as_it_was_written(
    name: str, number: int, context: dict[str, int]
) -> None:
    made = Reward(slot_id=name, reward_micros=number, context=context, correction=True)
    assert Reward.load(made.dump()) == made


def test_the_order_of_a_context_changes_no_byte() -> None:
    one, other = {"a": 1, "b": 2}, {"b": 2, "a": 1}
    assert Reward(context=one).dump() == Reward(context=other).dump()


def test_a_withheld_winner_teaches_doing_nothing() -> None:
    assert Reward(campaign_id="WINTER").arm == "WINTER"
    assert Reward(campaign_id="WINTER", withheld="holdout").arm == NOTHING


def test_a_later_writer_may_add_a_field_and_nobody_may_change_a_type() -> None:
    more = msgspec.msgpack.encode({"slot_id": "s", "colour": "red"})
    assert Reward.load(more) == Reward(slot_id="s")
    with pytest.raises(msgspec.ValidationError):
        Reward.load(msgspec.msgpack.encode({"slot_id": 1}))
