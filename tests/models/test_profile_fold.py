"""One fold online and offline: bytes between any two events change nothing, nor do repeats.

Offline keeps the profile in memory; online loads it from its bytes before each event and dumps it
after, as the engine does, and is restarted in between. Both must give the same state bytes and
the same model inputs, byte for byte, over streams with duplicates and disorder.
"""

from __future__ import annotations

import json
import os
import random
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors import datasets
from infra.training.visits import logged
from models.context import Context
from models.tally import digest
from models.user import advance, step
from schemas.event import Event, Product
from schemas.model import Model
from schemas.products import CatalogueProduct, Products
from schemas.profile import STATE_BYTES_MAX, dump, load
from tests.builders import BEGINNING, USER, event, page
from tests.golden.visits import simulated_visits

CHECKOUT = Path(__file__).parents[2]
DATA = os.environ.get("KAIROS_DATA", "")
LAYOUT_1 = CHECKOUT / "tests" / "golden" / "layout_1" / "users.json"
RECORDED = datasets.DATASETS if DATA else ()
"""Real visitors are evaluation data that does not ship: they are folded where KAIROS_DATA is."""


class Recorder:
    """A network whose one concept depends on every input, and that remembers them."""

    def __init__(self) -> None:
        self.rows: list[bytes] = []

    def step(self, features: list[float], hidden: bytes) -> tuple[list[int], bytes]:
        self.rows.append(struct.pack(f"<{len(features)}d", *features))
        carried = int.from_bytes(hidden[:4], "little") if hidden else 0
        concept = (carried + int(sum(features) * 1_000)) % 1_000_001
        return [concept], concept.to_bytes(4, "little")


def fresh() -> tuple[Context, Recorder]:
    """A context of one shop with prices, and its recording model."""
    recorder = Recorder()
    ctx = Context(lambda _: recorder)
    ctx.add("models", Model(site="default", version=1, concepts=("drop_off",)))
    goods = tuple(
        CatalogueProduct(f"p{n}", "", "", "", f"c{n % 3}", n * 1_000_000) for n in range(12)
    )
    ctx.add("products", Products(site="demo", version=1, products=goods))
    return ctx, recorder


def offline(events: list[Event]) -> tuple[bytes, list[bytes]]:
    """State bytes and model inputs with the profile kept in memory."""
    ctx, recorder = fresh()
    profile = None
    for each in events:
        profile, _, _ = step(profile, each, each.user_key, ctx)
    return dump(profile), recorder.rows


def online(events: list[Event], restarts: set[int]) -> tuple[bytes, list[bytes]]:
    """The same by way of bytes; a restart is a new process with a new context."""
    ctx, recorder = fresh()
    data, rows = None, []
    for number, each in enumerate(events):
        if number in restarts:
            rows += recorder.rows
            ctx, recorder = fresh()
        profile, _, _ = step(load(data), each, each.user_key, ctx)
        data = dump(profile)
    return data, rows + recorder.rows


