"""A decision that is late: the fallback once, or an explicit none; nothing on top of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.answers import Answers
from gateway.time_out import newest_carrier
from schemas.decision import Decision, Fallback, TriggerRef
from schemas.event import TIME_OUT
from schemas.ids import event_slot
from schemas.render import Render
from tests.gateway.conftest import Gateway
from tests.gateway.forced import CAMPAIGNS, Forced, Shown
from tests.gateway.samples import make_batch, make_decision, make_event
from tests.gateway.test_push import HEARD_WITHIN_S, KEY, SITE, said

NOW_MS, SOON_MS = 1_000_000, 1_000_001
FALLBACK = Fallback("SPARE", "page", "discount_popup", Render(title="Spare"), SOON_MS)
FAST, FULL = 400, 10_000
HOLDS, NOTHING = True, False
NONE_FOR_IT: dict[str, Any] = {"render": None, "seq": 0, "reason": "no_eligible"}


def none(number: int, **changes: Any) -> Decision:
    """A record that shows nothing and carries a fallback."""
    fields: dict[str, Any] = {
        "render": None,
        "seq": 0,
        "decided_at_ms": number,
        "trigger": TriggerRef("page_view", f"e{number}"),
        "fallback": FALLBACK,
        "reason": "no_eligible",
    }
    return make_decision(KEY, number, **{**fields, **changes})


OVER = replace(FALLBACK, valid_until_ms=NOW_MS)
CARRIERS: list[tuple[str, list[Decision], str]] = [
    ("nothing is known", [], ""),
    ("one is held", [none(1)], "d_1"),
    ("the newest of two", [none(1), none(2)], "d_2"),
    ("the newest, written again before", [none(2), none(1), none(2)], "d_2"),
    ("released by a decision without one", [none(1), none(2, fallback=None)], ""),
    ("released by an action", [none(1), make_decision(KEY, 2, decided_at_ms=2)], ""),
    ("another placement of the same ask", [none(1), none(2, trigger=none(1).trigger)], "d_2"),
    ("held beside an action", [none(1), none(2, fallback=None, trigger=none(1).trigger)], "d_1"),
    ("another tab's", [none(1, tab_id="t2")], ""),
    ("another tab releases nothing", [none(1), none(2, tab_id="t2", fallback=None)], "d_1"),
    ("a probe releases nothing", [none(1), none(2, reason="probe", fallback=None)], "d_1"),
    ("over", [none(1, fallback=OVER)], ""),
    ("used", [none(7)], ""),
]


@pytest.mark.parametrize(
    ("known", "carrier"), [row[1:] for row in CARRIERS], ids=[row[0] for row in CARRIERS]
)
def test_which_fallback_may_be_shown(known: list[Decision], carrier: str) -> None:
    found = newest_carrier(known, "s-91", "t1", used={"d_7"}, now_ms=NOW_MS)
    assert (found.decision_id if found else "") == carrier


PLACES = [("page",), ("page", "bar")]


def counted(time_outs: int, placements: tuple[str, ...] = PLACES[0]) -> Forced:
    """Forced time-outs, each path taken often enough to mean something."""
    forced = Forced(11, placements)
    counts = forced.run(time_outs)
    assert counts["fallback"] > time_outs // 10 and counts["no_fallback"] > time_outs // 10
    assert counts["late"] > time_outs // 8 and counts["late_shown"] > 0
    assert all(counts[f"shown {source}"] for source in ("rule", "fallback"))
    return forced


@pytest.mark.promise("X5")
@pytest.mark.parametrize("placements", PLACES, ids=["one placement", "two"])
def test_no_time_out_breaks_a_cap_or_a_holdout_or_goes_unexplained(
    placements: tuple[str, ...],
) -> None:
    """Nor does a fallback close the other placements of its event."""
    assert counted(FAST, placements).wrong == []


@pytest.mark.long
def test_ten_thousand_time_outs_break_nothing() -> None:
    forced = counted(FULL)
    assert forced.wrong == [] and len(forced.notes) >= FULL


PLANTED: list[tuple[str, Any, str]] = [
    ("use", lambda *_: None, "times"),
    ("decided", lambda *_a, **_k: True, "was pushed twice"),
]


@pytest.mark.parametrize(("name", "bug", "found"), PLANTED, ids=["used again", "put on top"])
def test_the_check_finds_a_planted_bug(
    monkeypatch: pytest.MonkeyPatch, name: str, bug: Any, found: str
) -> None:
    monkeypatch.setattr(Answers, name, bug)
    forced = Forced(seed=11)
    forced.run(FAST)
    assert any(found in each for each in forced.wrong)


def test_the_check_finds_a_fallback_given_to_a_holdout(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the job had not asked whether the visitor may see it."""
    monkeypatch.setattr("models.decision.withheld", lambda _mode, _draws: "")
    forced = Forced(seed=11)
    forced.run(FAST)
    assert any("shown to a holdout" in each for each in forced.wrong)
    assert any(each.holdout_ppm for each in CAMPAIGNS)


def slot_of(number: int) -> str:
    """The slot of an event of `make_event`."""
    return event_slot("demo", KEY, "page", f"e{number}")


async def post(gateway: Gateway, number: int, wait_ms: int = 0, **changes: Any) -> dict[str, Any]:
    """One event of the visitor's tab; the answer."""
    made = make_event(event_id=f"e{number}", session_index=number, **changes)
    query = {"wait": str(wait_ms)} if wait_ms else {}
    response = await gateway.client.post("/v1/events", params=query, json=make_batch(made))
    answer: dict[str, Any] = await response.json()
    assert response.status == 202, answer
    return answer


