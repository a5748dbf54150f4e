"""3 Identity: two profiles of one person become one.

| part                               | how                                                    |
| counts of records                  | stay where they were counted, so that sums stay exact  |
| dedup windows, tombstones          | united: what either has seen, the result has seen      |
| tally: counts, paces, cart, orders | as if one profile had folded all of it, in any order   |
| session                            | one visit if within 30 minutes: added; else the later  |
| tabs, exposures, products, touches | united by name, the newest stay within their bounds    |
| model state, scores, burst, mails  | of the side with more of the visit                     |

All but the last row is commutative. The receiver's name, epoch and numbering stay.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from models import decay
from models.dedup import CONFLICTS_MAX, HASHED, WINDOW_BITS
from models.identity_session import merged_session
from schemas.exposure import EXPOSURES_MAX, Exposure, given_of, retired
from schemas.outreach import MAILS_MAX
from schemas.profile import (
    CART_MAX,
    PREFERENCES_MAX,
    TABS_MAX,
    TOMBSTONES_MAX,
    WINDOWS_MAX,
    Profile,
    Tab,
    Tally,
    Window,
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

_ALL = (1 << WINDOW_BITS) - 1
PROFILE_TTL_MS = 30 * 24 * 3600 * 1000
MAIN = (
    "model_version model_at_ms hidden hidden_mark inputs earlier concepts scores trends trend_ms "
    "burst outreach"
).split()


class _Sides(Struct):
    """The receiver, the giver, and whichever of them saw more of the visit.

    `number` is what the running session is called from now on, `main_number` what `main` called it.
    """

    own: Profile
    given: Profile
    main: Profile
    number: int
    main_number: int


def merged(own: Profile | None, given: Profile, at_ms: int) -> Profile:
    """The receiver's profile with what was known of the same person elsewhere.

    `own` None is a user never seen before. Takes both over and may change them.
    """
    own = own or Profile(epoch_ms=at_ms)
    main = given if given.session.events > own.session.events else own
    number = max(own.session.number, given.session.number)
    sides = _Sides(own, given, main, number, main.session.number)
    tabs = _tabs(own.tabs, given.tabs)
    now_ms = max(own.now_ms, at_ms)
    exposures, folded = _exposures(sides, now_ms)
    own.session = merged_session(own.session, given.session)
    windows, tombstones = _windows(sides, now_ms)
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


def _windows(sides: _Sides, now_ms: int) -> tuple[list[Window], list[tuple[int, int]]]:
    found: dict[int, Window] = {each.key: each for each in sides.own.windows}
    for each in sides.given.windows:
        known = found.get(each.key)
        found[each.key] = each if known is None else merged_window(known, each)
    newest = sorted(found.values(), key=lambda each: (each.last_ms, each.key))
    kept, gone = newest[-WINDOWS_MAX:], newest[:-WINDOWS_MAX]
    dead = dict(sides.own.tombstones)
    for key, died_ms in sides.given.tombstones:
        dead[key] = max(died_ms, dead.get(key, died_ms))
    dead.update((each.key, now_ms) for each in gone)
    # A window that lives in either profile is not dead.
    alive = {each.key for each in kept}
    stones = sorted((died_ms, key) for key, died_ms in dead.items() if key not in alive)
    return kept, [(key, died_ms) for died_ms, key in stones[-TOMBSTONES_MAX:]]


def merged_window(own: Window, given: Window) -> Window:
    """What either window has seen."""
    newest = max(own.newest, given.newest)
    mask, hashes = 0, bytearray(HASHED * 2)
    for each in (own, given):
        behind = newest - each.newest
        if behind < WINDOW_BITS:
            mask |= int.from_bytes(each.mask, "little") << behind
        for index in range(max(newest - HASHED + 1, 0), each.newest + 1):
            at = index % HASHED * 2
            if each.newest - index < HASHED and each.hashes[at : at + 2] != b"\0\0":
                hashes[at : at + 2] = each.hashes[at : at + 2]
    mask &= _ALL
    conflicts = sorted({*own.conflicts, *given.conflicts})[-CONFLICTS_MAX:]
    data = mask.to_bytes((mask.bit_length() + 7) // 8, "little")
    last_ms = max(own.last_ms, given.last_ms)
    return Window(own.key, newest, data, bytes(hashes), conflicts, last_ms)


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
    for side in (given, own):
        for each in side.exposures:
            # The running session gets one number, so that its caps count both sides.
            each.session = number if each.session == side.session.number else each.session
            found[each.slot_id] = each
    every = sorted(found.values(), key=lambda each: (each.decided_ms, each.slot_id))
    return retired(every, _tallies(own.given, given.given), EXPOSURES_MAX, now_ms)


def _tallies(own: bytes, given: bytes) -> bytes:
    if not own or not given:
        return own or given
    found = {each.name: each for each in given_of(own)}
    for each in given_of(given):
        known = found.get(each.name)
        if known is None:
            found[each.name] = each
            continue
        found[each.name] = replace(
            known,
            session=max(known.session, each.session),
            in_session=known.in_session + each.in_session,
            newest_ms=max(known.newest_ms, each.newest_ms),
            in_day=known.in_day + each.in_day,
            in_all=known.in_all + each.in_all,
        )
    return packed(list(found.values()))


def _sections(sides: _Sides) -> None:
    own, given = sides.own, sides.given
    own.seen = _seen(own.seen, given.seen)
    if own.origin and given.origin:
        touches = [origin_of(own.origin), origin_of(given.origin)]
        first = min((each.first for each in touches), key=lambda each: each.at_ms)
        last = max((each.last for each in touches), key=lambda each: each.at_ms)
        own.origin = packed(Origin(first, last))
    own.origin = own.origin or given.origin
    own.graph = _graph(own.graph, given.graph, sides.main is given)
    if own.graph:
        graph = graph_of(own.graph)
        if graph.session == sides.main_number:
            graph.session = sides.number
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


def _graph(own: bytes, given: bytes, given_leads: bool) -> bytes:
    """Edges of both by name, the strongest that fit; the walk goes on where the visit is."""
    if not own or not given:
        return own or given
    graphs = [graph_of(given), graph_of(own)]
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
    lead = graphs[0] if given_leads else graphs[1]
    last = at.get(lead.names[lead.last], -1) if lead.last >= 0 else -1
    flat = [value for triple in placed for value in triple]
    return packed(Graph(names, [weights[name] for name in names], flat, last, lead.session))


def _from_main(sides: _Sides) -> None:
    """What cannot be added: of the side with more of the visit."""
    own, given, main = sides.own, sides.given, sides.main
    if given.consent_at_ms > own.consent_at_ms:
        own.consent, own.consent_at_ms = given.consent, given.consent_at_ms
    mails = [*own.outreach.mails, *given.outreach.mails]
    fired = main.outreach.burst == main.burst.number
    burst = max(own.burst.number, given.burst.number)
    for name in MAIN:
        setattr(own, name, getattr(main, name))
    # Messages are named by the burst, so the larger number goes on.
    own.burst.number = burst
    state = own.outreach
    state.burst = burst if fired else min(state.burst, burst - 1)
    state.seen_in = sides.number if state.seen_in == sides.main_number else 0
    state.left_in = sides.number if state.left_in == sides.main_number else min(state.left_in, 1)
    # Mails that may still be withdrawn are the person's, whoever planned them.
    state.mails = sorted(mails, key=lambda each: (each.due_ms, each.trigger_id))[-MAILS_MAX:]
