"""The load generator's socket against the real gateway: what it sends and hears."""

from __future__ import annotations

import json

import pytest

from connectors.http1 import NoAnswer
from connectors.sdk_client import Http, Message, Tab, wall_ms
from connectors.ws1 import CLOSE, PING, TEXT, Socket, _frame
from gateway.settings import Settings
from gateway.ws_frames import frame
from tests.gateway.conftest import Gateway, start_gateway
from tests.gateway.samples import SEED, make_decision, make_event, make_site
from tests.gateway.test_push import metric, until

STORY = (frame(TEXT & 15, b"short") + frame(PING & 15, b"") + frame(TEXT & 15, b"x" * 300)) + frame(
    TEXT & 15, b"y" * 70_000
)
TOLD = [(TEXT, b"short"), (PING, b""), (TEXT, b"x" * 300), (TEXT, b"y" * 70_000)]


async def test_a_tab_hears_its_decisions_and_leaves() -> None:
    """Also after pings, which it answers: a socket that answers none would be gone by then."""
    gateway = await start_gateway(Settings(), make_site())
    heard: list[Message] = []
    url = f"http://127.0.0.1:{gateway.port}"
    async with Http(url) as http:
        tab = Tab(
            http,
            "demo",
            seed=SEED,
            session_id="s-91",
            on_message=lambda message, _at_ms: heard.append(message),
        )
        assert (await tab.post([make_event()], int(wall_ms())) or {})["status"] == 202
        await tab.listen()
        await until(lambda: len(heard) == 1)
        assert heard[0]["type"] == "welcome" and tab.visitor_id
        await _pinged(gateway)
        gateway.decide(make_decision(f"demo:v:{tab.visitor_id}"))
        await until(lambda: any(each["type"] == "decision" for each in heard))
        tab.close()
        await until(lambda: metric(gateway, "sockets_closed_total", code="1001") == 1)
    await gateway.close()


async def _pinged(gateway: Gateway) -> None:
    (line,) = gateway.parts.streams._open
    for _ in range(5):
        line.beat()
        await until(lambda: line._unheard == 0)  # type: ignore[attr-defined]


async def test_a_refused_upgrade_is_no_answer() -> None:
    gateway = await start_gateway(Settings(), make_site())
    socket = Socket(lambda _text: None)
    with pytest.raises(NoAnswer, match="404"):
        await socket.connect(f"http://127.0.0.1:{gateway.port}/nowhere")
    await gateway.close()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000, len(STORY)])
def test_frames_are_the_same_however_the_bytes_arrive(size: int) -> None:
    left, told = b"", []
    for at in range(0, len(STORY), size):
        left += STORY[at : at + size]
        while (found := _frame(left)) is not None:
            first, data, left = found
            told.append((first, data))
    assert told == TOLD and left == b""


async def test_a_goodbye_ends_the_socket() -> None:
    """A hello that does not hold is answered with one."""
    gateway = await start_gateway(Settings(), make_site())
    socket = Socket(lambda _text: None)
    await socket.connect(f"http://127.0.0.1:{gateway.port}/v1/stream")
    assert socket._transport is not None and CLOSE == 0x88
    socket.send(json.dumps({"type": "hi"}).encode())
    await until(socket._transport.is_closing)
    await until(lambda: not gateway.parts.streams._open)
    await gateway.close()
