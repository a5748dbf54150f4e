"""3 Identity: two profiles of one person become one.

| part                               | how                                                    |
| counts of records                  | stay where they were counted, so that sums stay exact  |
| dedup windows, tombstones          | united: what either has seen, the result has seen      |
| tally: counts, paces, cart, orders | as if one profile had folded all of it, in any order   |
| session, tabs                      | one visit if within 30 minutes: added; else the later  |
| exposures, products, touches       | united by name, the newest stay within their bounds    |
| model state, scores, burst, mails  | of the side with more of the visit; else the later     |

All but the last row is commutative. The receiver's name, epoch and numbering stay.
"""

from __future__ import annotations

from msgspec import Struct

from models import decay
from models.identity_session import joined, merged_session
from models.identity_windows import merged_windows
from schemas.exposure import EXPOSURES_MAX, Exposure, counted_in, retired, united
from schemas.outreach import MAILS_MAX
from schemas.profile import (
    CART_MAX,
    PREFERENCES_MAX,
    TABS_MAX,
    Profile,
    Tab,
    Tally,
)
from schemas.sections import (
    LINKS_MAX,
    NODES_MAX,
    SEEN_MAX,
    Graph,
    Origin,
    buckets_of,
    graph_of,
    origin_of,
    packed,
    seen_of,
)

PROFILE_TTL_MS = 30 * 24 * 3600 * 1000
MAIN = (
    "model_version model_at_ms hidden hidden_mark inputs earlier concepts scores trends trend_ms "
    "burst outreach"
).split()


class _Sides(Struct):
    """The receiver, the giver, and whichever of them knows the running session best.

    `number` is what that is called from now on; `own_number` and `given_number` are what each side
    called it, 0 for a side whose session is over.
    """

    own: Profile
    given: Profile
    main: Profile
    joined: bool
    number: int
    own_number: int
    given_number: int

    @property
    def main_number(self) -> int:
        """What `main` called the running session."""
        return self.given_number if self.main is self.given else self.own_number


def _sides_of(own: Profile, given: Profile) -> _Sides:
    ours, theirs = own.session, given.session
    if joined(ours, theirs):
        main = given if theirs.events > ours.events else own
        number = max(ours.number, theirs.number)
        return _Sides(own, given, main, True, number, ours.number, theirs.number)
    if (theirs.last_ms, theirs.started_ms) > (ours.last_ms, ours.started_ms):
        number = ours.number + 1 if ours.number else theirs.number
        return _Sides(own, given, given, False, number, 0, theirs.number)
    return _Sides(own, given, own, False, ours.number, ours.number, 0)


def merged(own: Profile | None, given: Profile, at_ms: int) -> Profile:
    """The receiver's profile with what was known of the same person elsewhere.

    `own` None is a user never seen before. Takes both over and may change them.
    """
    own = own or Profile(epoch_ms=at_ms)
    sides = _sides_of(own, given)
    tabs = _tabs(own.tabs, given.tabs) if sides.joined else sides.main.tabs
    now_ms = max(own.now_ms, at_ms)
    exposures, folded = _exposures(sides, now_ms)
    one = sides.joined
    own.session = merged_session(own.session, given.session) if one else sides.main.session
    own.session.number = sides.number
    windows, tombstones = merged_windows(own, given, now_ms)
    own.windows, own.tombstones = windows, tombstones
    own.tally = merged_tally(own.tally, given.tally)
    own.tabs, own.exposures, own.given = tabs, exposures, folded
    _sections(sides)
    _from_main(sides)
    own.now_ms = now_ms
    own.identified = True
    own.forget_at_ms = max(own.forget_at_ms, now_ms + PROFILE_TTL_MS)
    # Timers were set for other deadlines; the next look sets one for these.
    own.timer_at_ms = own.forget_timer_ms = 0
    return own


def merged_tally(own: Tally, given: Tally) -> Tally:
    """The order-free section of the events of both."""
    if not own.by_type or not given.by_type:
        return own if own.by_type else given
    bought_ts_ms = max(own.bought_ts_ms, given.bought_ts_ms)
    cart = sorted(each for each in [*own.cart, *given.cart] if each.ts_ms > bought_ts_ms)
    stated = dict(own.preferences)
    for name, value in given.preferences.items():
        stated[name] = max(value, stated.get(name, value))
    newest = sorted(stated.items(), key=lambda item: (item[1], item[0]))[-PREFERENCES_MAX:]
    return Tally(
        [a + b for a, b in zip(own.by_type, given.by_type, strict=True)],
        [_added(a, b) for a, b in zip(own.activity, given.activity, strict=True)],
        cart[-CART_MAX:],
        bought_ts_ms,
        own.orders + given.orders,
        own.order_micros + given.order_micros,
        dict(sorted(newest)),
        _paces(own.looks, given.looks),
        _paces(own.buys, given.buys),
    )


def _added(own: list[int], given: list[int]) -> list[int]:
    out = list(own)
    for age, amount in enumerate(given[1:]):
        if amount:
            decay.add(out, given[0] - age, amount)
    return out


def _paces(own: bytes, given: bytes) -> bytes:
    if not own or not given:
        return own or given
    pairs = zip(buckets_of(own), buckets_of(given), strict=True)
    return packed([_added(a, b) for a, b in pairs])


