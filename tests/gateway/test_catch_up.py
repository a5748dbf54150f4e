"""Catching up: what a client has missed is told whole, or it is told that it is not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catch_up import Missed, missed
from schemas.decision import Decision
from tests.gateway.samples import make_decision

KEY, TAB, OTHER_TAB = "demo:v:" + "0" * 32, "t1", "t2"
NOW_MS, OVER_MS = 1_000_000, 999_999


def action(seq: int, **changes: Any) -> Decision:
    """An action that is good for a while yet."""
    return make_decision(KEY, seq, **{"expires_at_ms": NOW_MS + 1, **changes})


def told(known: list[Decision], last_seq: int = 0, epoch: Any = 1) -> Missed:
    return missed(known, "s-91", TAB, last_seq=last_seq, epoch=epoch, now_ms=NOW_MS)


RESUMES: list[tuple[str, list[int], int, Any, bool]] = [
    ("nothing is known", [], 3, 1, False),
    ("a first hello", [1, 2], 0, None, False),
    ("all since then", [4, 5], 3, 1, True),
    ("nothing new", [2, 3], 3, 1, True),
    ("the client is ahead of this gateway", [2], 3, 1, True),
    ("one in between is gone", [5], 3, 1, False),
    ("a hole further on", [4, 6], 3, 1, False),
    ("another life of the visitor", [4, 5], 3, 2, False),
    ("an epoch as text", [4, 5], 3, "1", True),
]


@pytest.mark.parametrize(
    ("known", "last_seq", "epoch", "resumed"), [row[1:] for row in RESUMES], ids=str
)
def test_resumed_means_that_nothing_is_missing(
    known: list[int], last_seq: int, epoch: Any, resumed: bool
) -> None:
    assert told([action(seq) for seq in known], last_seq, epoch).resumed is resumed


SHOWN: list[tuple[str, list[Decision], list[int]]] = [
    ("unseen and good", [action(4)], [4]),
    ("seen", [action(3)], []),
    ("past its expiry", [action(4, expires_at_ms=NOW_MS)], []),
    ("another tab's", [action(4, tab_id=OTHER_TAB)], []),
    ("another session's", [action(4, session_id="s-2")], []),
    ("withdrawn since", [action(4), action(5, render=None, cancels=("s_4",))], []),
    ("an older one of its placement", [action(4), action(5)], [5]),
    ("one of each placement", [action(4), action(5, placement="bar")], [4, 5]),
    ("the newer one is over", [action(4), action(5, expires_at_ms=OVER_MS)], [4]),
    ("the first of a slot", [action(4), action(5, slot_id="s_4")], [4]),
    ("of an older life", [action(4), action(1, epoch_ms=2)], [1]),
]


@pytest.mark.parametrize(("known", "shown"), [row[1:] for row in SHOWN], ids=[r[0] for r in SHOWN])
def test_what_is_shown_again(known: list[Decision], shown: list[int]) -> None:
    assert [each.seq for each in told(known, 3).actions] == shown


def test_withdrawals_are_for_every_tab_and_only_those_not_heard_yet() -> None:
    known = [
        action(3, render=None, cancels=("s_1",)),
        action(4, render=None, cancels=("s_2", "s_3"), tab_id=OTHER_TAB),
    ]
    assert told(known, 3).cancels == ("s_2", "s_3")


@given(st.sets(st.integers(1, 12)), st.integers(0, 12))
def test_a_replay_is_whole_or_says_that_it_is_not(held: set[int], last_seq: int) -> None:
    """The oracle counts: every number from the client's to the newest one known."""
    found = told([action(seq, placement=str(seq)) for seq in sorted(held)], last_seq)
    newest = max(held, default=0)
    whole = bool(held) and all(seq in held for seq in range(last_seq + 1, newest + 1))
    assert found.resumed is whole
    assert [each.seq for each in found.actions] == sorted(s for s in held if s > last_seq)
    assert found.seq == max(last_seq, newest)
