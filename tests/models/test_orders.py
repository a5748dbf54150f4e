"""One order is one order: page, pixel and webhook may all tell of it, each in its own words."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from evidence.report_state import ReportState
from evidence.report_state import happened as reported
from models import attribution, dedup
from models.audit import Audit
from models.coverage import Coverage
from models.user import step
from schemas.event import Event, order_of
from schemas.outcome import Outcome, outcome_of
from schemas.profile import Profile
from tests.builders import ONE_MINUTE, USER, context, event
from tests.models.test_attribution import WINDOW, folded, made

DAY_MS = 24 * 60 * ONE_MINUTE
PAGE: dict[str, Any] = {"value_micros": 59_000_000, "properties": {"order_id": "#1001"}}
HOOK: dict[str, Any] = {
    "session_id": "shopify",
    "tab_id": "order-1001",
    "value_micros": 64_000_000,
    "properties": {"order_id": 1001.0, "lines": 2.0},
}


def told(*events: Event) -> Profile:
    """The profile after these."""
    profile: Profile | None = None
    for each in events:
        profile, _, _ = step(profile, each, USER, context())
    assert profile is not None
    return profile


def by_page(at_ms: int = 0, index: int = 7, **fields: Any) -> Event:
    return event("purchase", at_ms, index, **{**PAGE, **fields})


def by_hook(at_ms: int = 2_000, **fields: Any) -> Event:
    return event("purchase", at_ms, 0, **{**HOOK, **fields})


@pytest.mark.parametrize(
    ("named", "name"),
    [
        ("1001", "1001"),
        ("#1001", "1001"),
        (" 1001 ", "1001"),
        (1001.0, "1001"),
        (10.5, "10.5"),
        ("", ""),
        (True, ""),
        ("x" * 80, "x" * 64),
    ],
)
def test_an_orders_name(named: Any, name: str) -> None:
    """However it is written; longer than a name may be is cut."""
    assert order_of(event("purchase", properties={"order_id": named})) == name


def test_only_a_purchase_names_an_order() -> None:
    assert order_of(event("page_view", properties={"order_id": "1001"})) == ""


@pytest.mark.parametrize("tellings", [(by_page, by_hook), (by_hook, by_page)])
def test_an_order_told_twice_counts_once(tellings: Any) -> None:
    """The first telling counts, with its value; the second is a duplicate."""
    first, second = tellings[0](0), tellings[1](2_000)
    profile = told(first, second, first, second)
    assert (profile.applied, profile.duplicate, profile.late) == (1, 3, 0)
    assert (profile.tally.orders, profile.tally.order_micros) == (1, first.value_micros)


def test_two_orders_are_two() -> None:
    """Also in one tab, and where the shop names none of them."""
    other = {**PAGE, "properties": {"order_id": "1002"}}
    unnamed = {**PAGE, "properties": {}}
    events = (
        by_page(),
        by_page(1, 8, **other),
        by_page(2, 9, **unnamed),
        by_page(3, 10, **unnamed),
    )
    assert told(*events).tally.orders == 4


def test_an_order_takes_nobodys_place_in_a_tab() -> None:
    """The tab's own numbers stay in order around it."""
    profile = told(event("page_view", 0, 6), by_page(1), event("page_view", 2, 8), by_page(3))
    assert (profile.applied, profile.duplicate, profile.conflict) == (3, 1, 0)


def test_without_windows_of_their_own_orders_count_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: an order is looked for in the window of who tells of it."""
    monkeypatch.setattr(dedup, "order_of", lambda _: "")
    assert told(by_page(), by_hook()).tally.orders == 2


def outcomes(*at_ms: int) -> list[Outcome]:
    """The same order, told at these times in turn by page and webhook."""
    found = [
        outcome_of(replace(teller(), received_at_ms=at))
        for at, teller in zip(at_ms, (by_page, by_hook) * len(at_ms), strict=False)
    ]
    return [each for each in found if each is not None]


def test_one_order_is_one_reward_however_late_it_is_told_again() -> None:
    """Not even a slot that was decided between the two tellings is paid for it."""
    first, second = outcomes(300, 300 + attribution.KEPT_MS + WINDOW)
    later = made("b", second.at_ms - 10)
    whole = [made("a"), first, made("c", first.at_ms + attribution.KEPT_MS), later, second]
    rewards = folded(whole, second.at_ms + 2 * WINDOW)[0].rewards
    assert [each.slot_id for each in rewards if each.converted] == ["s_a"]


def test_a_report_counts_an_order_once() -> None:
    """And an audit."""
    state = ReportState()
    for each in outcomes(300, 400):
        reported(state, USER, each, each.value_micros)
    assert list(state.visitors[USER].orders.values()) == [(300, 59_000_000)]
    audit = Audit(Coverage(()))
    audit.add_user([by_page(), by_hook(), by_page(1, 8, properties={})], [])
    assert (audit.orders, audit.order_micros) == (2, 118_000_000)
