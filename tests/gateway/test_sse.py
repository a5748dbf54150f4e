"""Server-sent events carry the messages of a socket, and a position that survives a reconnect."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from gateway.codes import CODES, DRAIN
from tests.gateway.conftest import Gateway
from tests.gateway.samples import ORIGIN, make_decision
from tests.gateway.test_push import KEY, OTHER, fresh, metric, until

WITHIN_S = 10.0
PLACE = {"site": "demo", "session_id": "s-91", "tab_id": "t1"}


class Reader:
    """An EventSource: fields of each event by name, comments left out."""

    def __init__(self, response: Any) -> None:
        self.response = response

    async def event(self) -> dict[str, str]:
        """The next event."""
        fields: dict[str, str] = {}
        while True:
            line = (await asyncio.wait_for(self.response.content.readline(), WITHIN_S)).decode()
            if not line.strip():
                if fields or not line:
                    return fields
                continue
            name, _, value = line.rstrip("\n").partition(": ")
            fields[name] = value

    async def message(self) -> dict[str, Any]:
        """The next message."""
        found: dict[str, Any] = json.loads((await self.event())["data"])
        return found


async def listen(gateway: Gateway, last: str = "", **changes: Any) -> Reader:
    """An open stream after its `retry`."""
    headers = {"Kairos-Visitor": fresh(KEY), "Origin": ORIGIN, **changes}
    if last:
        headers["Last-Event-ID"] = last
    response = await gateway.client.get("/v1/sse", params=PLACE, headers=headers)
    reader = Reader(response)
    if response.status == 200:
        assert int((await reader.event())["retry"]) >= 500
    return reader


async def test_the_same_messages_as_on_a_socket(gateway: Gateway) -> None:
    reader = await listen(gateway)
    assert reader.response.headers["Content-Type"] == "text/event-stream"
    assert reader.response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert (await reader.message())["type"] == "welcome"
    gateway.decide(make_decision(OTHER))
    gateway.decide(make_decision(KEY, 2))
    event = await reader.event()
    told = json.loads(event["data"])
    assert (event["id"], told["type"], told["slot_id"]) == ("2/1", "decision", "s_2")
    reader.response.close()
    await until(lambda: not gateway.parts.hub.is_present(KEY))


async def test_the_last_event_id_resumes(gateway: Gateway) -> None:
    for number in (1, 2):
        gateway.decide(make_decision(KEY, number))
    reader = await listen(gateway, "1/1")
    welcome, told = await reader.message(), await reader.message()
    assert (welcome["resumed"], welcome["seq"], told["seq"]) == (True, 2, 2)
    reader.response.close()


@pytest.mark.parametrize(("last", "marks"), [("1/1", [None, "2/1"]), ("2/1", ["2/1"])])
async def test_a_welcome_is_a_position_only_where_nothing_follows(
    gateway: Gateway, last: str, marks: list[str | None]
) -> None:
    """A stream that breaks behind it still gets what was to follow."""
    for number in (1, 2):
        gateway.decide(make_decision(KEY, number))
    reader = await listen(gateway, last)
    assert [(await reader.event()).get("id") for _ in marks] == marks
    reader.response.close()


async def test_a_cookie_carries_the_token_too(gateway: Gateway) -> None:
    headers = {"Cookie": f"kairos_visitor={fresh(KEY)}"}
    response = await gateway.client.get("/v1/sse", params=PLACE, headers=headers)
    assert response.status == 200
    response.close()


REFUSED: list[tuple[dict[str, str], dict[str, str], int]] = [
    ({"Kairos-Visitor": "x"}, {}, 401),
    ({}, {"site": "nowhere"}, 404),
    ({"Origin": "https://evil.example"}, {}, 403),
    ({}, {"session_id": ""}, 400),
    ({"Kairos-Visitor": ""}, {}, 400),
]


@pytest.mark.parametrize(("headers", "params", "status"), REFUSED)
async def test_a_refusal_is_a_status(
    gateway: Gateway, headers: dict[str, str], params: dict[str, str], status: int
) -> None:
    sent = {"Kairos-Visitor": fresh(KEY), "Origin": ORIGIN, **headers}
    response = await gateway.client.get("/v1/sse", params={**PLACE, **params}, headers=sent)
    assert response.status == status and (await response.json())["error"]
    assert status in {code.status for code in CODES.values()}


async def test_a_drain_says_when_to_come_back_and_ends_the_stream(gateway: Gateway) -> None:
    reader = await listen(gateway)
    await reader.message()
    draining = asyncio.create_task(gateway.parts.streams.drain())
    hint, last = await reader.message(), await reader.message()
    assert hint["type"] == "reconnect" and hint["after_ms"] >= 0
    assert (last["type"], last["code"]) == ("close", DRAIN)
    assert await reader.event() == {}, "the body ends"
    await draining
    assert metric(gateway, "sockets_closed_total", code="1012") == 1