def disturbed(events: list[Event], rng: random.Random) -> list[Event]:
    """Some events twice, some neighbours swapped; engine time never runs backwards in the log."""
    out = list(events)
    for _ in range(len(out) // 5):
        at = rng.randrange(len(out))
        out.insert(min(at + rng.randint(1, 4), len(out)), out[at])
    for _ in range(len(out) // 5):
        at = rng.randrange(max(len(out) - 1, 1))
        out[at : at + 2] = out[at : at + 2][::-1]
    stamps = sorted(each.received_at_ms for each in out)
    return [replace(e, received_at_ms=ms) for e, ms in zip(out, stamps, strict=True)]


KINDS = (
    "page_view product_view scroll hover click tap search filter zoom view_3d compare pause "
    "add_to_cart remove_from_cart cart_view checkout_start purchase hidden visible page_leave "
    "exit_intent preference rage_click custom"
).split()


def made(number: int, kind: str, gap_ms: int, at_ms: int, tab: int) -> Event:
    """One event of a generated visit."""
    n = number % 12
    return event(
        kind,
        at_ms,
        number,
        tab_id=f"t{tab}",
        page=page(f"/{n}", "product"),
        product=Product(f"p{n}", "", f"c{n % 3}", n * 1_000_000) if number % 3 else None,
        scroll_depth_ppm=gap_ms % 1_000_001 if kind == "scroll" else None,
        tap_velocity_ms=gap_ms % 900 if kind == "tap" else None,
        active_duration_ms=gap_ms % 60_000 if number % 2 else None,
        properties={"target": f"x{n}", "query": f"q{n % 2}", "style": f"s{n}"},
        value_micros=5_000_000 if kind == "purchase" else None,
    )


@st.composite
def visits(draw: st.DrawFn) -> list[Event]:
    gaps = st.one_of(st.integers(0, 20_000), st.sampled_from((90_001, 1_800_001, 86_400_000)))
    out, at_ms = [], 0
    steps = draw(st.lists(st.tuples(st.sampled_from(KINDS), gaps, st.integers(0, 2)), min_size=1))
    for number, (kind, gap_ms, tab) in enumerate(steps):
        at_ms += gap_ms
        out.append(made(number, kind, gap_ms, at_ms, tab))
    return out


@pytest.mark.promise("C28", "C30", "M2", "M12", "D3")
@settings(max_examples=120, deadline=None)
@given(visits(), st.sets(st.integers(0, 60)), st.integers(0, 1 << 30))
def test_online_and_offline_give_the_same_bytes(events, restarts, seed):
    """State and model inputs, over duplicates, disorder and restarts."""
    stream = disturbed(events, random.Random(seed))
    assert online(stream, restarts) == offline(stream)


@settings(max_examples=60, deadline=None)
@given(visits(), st.integers(0, 1 << 30))
def test_a_permuted_session_has_one_digest(events, seed):
    """Fields unchanged, any order of the log: the order-free section is the same."""
    ctx, _ = fresh()
    shuffled = events[:]
    random.Random(seed).shuffle(shuffled)
    found = set()
    for stream in (events, shuffled):
        profile = None
        for each in stream:
            profile, _, _ = step(profile, each, each.user_key, ctx)
        found.add(digest(profile))
    assert len(found) == 1


@pytest.mark.promise("C31")
@settings(max_examples=40, deadline=None)
@given(visits())
def test_a_timer_that_comes_first_changes_nothing(events):
    """Deadlines run when a timer meets them or when the next event does: the same state."""
    ctx, _ = fresh()
    lazy = timed = None
    for each in events:
        lazy, _, _ = step(lazy, each, USER, ctx)
        if timed is not None:
            timed, _ = advance(timed, each.received_at_ms - 1, USER, ctx)
        timed, _, _ = step(timed, each, USER, ctx)
        for profile in (lazy, timed):
            # Which wake-ups the engine still holds is its own affair.
            profile.timer_at_ms = profile.forget_timer_ms = 0
    assert dump(lazy) == dump(timed)


def recorded(source: str) -> list[list[Event]]:
    """Visits of a data set, or persona visits, as the gateway would log them."""
    if source == "personas":
        loaded = simulated_visits(30, random.Random(3))
    else:
        loaded = datasets.load(source, Path(DATA), sessions=60, seed=3)
    out = []
    for number, visit in enumerate(loaded):
        key = f"demo:v:{number:032x}"
        events = []
        for index, each in enumerate(visit.events):
            ts = BEGINNING + each.at_ms
            ids = {"event_id": f"{number:08x}-0000-4000-8000-{index:012x}", "session_index": index}
            wire = {"ts": ts, **ids, **each.fields}
            events.append(logged(wire, key, visit.session_id, "t1", ts + 20))
        out.append(events)
    return out


@pytest.mark.promise("M12", "C33")
@pytest.mark.parametrize("source", ["personas", *RECORDED])
def test_recorded_visitors_fold_alike_online_and_offline(source):
    """With a tenth of the events repeated and neighbours swapped, restarted twice a visit."""
    rng = random.Random(11)
    for events in recorded(source):
        stream = disturbed(events, rng)
        restarts = {rng.randrange(len(stream)) for _ in range(2)}
        assert online(stream, restarts) == offline(stream)
        assert len(offline(stream)[0]) <= STATE_BYTES_MAX


def test_a_profile_of_the_first_layout_goes_on():
    """Upgraded once, then written and read like any other; the digest is what it was."""
    ctx, _ = fresh()
    for key, user in json.loads(LAYOUT_1.read_text()).items():
        profile = load(bytes.fromhex(user["state"]))
        assert digest(profile) == user["digest"]
        assert load(dump(profile)) == profile
        following = event("product_view", 40 * 86_400_000, 9, product=Product("p", "", "c1", 5))
        later = replace(following, user_key=key, received_at_ms=profile.now_ms + 60_000)
        after, _, _ = step(profile, later, key, ctx)
        assert after.applied == user["applied"] + 1
        assert load(dump(after)) == after


@settings(max_examples=15, deadline=None)
@given(visits(), st.sampled_from(("x", "ü", "愛", "🏕")))
def test_the_largest_texts_of_any_alphabet_stay_within_the_bound(events, letter):
    """Every text a client can make, at its longest, in four bytes a letter."""
    ctx, _ = fresh()
    profile, long = None, letter * 60
    for number, each in enumerate([*events, *events]):
        wide = replace(
            each,
            event_id=f"{number}",
            session_index=number,
            session_id=long,
            tab_id=long + each.tab_id,
            page=page("/" + long, long),
            product=Product(long + str(number), long, long + str(number % 40), 5),
            properties={long + str(number % 20): long, "target": long},
        )
        profile, _, _ = step(profile, wide, USER, ctx)
        data = dump(profile)
        assert len(data) <= STATE_BYTES_MAX and load(data) == profile