def _tabs(own: list[Tab], given: list[Tab]) -> list[Tab]:
    found = {(each.session_id, each.tab_id): each for each in given}
    for each in own:
        place = each.session_id, each.tab_id
        known = found.get(place)
        if known is None or known.last_ts_ms <= each.last_ts_ms:
            found[place] = each
    newest = sorted(found.values(), key=lambda each: (each.last_ts_ms, each.tab_id))[-TABS_MAX:]
    taken: set[int] = set()
    for each in newest:
        # A dwell names its slot by the millisecond, so no two may share one.
        if each.dwell_at_ms in taken:
            each.dwell_at_ms = 0
        taken.add(each.dwell_at_ms)
    return newest


def _exposures(sides: _Sides, now_ms: int) -> tuple[list[Exposure], bytes]:
    """Actions given to either, so that caps hold for the person."""
    own, given, number = sides.own, sides.given, sides.number
    found: dict[str, Exposure] = {}
    for side, was in ((given, sides.given_number), (own, sides.own_number)):
        for each in side.exposures:
            # The running session gets one number, so that its caps count both sides.
            if was and each.session == was:
                each.session = number
            elif side is given:
                each.session = 0  # The receiver never had that session.
            found[each.slot_id] = each
    every = sorted(found.values(), key=lambda each: (each.decided_ms, each.slot_id))
    ours = counted_in(own.given, sides.own_number, number)
    tallies = united(ours, counted_in(given.given, sides.given_number, number))
    return retired(every, tallies, EXPOSURES_MAX, now_ms)


def _sections(sides: _Sides) -> None:
    own, given = sides.own, sides.given
    own.seen = _seen(own.seen, given.seen)
    if own.origin and given.origin:
        touches = [origin_of(own.origin), origin_of(given.origin)]
        first = min((each.first for each in touches), key=lambda each: each.at_ms)
        last = max((each.last for each in touches), key=lambda each: each.at_ms)
        own.origin = packed(Origin(first, last))
    own.origin = own.origin or given.origin
    graph = _graph(sides)
    if graph is not None:
        own.graph = packed(graph)
        pairs = zip(graph.names, graph.weights, strict=True)
        weights = [weight for name, weight in pairs if name[0] == "c"]
        own.interest_top, own.interest_sum = max(weights, default=0), sum(weights)


def _seen(own: bytes, given: bytes) -> bytes:
    if not own or not given:
        return own or given
    found = {each.product_id: each for each in seen_of(given)}
    for each in seen_of(own):
        known = found.pop(each.product_id, None)
        if known is not None:
            each.views += known.views
            each.dwell_ms += known.dwell_ms
        found[each.product_id] = each
    return packed(list(found.values())[-SEEN_MAX:])


def _walked(graph: bytes, was: int, now: int) -> Graph | None:
    """One side's graph; its walk goes on if its session does."""
    found = graph_of(graph) if graph else None
    if found is not None:
        found.session = now if was and found.session == was else 0
    return found


def _graph(sides: _Sides) -> Graph | None:
    """Edges of both by name, the strongest that fit; the walk goes on where the visit is."""
    given = _walked(sides.given.graph, sides.given_number, sides.number)
    own = _walked(sides.own.graph, sides.own_number, sides.number)
    if own is None or given is None:
        return own or given
    graphs = [given, own]
    weights: dict[str, int] = {}
    links: dict[tuple[str, str], int] = {}
    for graph in graphs:
        for name, weight in zip(graph.names, graph.weights, strict=True):
            weights[name] = weights.get(name, 0) + weight
        triples = zip(graph.links[::3], graph.links[1::3], graph.links[2::3], strict=True)
        for a, b, weight in triples:
            pair = min(graph.names[a], graph.names[b]), max(graph.names[a], graph.names[b])
            links[pair] = links.get(pair, 0) + weight
    strongest = sorted(weights, key=lambda name: (name[0] == "c", -weights[name], name))
    names = strongest[:NODES_MAX]
    at = {name: place for place, name in enumerate(names)}
    kept = [each for each in links.items() if each[0][0] in at and each[0][1] in at]
    kept = sorted(kept, key=lambda each: (-each[1], each[0]))[:LINKS_MAX]
    placed = sorted((*sorted((at[a], at[b])), weight) for (a, b), weight in kept)
    lead = given if sides.main is sides.given else own
    last = at.get(lead.names[lead.last], -1) if lead.last >= 0 else -1
    flat = [value for triple in placed for value in triple]
    return Graph(names, [weights[name] for name in names], flat, last, lead.session)


def _from_main(sides: _Sides) -> None:
    """What cannot be added: of the side that knows the running session best."""
    own, given, main = sides.own, sides.given, sides.main
    if given.consent_at_ms > own.consent_at_ms:
        own.consent, own.consent_at_ms = given.consent, given.consent_at_ms
    mails = [*own.outreach.mails, *given.outreach.mails]
    fired = main.outreach.burst == main.burst.number
    # Messages are named by the burst: a visit new to the receiver begins a new number.
    new = main is given and not sides.joined
    burst = max(own.burst.number + (new and own.burst.number > 0), given.burst.number)
    for name in MAIN:
        setattr(own, name, getattr(main, name))
    own.burst.number = burst
    state = own.outreach
    state.burst = burst if fired else min(state.burst, burst - 1)
    state.seen_in = sides.number if state.seen_in == sides.main_number else 0
    state.left_in = sides.number if state.left_in == sides.main_number else min(state.left_in, 1)
    # Mails that may still be withdrawn are the person's, whoever planned them.
    state.mails = sorted(mails, key=lambda each: (each.due_ms, each.trigger_id))[-MAILS_MAX:]
