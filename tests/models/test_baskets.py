"""Baskets of a running log: the sessions of a user end as those of a log read whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from models import baskets
from models.baskets import GAP_MS, OPEN_MAX, PRODUCTS_MAX
from models.neighbours import BOUGHT, LOOKED, Neighbours
from schemas import basket
from schemas.basket import Baskets
from schemas.event import Event, Product

USER = "demo:v:" + "a" * 32
KINDS = ("product_view", "add_to_cart", "remove_from_cart", "purchase", "scroll")


def event(kind: str, product: str, at_ms: int, session: str = "s1", **more: bool) -> Event:
    return Event(
        type=kind,
        site="demo",
        user_key=USER,
        session_id=session,
        received_at_ms=at_ms,
        product=Product(product) if product else None,
        **more,
    )


def streamed(events: list[Event]) -> Neighbours:
    """The counts of one user's events as they come."""
    held, out = Baskets(), Neighbours()
    for each in events:
        if not baskets.tells(each):
            continue
        for session in baskets.seen(held, each):
            out.count(session.groups)
        held = basket.load(basket.dump(held))
    for session in baskets.over(held, 1 << 60):
        out.count(session.groups)
    return out


@given(
    st.lists(
        st.tuples(st.sampled_from(KINDS), st.sampled_from(["a", "b", "c", ""]), st.booleans()),
        max_size=30,
    )
)
def test_a_running_log_counts_what_a_whole_one_counts(told: list[tuple[str, str, bool]]) -> None:
    """Two sessions of a user interleaved, within the gap; crawlers say nothing in either."""
    events = [
        event(kind, product, 1_000 * at, "s1" if first else "s2")
        for at, (kind, product, first) in enumerate(told)
    ]
    whole = baskets.counted(events, "demo")
    assert streamed(events) == whole


def test_a_session_ends_half_an_hour_after_its_last_look() -> None:
    """At that moment, whether a timer or the next event finds it over."""
    held = Baskets()
    assert baskets.seen(held, event("product_view", "a", 1_000)) == []
    assert baskets.next_ms(held) == 1_000 + GAP_MS
    assert baskets.over(held, 999 + GAP_MS) == []
    (found,) = baskets.seen(held, event("product_view", "b", 1_000 + GAP_MS))
    assert (found.closed_ms, found.groups) == (1_000 + GAP_MS, [(["a"], LOOKED)])
    (last,) = baskets.over(held, 1_000 + 2 * GAP_MS)
    assert last.groups == [(["b"], LOOKED)] and baskets.next_ms(held) == 0


def test_what_was_bought_is_what_lay_in_the_cart() -> None:
    """A cart that was not bought says nothing."""
    held = Baskets()
    for at, (kind, product) in enumerate(
        [("add_to_cart", "a"), ("add_to_cart", "b"), ("remove_from_cart", "a"), ("purchase", "")]
    ):
        baskets.seen(held, event(kind, product, at))
    assert baskets.groups(held.open[0]) == [(["b"], BOUGHT)]
    held.open[0].bought = False
    assert baskets.groups(held.open[0]) == []


def test_state_of_a_user_is_bounded() -> None:
    """Many sessions of endless names."""
    held, closed = Baskets(), 0
    for number in range(5_000):
        name = f"{number:048d}"
        for kind in ("product_view", "add_to_cart"):
            closed += len(baskets.seen(held, event(kind, name, number, f"s{number // 500}")))
        assert len(held.open) <= OPEN_MAX
        assert all(len(each.looked) <= PRODUCTS_MAX for each in held.open)
    assert closed == 10 - OPEN_MAX and len(basket.dump(held)) <= 13 * 1024