async def test_the_fallback_goes_out_in_time_and_the_late_answer_does_not(gateway: Gateway) -> None:
    ws = await said(gateway)
    await ws.receive_json(timeout=HEARD_WITHIN_S)
    good = replace(FALLBACK, valid_until_ms=4_000_000_000_000)
    gateway.decide(none(1, fallback=good))
    loop = asyncio.get_running_loop()
    sent_s = loop.time()
    await post(gateway, 2, type="exit_intent")
    frame = await ws.receive_json(timeout=HEARD_WITHIN_S)
    assert loop.time() - sent_s >= 0.08
    assert (frame["source"], frame["slot_id"], frame["decision_id"]) == (
        "fallback",
        slot_of(2),
        "d_1",
    )
    assert (frame["campaign_id"], frame["class"], frame["event_id"]) == ("SPARE", "instant", "e2")
    gateway.decide(make_decision(KEY, 2, slot_id=slot_of(2)))
    gateway.decide(make_decision(KEY, 3))
    assert (await ws.receive_json(timeout=HEARD_WITHIN_S))["slot_id"] == "s_3"
    assert gateway.parts.hub.counts["late"] == 1
    note = gateway.log.events[-1]
    assert (note.internal, note.slot_id, note.decision_id) == (TIME_OUT, slot_of(2), "d_1")
    await ws.close()


async def test_an_answer_in_time_ends_the_waiting(gateway: Gateway) -> None:
    ws = await said(gateway)
    await ws.receive_json(timeout=HEARD_WITHIN_S)
    await post(gateway, 2, type="exit_intent")
    gateway.decide(make_decision(KEY, 2, slot_id=slot_of(2)))
    assert (await ws.receive_json(timeout=HEARD_WITHIN_S))["source"] == "rule"
    assert len(gateway.parts.hub._deadlines) == 0
    await ws.close()


async def test_a_late_answer_is_shown_where_nothing_was(gateway: Gateway) -> None:
    """There is nothing it could be put on top of."""
    ws = await said(gateway)
    await ws.receive_json(timeout=HEARD_WITHIN_S)
    answer = await post(gateway, 2, 100, type="exit_intent")
    assert (answer["decision"], answer["reason"]) == (None, "no_fallback")
    gateway.decide(make_decision(KEY, 2, slot_id=slot_of(2)))
    assert (await ws.receive_json(timeout=HEARD_WITHIN_S))["source"] == "rule"
    assert gateway.parts.hub.counts["no_fallback"] == gateway.parts.hub.counts["late_shown"] == 1
    await ws.close()


LEFT = [
    # when the decision comes -> what ends the wait
    ("late", {}, {"left": 1}),
    ("in time", {}, {}),
    ("in time", NONE_FOR_IT, {}),
]


@pytest.mark.parametrize(("comes", "changes", "ended"), LEFT)
def test_a_tab_that_left_and_comes_back_sees_the_decision_and_no_fallback(
    comes: str, changes: dict[str, Any], ended: dict[str, int]
) -> None:
    """A form was sent: nobody listens at the deadline, and the next page does."""
    forced = Forced(seed=11)
    tab, asked = Shown(KEY, forced), slot_of(2)
    forced.hub.attach(tab, 0, None)
    spare = replace(FALLBACK, valid_until_ms=4_000_000_000_000)
    forced.put(none(1, session_id="s1", fallback=spare))
    forced.hub.arm(replace(tab.make("exit_intent"), event_id="e2"), forced.site)
    forced.hub.detach(tab)
    late = make_decision(KEY, 2, slot_id=asked, session_id="s1", **changes)
    if comes == "in time":
        forced.put(late)
    else:
        forced.ring()
        forced.put(late)
    frames = forced.hub.attach(tab, 0, None).frames
    forced.ring()
    assert [asked in each.text for each in frames] == [True] * (late.render is not None)
    assert not tab.frames and not forced.notes and not forced.hub._answers.carriers
    counts = forced.hub.counts
    assert {name: counts[name] for name in ("left", "fallback") if counts[name]} == ended


WAITS = [(HOLDS, 80, "fallback"), (HOLDS, 400, "fallback"), (NOTHING, 80, "no_fallback")]


@pytest.mark.parametrize(("holds", "wait_ms", "answer"), WAITS)
async def test_a_request_that_waits_gets_the_fallback_too(
    gateway: Gateway, holds: bool, wait_ms: int, answer: str
) -> None:
    """Without one it waits on: later is better than nothing."""
    if holds:
        good = replace(FALLBACK, valid_until_ms=4_000_000_000_000)
        gateway.decide(none(1, fallback=good))
    told = await post(gateway, 2, wait_ms, type="exit_intent")
    assert (told["decision"]["source"] if holds else told["reason"]) == answer


UNARMED: list[dict[str, Any]] = [
    {"type": "scroll"},
    {"type": "purchase"},
    {"ts": SITE.version + 1_712_613_000_000},
]


@pytest.mark.parametrize("changes", UNARMED)
async def test_nothing_is_owed_to_what_never_asks_or_is_stale(
    gateway: Gateway, changes: dict[str, Any]
) -> None:
    ws = await said(gateway)
    await ws.receive_json(timeout=HEARD_WITHIN_S)
    await post(gateway, 2, **{"type": "exit_intent", **changes})
    assert len(gateway.parts.hub._deadlines) == 0
    await ws.close()
