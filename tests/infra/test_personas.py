"""Persona visitors: repeatable, valid on the wire, and each with a mark of its own."""

from __future__ import annotations

import itertools
from collections import Counter
from random import Random
from typing import Any

import msgspec
import pytest

from gateway.convert import to_event
from gateway.wire import WireEvent
from infra.demo.goods import STAND_IN
from infra.demo.personas import BY_NAME, PERSONAS, choose
from infra.demo.visit import Visitor
from schemas.event import Event
from schemas.site import Site

START_MS = 1_760_000_000_000
DISCOUNT = {
    "type": "decision",
    "slot_id": "s_1",
    "decision_id": "d_1",
    "source": "model",
    "action_type": "discount_popup",
    "render": {"kind": "modal", "title": "15 % off"},
}


def visit(persona: str, seed: str = "a") -> tuple[Visitor, list[dict[str, Any]]]:
    """A visitor of this persona and everything it does when shown nothing."""
    visitor = Visitor(BY_NAME[persona], STAND_IN, seed, START_MS)
    return visitor, list(iter(visitor.pop, None))


def crowd(persona: str, size: int = 150) -> list[Counter[str]]:
    """Event counts of many visits of one persona."""
    return [Counter(e["type"] for e in visit(persona, f"c{n}")[1]) for n in range(size)]


def share(counts: list[Counter[str]], kind: str) -> float:
    """Share of the visits that have this event."""
    return sum(each[kind] > 0 for each in counts) / len(counts)


def test_the_same_seed_gives_the_same_visit_and_another_seed_another() -> None:
    assert visit("comparer")[1] == visit("comparer")[1]
    assert visit("comparer")[1] != visit("comparer", "b")[1]


@pytest.mark.parametrize("persona", sorted(BY_NAME))
def test_every_event_passes_the_gateways_validation(persona: str) -> None:
    for seed in range(20):
        for event in visit(persona, f"wire{seed}")[1]:
            text = msgspec.json.encode(event)
            wire = msgspec.json.decode(text, type=WireEvent)
            assert to_event(wire, Event(site="demo"), Site(site="demo")).type == event["type"]


@pytest.mark.parametrize("persona", sorted(BY_NAME))
def test_indexes_grow_by_one_and_time_never_runs_back(persona: str) -> None:
    events = visit(persona)[1]
    assert [event["session_index"] for event in events] == list(range(1, len(events) + 1))
    assert all(a["ts"] <= b["ts"] for a, b in itertools.pairwise(events))
    assert len({event["event_id"] for event in events}) == len(events)


def test_a_visit_ends_in_a_purchase_exactly_when_the_truth_says_so() -> None:
    rng = Random("truth")
    for number in range(300):
        persona = choose(rng)
        visitor, events = visit(persona.name, f"t{number}")
        bought = any(event["type"] == "purchase" for event in events)
        assert bought == visitor.truth.will_buy


def test_shares_of_the_traffic_sum_to_one() -> None:
    assert abs(sum(persona.share for persona in PERSONAS) - 1) < 1e-9


def test_frustrated_visitors_rage_and_others_hardly_do() -> None:
    assert share(crowd("frustrated_visitor"), "rage_click") > 0.4
    assert share(crowd("decided_buyer"), "rage_click") < 0.1


def test_decided_buyers_buy_and_window_shoppers_do_not() -> None:
    assert share(crowd("decided_buyer"), "purchase") > 0.65
    assert share(crowd("window_shopper"), "purchase") < 0.1


def test_bargain_hunters_sort_by_price() -> None:
    assert share(crowd("bargain_hunter"), "filter") > 0.5 > share(crowd("bouncer"), "filter")


def test_comparers_compare() -> None:
    assert share(crowd("comparer"), "compare") > 0.5


def test_cart_abandoners_fill_a_cart_and_mostly_leave_it() -> None:
    counts = crowd("cart_abandoner")
    assert share(counts, "add_to_cart") > 0.5 > 2 * share(counts, "purchase")


def test_bouncers_see_one_page() -> None:
    pages = [each["page_view"] + each["cart_view"] for each in crowd("bouncer")]
    assert sum(count <= 1 for count in pages) > 0.8 * len(pages)


def test_a_shown_action_is_answered_by_an_impression_with_its_slot() -> None:
    visitor = Visitor(BY_NAME["bargain_hunter"], STAND_IN, "shown", START_MS)
    visitor.pop()
    visitor.show(DISCOUNT, START_MS + 500)
    visitor.show(DISCOUNT, START_MS + 600)
    events = list(iter(visitor.pop, None))
    shown = [event for event in events if event["type"] == "impression"]
    assert [event["slot_id"] for event in shown] == ["s_1"]
    assert shown[0]["painted_at_ms"] == shown[0]["ts"]


def test_a_discount_moves_bargain_hunters_and_annoys_the_frustrated() -> None:
    hunters, frustrated = _answers("bargain_hunter"), _answers("frustrated_visitor")
    assert hunters["action_click"] > 3 * frustrated["action_click"]
    assert frustrated["dismiss"] > 2 * hunters["dismiss"]
    assert hunters["convert"] > 0


def _answers(persona: str) -> Counter[str]:
    out: Counter[str] = Counter()
    for number in range(150):
        visitor = Visitor(BY_NAME[persona], STAND_IN, f"r{number}", START_MS)
        visitor.pop()
        visitor.show(DISCOUNT, START_MS + 500)
        out.update(event["type"] for event in iter(visitor.pop, None))
    return out
