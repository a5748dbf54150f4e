"""Several tabs on one socket: each hears what is its own, and a bad one costs no other."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.guests import GUESTS_MAX, Guest
from gateway.outbox import Frame
from tests.gateway.conftest import Gateway
from tests.gateway.samples import make_decision
from tests.gateway.test_push import KEY, OTHER, fresh, said


def beside(tab_id: str, **changes: Any) -> dict[str, Any]:
    """The hello of another tab of the same browser."""
    made = {"type": "hello", "site": "demo", "visitor_token": fresh(KEY), "session_id": "s-91"}
    return {**made, "tab_id": tab_id, "beside": True, **changes}


async def heard(ws: Any, count: int) -> list[tuple[str, str, str]]:
    """(tab, type, slot) of the next messages; the host's own have no tab."""
    out = []
    for _ in range(count):
        told = await ws.receive_json(timeout=10)
        inner = told.get("message", told)
        out.append((told.get("tab_id", ""), inner["type"], inner.get("slot_id", "")))
    return out


async def shared(gateway: Gateway, *tabs: str) -> Any:
    """A socket of tab t1 that these tabs share."""
    ws = await said(gateway)
    for tab in tabs:
        await ws.send_json(beside(tab))
    welcomes = await heard(ws, 1 + len(tabs))
    assert welcomes == [("", "welcome", ""), *((tab, "welcome", "") for tab in tabs)]
    return ws


async def both(gateway: Gateway, ws: Any) -> list[tuple[str, str, str]]:
    """What is heard of one decision for t2 and one for t1."""
    gateway.decide(make_decision(KEY, 1, tab_id="t2"))
    gateway.decide(make_decision(KEY, 2, tab_id="t1"))
    return await heard(ws, 2)


async def test_each_tab_hears_its_own_in_an_envelope(gateway: Gateway) -> None:
    """And the log can say which connection would show it."""
    ws = await shared(gateway, "t2", "t3")
    assert await both(gateway, ws) == [("t2", "decision", "s_1"), ("", "decision", "s_2")]
    names = {gateway.parts.hub.conn_id(KEY, "s-91", tab) for tab in ("t1", "t2", "t3")}
    assert len(names) == 3 and "" not in names


async def test_a_guest_without_its_envelope_would_be_seen(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: what is for another tab comes as if it were the host's."""

    def offer(self: Guest, frame: Frame) -> None:
        self._host.offer(frame)

    ws = await shared(gateway, "t2")
    monkeypatch.setattr(Guest, "offer", offer)
    assert ("", "decision", "s_1") in await both(gateway, ws)


async def test_a_guest_resumes_where_it_stood(gateway: Gateway) -> None:
    """Through whichever socket it says hello: what it has missed comes, and nothing else."""
    for number in (1, 2):
        gateway.decide(make_decision(KEY, number, tab_id="t2", placement=f"p{number}"))
    ws = await shared(gateway)
    await ws.send_json(beside("t2", last_seq=1, epoch=1))
    assert await heard(ws, 2) == [("t2", "welcome", ""), ("t2", "decision", "s_2")]


@pytest.mark.parametrize("ends", ["leave", "close"])
async def test_a_tab_that_has_left_is_nowhere(gateway: Gateway, ends: str) -> None:
    """By its own word, or with the socket."""
    ws = await shared(gateway, "t2")
    if ends == "leave":
        await ws.send_json({"type": "leave", "tab_id": "t2"})
        await ws.send_json(beside("t9"))
        await heard(ws, 1)
        assert gateway.parts.hub.connections_of(KEY) == 2
    await ws.close()
    while gateway.parts.streams._open:
        await gateway.client.get("/healthz")
    assert gateway.parts.hub.connections_of(KEY) == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"visitor_token": "forged"}, 4001), ({"site": "no-such"}, 4004)],
)
async def test_a_bad_guest_is_refused_alone(gateway: Gateway, changes: Any, code: int) -> None:
    """The others go on."""
    ws = await shared(gateway, "t2")
    await ws.send_json(beside("t3", **changes))
    refused = await ws.receive_json(timeout=10)
    assert (refused["tab_id"], refused["message"]["code"]) == ("t3", code)
    assert await both(gateway, ws) == [("t2", "decision", "s_1"), ("", "decision", "s_2")]


async def test_a_guest_needs_a_token_of_its_own(gateway: Gateway) -> None:
    """Another visitor's tab on this socket hears that visitor's, and the host never does."""
    ws = await shared(gateway)
    await ws.send_json(beside("t1", visitor_token=fresh(OTHER)))
    assert await heard(ws, 1) == [("t1", "welcome", "")]
    gateway.decide(make_decision(OTHER, 1))
    gateway.decide(make_decision(KEY, 2))
    assert await heard(ws, 2) == [("t1", "decision", "s_1"), ("", "decision", "s_2")]


async def test_guests_are_bounded_and_one_that_comes_again_is_one(gateway: Gateway) -> None:
    """A reload says hello with the id of its tab."""
    ws = await shared(gateway)
    for number in [*range(GUESTS_MAX), 0, GUESTS_MAX]:
        await ws.send_json(beside(f"g{number}"))
        told = (await heard(ws, 1))[0]
    assert told == (f"g{GUESTS_MAX}", "close", "")
    assert gateway.parts.hub.connections_of(KEY) == 1 + GUESTS_MAX
