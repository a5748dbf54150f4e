"""Dedup: exact within a window of 1,024 indexes a (session, tab)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.dedup import CONFLICT, DUPLICATE, FRESH, LATE, TOMBSTONE_MS, WINDOW_BITS, check
from schemas.profile import WINDOWS_MAX, Profile

NOW = 1_790_000_000_000

CASES = [
    ("first event", [], (0, "a"), FRESH),
    ("re-sent event", [(0, "a")], (0, "a"), DUPLICATE),
    ("next event", [(0, "a")], (1, "b"), FRESH),
    ("same index, another id", [(0, "a")], (0, "b"), CONFLICT),
    ("a conflict re-sent", [(0, "a"), (0, "b")], (0, "b"), DUPLICATE),
    ("reordered", [(5, "f")], (4, "e"), FRESH),
    ("reordered and re-sent", [(5, "f"), (4, "e")], (4, "e"), DUPLICATE),
    ("at the floor of the window", [(1023, "z")], (0, "a"), FRESH),
    ("below the floor", [(1024, "z")], (0, "a"), LATE),
    ("far jump", [(0, "a")], (2**31 - 1, "z"), FRESH),
    ("after a far jump", [(0, "a"), (2**31 - 1, "z")], (1, "b"), LATE),
    ("beyond the hashes an index alone decides", [(0, "a"), (64, "z")], (0, "b"), DUPLICATE),
    ("the last index with a hash", [(1, "a"), (64, "z")], (1, "b"), CONFLICT),
]


@pytest.mark.promise("M7", "D2")
@pytest.mark.parametrize(("story", "before", "event", "verdict"), CASES, ids=[c[0] for c in CASES])
def test_verdict_on_one_event(story, before, event, verdict):
    """The table of verdicts."""
    profile = Profile(epoch_ms=NOW)
    for index, event_id in before:
        check(profile, "s", "t", index, event_id, NOW)
    assert check(profile, "s", "t", *event, NOW) == verdict


def naive(events: list[int]) -> list[str]:
    """The obvious program: remember everything, forget below the floor."""
    seen: set[int] = set()
    out = []
    for index in events:
        newest = max(seen, default=-1)
        if newest - index >= WINDOW_BITS:
            out.append(LATE)
        elif index in seen:
            out.append(DUPLICATE)
        else:
            seen.add(index)
            out.append(FRESH)
    return out


@pytest.mark.promise("M7")
@given(st.lists(st.one_of(st.integers(0, 40), st.integers(0, 3000)), max_size=120))
def test_verdicts_agree_with_a_set_that_remembers_everything(indexes):
    """The window is exact where it promises to be."""
    profile = Profile(epoch_ms=NOW)
    verdicts = [check(profile, "s", "t", i, f"id-{i}", NOW) for i in indexes]
    assert verdicts == naive(indexes)


@given(st.permutations(range(60)))
def test_final_window_does_not_depend_on_arrival_order(order):
    """Order-free: same indexes, same mask and hashes."""
    straight, shuffled = Profile(epoch_ms=NOW), Profile(epoch_ms=NOW)
    for profile, indexes in ((straight, range(60)), (shuffled, order)):
        for i in indexes:
            check(profile, "s", "t", i * 17, f"id-{i}", NOW)
    assert straight.windows == shuffled.windows


def test_evicted_window_makes_its_events_late_for_a_day():
    """A tombstone stands for a window pushed out by newer tabs."""
    profile = Profile(epoch_ms=NOW)
    for tab in range(WINDOWS_MAX + 1):
        check(profile, "s", f"t{tab}", 0, f"id-{tab}", NOW + tab)
    assert len(profile.windows) == WINDOWS_MAX
    assert check(profile, "s", "t0", 0, "id-0", NOW + 100) == LATE
    assert check(profile, "s", "t0", 0, "id-0", NOW + 9 + TOMBSTONE_MS) == FRESH


def test_tabs_have_windows_of_their_own():
    """The same index in another tab is another event."""
    profile = Profile(epoch_ms=NOW)
    assert check(profile, "s", "t1", 0, "a", NOW) == FRESH
    assert check(profile, "s", "t2", 0, "b", NOW) == FRESH
