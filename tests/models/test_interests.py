"""The interest graph: bounds, the propagation step against exact fractions, what it answers."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.interests import UNIT, band, bands, neighbours, touch, vector
from schemas.profile import Profile, Session
from schemas.sections import LINKS_MAX, NODES_MAX, graph_of

TENTS, STOVES, MAPS = "tents", "stoves", "maps"


def told(*looks: str, session: int = 1, profile: Profile | None = None) -> Profile:
    profile = profile or Profile(epoch_ms=0)
    profile.session = Session(number=session)
    for each in looks:
        touch(profile, each, 1)
    return profile


SHARES = [
    ((), {}),
    ((TENTS,), {TENTS: 1_000_000}),
    ((TENTS, TENTS), {TENTS: 1_000_000}),
    # 3,840 of 7,936 are on tents, and the one link hands a quarter over either way.
    ((TENTS, STOVES), {TENTS: 491_935, STOVES: 508_064}),
]


@pytest.mark.promise("M18", "C40")
@pytest.mark.parametrize(("looks", "expected"), SHARES)
def test_interest_is_shared_out_and_newer_looks_weigh_more(looks, expected):
    """In ppm of all interest."""
    assert vector(told(*looks)) == expected


@pytest.mark.promise("M18", "M20")
def test_interest_spreads_to_what_the_visitor_links():
    """Tents and stoves were linked: tents again make stoves more interesting than maps."""
    linked = vector(told(MAPS, session=2, profile=told(STOVES, TENTS, TENTS, TENTS)))
    apart = told(STOVES)
    for number in (2, 3, 4):
        told(TENTS, session=number, profile=apart)
    unlinked = vector(told(MAPS, session=5, profile=apart))
    assert linked[STOVES] > unlinked[STOVES]
    assert linked[TENTS] < unlinked[TENTS]


def test_a_new_session_links_nothing_to_the_old_one():
    """A week lies between them."""
    profile = told(STOVES, session=2, profile=told(TENTS))
    assert neighbours(profile, TENTS) == {} == neighbours(Profile(0), TENTS)
    assert neighbours(told(MAPS, session=2, profile=profile), STOVES) == {MAPS: 1_000_000}


def test_neighbours_are_shares_of_the_links():
    """Two thirds of the way from tents led to stoves, fading aside."""
    found = neighbours(told(TENTS, STOVES, TENTS, STOVES, TENTS, MAPS), TENTS)
    assert set(found) == {STOVES, MAPS} and found[STOVES] > found[MAPS]
    assert 999_998 <= sum(found.values()) <= 1_000_000


@pytest.mark.promise("C35")
@pytest.mark.parametrize(
    ("percentile", "number"), [(0, 0), (249_999, 0), (250_000, 1), (999_999, 3), (1_000_000, 3)]
)
def test_a_price_band_is_a_quarter_of_the_category(percentile, number):
    """The dearest product is still in the last."""
    assert band(percentile) == number
    profile = Profile(epoch_ms=0)
    touch(profile, TENTS, band(percentile))
    assert bands(profile) == {number: 1_000_000}
    assert bands(Profile(0)) == {}


def exact(profile: Profile) -> dict[str, Fraction]:
    """The naive oracle: one step of a random walk that stays with three quarters."""
    graph = graph_of(profile.graph)
    nodes = {n: w for n, w in zip(graph.names, graph.weights, strict=True) if n[0] == "c"}
    total = sum(nodes.values())
    start = {name: Fraction(weight, total) for name, weight in nodes.items()}
    triples = [graph.links[at : at + 3] for at in range(0, len(graph.links), 3)]
    out = dict(start)
    for name in nodes:
        edges: dict[str, int] = {}
        for a, b, weight in triples:
            if name in (graph.names[a], graph.names[b]):
                other = graph.names[b] if graph.names[a] == name else graph.names[a]
                edges[other] = edges.get(other, 0) + weight
        for other, weight in edges.items():
            moved = start[name] / 4 * Fraction(weight, sum(edges.values()))
            out[name] -= moved
            out[other] += moved
    return {name[1:]: share for name, share in out.items()}


LOOKS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=120
)


@pytest.mark.promise("M18", "M20")
@settings(max_examples=150, deadline=None)
@given(LOOKS)
def test_the_vector_is_one_step_of_the_walk_within_rounding(looks):
    """Bounds hold, nothing is lost, and the stored sums are those of the graph."""
    profile = Profile(epoch_ms=0)
    session = 1
    for category, price_band, jump in looks:
        session += jump == 2
        profile.session = Session(number=session)
        touch(profile, f"category-{category}", price_band)
        graph = graph_of(profile.graph)
        assert len(graph.names) <= NODES_MAX and len(graph.links) <= 3 * LINKS_MAX
        assert graph.names[graph.last] == f"ccategory-{category}"
        ends = zip(graph.links[::3], graph.links[1::3], strict=True)
        assert all(a < b < len(graph.names) for a, b in ends)
    own = [w for n, w in zip(graph.names, graph.weights, strict=True) if n[0] == "c"]
    assert (profile.interest_top, profile.interest_sum) == (max(own), sum(own))
    assert max(own) >= UNIT
    found, oracle = vector(profile), exact(profile)
    assert found.keys() == oracle.keys()
    assert 1_000_000 - len(own) <= sum(found.values()) <= 1_000_000
    for name, share in oracle.items():
        assert abs(found[name] - share * 1_000_000) <= 4 + LINKS_MAX
