"""The loops of a step in C: byte for byte what models.loops says."""

from __future__ import annotations

from shutil import which

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.workloads import ConstantScorer, context, mix
from connectors.loops import loops
from infra.setup.native import COMPILERS
from models.loops import IN_PYTHON, SHARE_BITS
from models.user import step
from schemas.profile import dump, load

ppm = st.integers(0, 1_000_000)
shares = st.integers(0, 1 << SHARE_BITS)
edges = st.sampled_from((0.0, -0.0, 1 / 16, 15.9375, 15.99, 16.0, -0.01, 1e300, -1e300))


@given(st.lists(st.one_of(edges, st.floats(-20, 40)), max_size=256))
def test_values_are_rounded_alike(vector):
    """Whatever lies outside a byte too."""
    assert loops().rounded(vector) == IN_PYTHON.rounded(vector)


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)), max_size=256))
def test_differences_are_found_alike(pairs):
    """Every place of a byte, whether few or all differ."""
    before, now = bytes(one for one, _ in pairs), bytes(two for _, two in pairs)
    assert loops().differing(before, now) == IN_PYTHON.differing(before, now)


@given(st.lists(st.tuples(ppm, st.integers(0, 1 << 28), st.integers(0, 1 << 28))), shares, shares)
def test_averages_move_alike(rows, fast, slow):
    """Upwards and downwards, where the shift rounds to the lower one."""
    scores = [score for score, _, _ in rows]
    averages = [old for _, old, _ in rows] + [old for _, _, old in rows]
    expected = IN_PYTHON.moved(averages, scores, fast, slow)
    assert loops().moved(averages, scores, fast, slow) == expected


bucket = st.integers(0, 40)
counts = st.lists(st.integers(0, 1 << 40), min_size=1, max_size=12)


@given(
    st.lists(st.tuples(bucket, counts), min_size=4, max_size=4),
    st.lists(bucket, max_size=6),
    st.one_of(bucket, st.integers(0, 1 << 40)),
)
def test_events_are_counted_alike(given_, at, now):
    """In the newest bucket, older and newer ones; also where an age has no bit left."""
    told = []
    for made in (IN_PYTHON, loops()):
        every = [[newest, *amounts] for newest, amounts in given_]
        for each in at:
            made.count(every, each * 60_000)
        told.append((every, made.counted_milli(every, now * 600_000)))
    assert told[0] == told[1]


@pytest.mark.parametrize("made", [IN_PYTHON, loops()], ids=["Python", "built"])
def test_what_does_not_fit_together_is_refused(made):
    """As zip would: no list is read past its end."""
    with pytest.raises(ValueError):
        made.differing(b"\1\2", b"\1")
    with pytest.raises(ValueError):
        made.moved([1, 2, 3], [1], 1, 1)
    with pytest.raises(ValueError):
        made.rounded([float("nan")])
    with pytest.raises(ValueError):
        made.count([[0, 1]], 60_000)
    with pytest.raises(ValueError):
        made.qualities(np.zeros((3, 2), np.int64), [1])
    with pytest.raises(ValueError):
        made.differing(bytes(257), b"\1" * 257)


small = st.integers(0, 40)


@given(st.lists(st.tuples(small, small, st.booleans()), max_size=200), st.integers(1, 900))
def test_the_best_are_ranked_alike(rows, least):
    """Most products are forced ties; the order of ties is any, and so is who bids."""
    order = sorted(range(len(rows)), key=lambda at: (rows[at][0] % 7, at))
    those = np.array([at for at in order if rows[at][2]], np.int64)
    bidding = sum(1 << int(at) for at in those)
    columns = [np.array([row[which] for row in rows], np.int64) for which in (0, 1)]
    told = (*columns, those, bidding, least, 10)
    assert loops().ranked(*told) == IN_PYTHON.ranked(*told)


weights = st.integers(-(10**12), 10**12)


@given(st.lists(st.tuples(weights, weights, weights), max_size=40), st.tuples(ppm, ppm))
def test_qualities_are_found_alike(rows, scores):
    """Below zero and above a million too."""
    table = np.array(rows, np.int64).reshape(len(rows), 3)
    told = (table, [*scores, 1_000_000])
    assert loops().qualities(*told).tolist() == IN_PYTHON.qualities(*told).tolist()


def test_a_step_leaves_the_same_state_with_either():
    """Bytes of state and effects, over the mix of the benchmark."""
    told = []
    for made in (IN_PYTHON, loops()):
        ctx, states, effects = context(make_scorer=ConstantScorer, loops=made), {}, []
        for event in mix(1_000, 40):
            key = event.user_key
            profile, asked, _ = step(load(states.get(key)), event, key, ctx)
            states[key] = dump(profile)
            effects.append(asked)
        told.append((states, effects))
    assert told[0] == told[1]


@pytest.mark.skipif(not any(map(which, COMPILERS)), reason="no C compiler, as set-up says")
def test_the_loops_run_in_c():
    """Were they not built, the figures would be those of Python."""
    assert loops() is not IN_PYTHON, "run python -m connectors.native_build"
