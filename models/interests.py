"""3 Interests: a graph of at most 32 edges around one visitor, and what it says of categories.

1. A product view touches two nodes, its category and its price band: all edges fade by 1/16, the
   touched ones gain a unit. Coming from another category of the same session links the two.
2. At most 14 categories and 12 links stay: the weakest go first, ties by name.
3. `vector` spreads interest once over the links: a category keeps three quarters of its share and
   hands the rest to its neighbours in proportion to their links. Whoever has looked at tents and
   then at stoves, and looks at tents again, is a little interested in stoves.

All in integers, so that every process finds the same vector.
"""

from __future__ import annotations

from schemas.layouts import CATEGORY
from schemas.profile import Profile
from schemas.sections import LINKS_MAX, NODES_MAX, Graph, graph_of, packed

UNIT = 4096
BAND = "b"
BANDS = 4
MILLION = 1_000_000
_CATEGORIES_MAX = NODES_MAX - BANDS


def touch(profile: Profile, category: str, band: int) -> None:
    """A product of `category` was looked at, in price band 0 (cheap) to 3 of its category."""
    profile.graph, profile.interest_top, profile.interest_sum = touched(
        profile.graph, profile.session.number, category, band
    )


def touched(section: bytes, number: int, category: str, band: int) -> tuple[bytes, int, int]:
    """The graph after a look in session `number`, its largest category's edge, and the sum."""
    graph = graph_of(section) if section else Graph()
    graph.weights = [weight - (weight >> 4) for weight in graph.weights]
    graph.links = [
        each - (each >> 4) if at % 3 == 2 else each for at, each in enumerate(graph.links)
    ]
    _gain(graph, f"{BAND}{band}")
    at = _gain(graph, CATEGORY + category)
    if graph.session == number and graph.last not in (-1, at):
        _link(graph, min(graph.last, at), max(graph.last, at))
    graph.last, graph.session = at, number
    if len(graph.names) > _CATEGORIES_MAX:
        _prune(graph)
    own = [each for name, each in zip(graph.names, graph.weights, strict=True) if name[0] == "c"]
    return packed(graph), max(own), sum(own)


def band(percentile_ppm: int) -> int:
    """The quarter of its category that a price lies in, 0 to 3."""
    return min(percentile_ppm * BANDS // MILLION, BANDS - 1)


def _gain(graph: Graph, name: str) -> int:
    """Add a unit to a node's edge; returns the node's index."""
    try:
        at = graph.names.index(name)
    except ValueError:
        graph.names.append(name)
        graph.weights.append(UNIT)
        return len(graph.names) - 1
    graph.weights[at] += UNIT
    return at


def _link(graph: Graph, a: int, b: int) -> None:
    links = graph.links
    for at in range(0, len(links), 3):
        if links[at] == a and links[at + 1] == b:
            links[at + 2] += UNIT
            return
    links += (a, b, UNIT)
    if len(links) > 3 * LINKS_MAX:
        triples = _triples(links)
        weakest = min(triples, key=lambda link: (link[2], link))
        graph.links = [each for link in triples if link is not weakest for each in link]


def _triples(links: list[int]) -> list[tuple[int, int, int]]:
    return list(zip(links[::3], links[1::3], links[2::3], strict=True))


def _prune(graph: Graph) -> None:
    """Drop the weakest category beyond the bound, its links with it."""
    nodes = [
        (weight, name, at)
        for at, (name, weight) in enumerate(zip(graph.names, graph.weights, strict=True))
        if name[0] == CATEGORY and at != graph.last
    ]
    if len(nodes) < _CATEGORIES_MAX:
        return
    gone = min(nodes, key=lambda node: (node[0], node[1]))[2]
    del graph.names[gone], graph.weights[gone]
    graph.links = [
        each
        for a, b, weight in _triples(graph.links)
        if gone not in (a, b)
        for each in (a - (a > gone), b - (b > gone), weight)
    ]
    graph.last -= graph.last > gone


def vector(profile: Profile) -> dict[str, int]:
    """Category -> interest in ppm after one step over the links; sums to just under a million."""
    if not profile.graph:
        return {}
    graph = graph_of(profile.graph)
    total = profile.interest_sum
    own = {
        at: weight * MILLION // total
        for at, (name, weight) in enumerate(zip(graph.names, graph.weights, strict=True))
        if name[0] == CATEGORY
    }
    out, strength = dict(own), dict.fromkeys(own, 0)
    links = _triples(graph.links)
    for a, b, weight in links:
        strength[a] += weight
        strength[b] += weight
    for a, b, weight in links:
        for giver, taker in ((a, b), (b, a)):
            given = (own[giver] >> 2) * weight // strength[giver]
            out[giver] -= given
            out[taker] += given
    return {graph.names[at][1:]: ppm for at, ppm in out.items()}


def neighbours(profile: Profile, category: str) -> dict[str, int]:
    """Category -> share in ppm of the links that `category` has."""
    if not profile.graph:
        return {}
    graph = graph_of(profile.graph)
    found: dict[str, int] = {}
    for a, b, weight in _triples(graph.links):
        for one, other in ((a, b), (b, a)):
            if graph.names[one] == CATEGORY + category:
                found[graph.names[other][1:]] = weight
    total = sum(found.values())
    return {name: weight * MILLION // total for name, weight in found.items()}


def bands(profile: Profile) -> dict[int, int]:
    """Price band -> share of the visitor's looks in ppm, newer ones weighing more."""
    if not profile.graph:
        return {}
    graph = graph_of(profile.graph)
    found = {
        int(name[1:]): weight
        for name, weight in zip(graph.names, graph.weights, strict=True)
        if name[0] == BAND
    }
    total = sum(found.values())
    return {number: weight * MILLION // total for number, weight in found.items()}
