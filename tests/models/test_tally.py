"""Tally: counts, cart, orders, preferences; equal under any permutation of a session's events."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import tally
from models.tally import cart_lines, cart_value_micros, decayed_milli, digest, pace_milli
from models.vocabulary import CODES, EVENT_TYPES
from schemas.event import Event, Product
from schemas.profile import CART_MAX, PREFERENCES_MAX, Profile, Tally
from tests.builders import BEGINNING, ONE_MINUTE, event, lamp


def told(*events: Event) -> Tally:
    out = Tally()
    for each in events:
        tally.update(out, each)
    return out


@pytest.mark.promise("C15", "C16", "C17", "C18", "E5", "E9", "E10", "E11", "E12")
@pytest.mark.parametrize("type_", EVENT_TYPES)
def test_every_type_is_counted_under_its_own_code(type_):
    """And any other name as custom."""
    assert told(event(type_)).by_type[CODES[type_]] == 1
    assert told(event("never_heard_of")).by_type[CODES["custom"]] == 1


def add(at_ms: int, index: int, name: str = "lamp", units: int = 1, price: int = 40) -> Event:
    shown = Product(name, name, "light", price * 1_000_000, "EUR", units)
    return event("add_to_cart", at_ms, index, product=shown)


CARTS = [
    # events, lines {product: (units, price)}, orders
    ((), {}, 0),
    ((add(0, 0),), {"lamp": (1, 40)}, 0),
    ((add(0, 0), add(1, 1, units=2)), {"lamp": (3, 40)}, 0),
    ((add(0, 0), event("remove_from_cart", 5, 1, product=lamp())), {}, 0),
    ((event("remove_from_cart", 0, 0, product=lamp()), add(5, 1)), {"lamp": (1, 40)}, 0),
    ((add(0, 0), event("purchase", 5, 1, value_micros=40_000_000)), {}, 1),
    ((add(0, 0), event("purchase", 5, 1), add(6, 2, "bulb", price=3)), {"bulb": (1, 3)}, 1),
    ((event("add_to_cart", 0, 0),), {}, 0),
]


@pytest.mark.promise("E4", "C23")
@pytest.mark.parametrize(("events", "lines", "orders"), CARTS)
def test_the_cart_is_what_was_put_in_since_the_last_order(events, lines, orders):
    """In the client's order, so the log's order does not matter."""
    for arrived in (events, events[::-1]):
        found = told(*arrived)
        expected = {name: (units, price * 1_000_000) for name, (units, price) in lines.items()}
        assert cart_lines(found) == expected
        assert cart_value_micros(found) == sum(u * p for u, p in expected.values())
        assert found.orders == orders


@pytest.mark.promise("M44", "M45")
def test_a_stated_preference_is_the_newest_one_by_the_visitors_clock():
    """Last writer wins; an older one that arrives late changes nothing."""
    new = event("preference", ONE_MINUTE, 1, properties={"style": "rustic"})
    old = event("preference", 0, 0, properties={"style": "modern", "size": 42.0})
    for arrived in ((new, old), (old, new)):
        assert told(*arrived).preferences == {
            "size": (BEGINNING, "42.0"),
            "style": (BEGINNING + ONE_MINUTE, "rustic"),
        }


@pytest.mark.promise("M50")
def test_counts_fade_at_four_half_lives():
    """An hour later the minutes have forgotten, the days have not."""
    looks = [event("product_view", n * 1000, n, product=lamp()) for n in range(8)]
    found = told(*looks, add(9_000, 9))
    now_ms = BEGINNING + 60 * ONE_MINUTE
    assert decayed_milli(found, 0, now_ms) == 0
    assert decayed_milli(found, 2, now_ms) == 9_000
    looked = [pace_milli(found.looks, which, now_ms) for which in range(4)]
    assert looked[0] == 0 and 100 < looked[1] < 140 and 7_700 < looked[2] < 7_850
    assert 7_760 < looked[3] <= 8_100
    assert 960 < pace_milli(found.buys, 3, now_ms) < 1_050
    assert pace_milli(b"", 0, now_ms) == decayed_milli(Tally(), 0, now_ms) == 0


TYPES = st.sampled_from(
    "page_view product_view scroll hover add_to_cart remove_from_cart purchase preference zoom "
    "checkout_start custom".split()
)
NAMES = st.sampled_from("abcdefghijklmnopqrst")


@st.composite
def events(draw: st.DrawFn) -> Event:
    return event(
        draw(TYPES),
        draw(st.integers(0, 5_000_000)),
        draw(st.integers(0, 50)),
        received_at_ms=BEGINNING + draw(st.integers(0, 3 * 86_400_000)),
        product=Product(draw(NAMES), "", "", draw(st.integers(0, 9)) * 1_000_000, "EUR", 1),
        properties={draw(NAMES): draw(st.sampled_from(("x", "y", 1.0, True)))},
        value_micros=draw(st.integers(0, 100)),
    )


@pytest.mark.promise("M51", "C30")
@settings(max_examples=150, deadline=None)
@given(st.lists(events(), max_size=40), st.randoms(use_true_random=False))
def test_any_order_of_arrival_gives_one_tally_and_one_digest(arrived, random):
    """More cart changes and preferences than are kept, ties and purchases in between."""
    shuffled = arrived[:]
    random.shuffle(shuffled)
    one, other = told(*arrived), told(*shuffled)
    assert one == other
    assert digest(Profile(0, tally=one)) == digest(Profile(0, tally=other))
    assert len(one.cart) <= CART_MAX and len(one.preferences) <= PREFERENCES_MAX


@given(st.lists(events(), min_size=1, max_size=20), st.data())
def test_the_digest_sees_every_event(arrived, data):
    """One event more or less is another digest."""
    gone = data.draw(st.integers(0, len(arrived) - 1))
    fewer = told(*arrived[:gone], *arrived[gone + 1 :])
    assert digest(Profile(0, tally=told(*arrived))) != digest(Profile(0, tally=fewer))
