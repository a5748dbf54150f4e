"""Nothing personal and nothing secret in a log, whatever goes wrong."""

from __future__ import annotations

import logging

import pytest

from gateway.__main__ import without_caller
from gateway.settings import BadSettings, read_settings
from tests.gateway.conftest import Gateway
from tests.gateway.samples import make_batch, make_event

CANARY = "canary-7f3a@shop.example"


async def test_no_log_line_holds_what_a_visitor_sent(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    events = [make_event(page={"title": CANARY}), make_event(event_id=CANARY)]
    await gateway.client.post("/v1/events", json=make_batch(*events))
    await gateway.client.post("/v1/events", data=f'{{"{CANARY}": 1, "{CANARY}": 2}}')
    await gateway.client.post(f"/v1/events?wait={CANARY}", headers={"Kairos-Visitor": CANARY})
    ws = await gateway.client.ws_connect("/v1/stream")
    await ws.send_str(CANARY)
    await ws.receive(timeout=10)
    texts = [record.getMessage() for record in caplog.records if record.name != "aiohttp.client"]
    assert not [text for text in texts if "canary" in text or "127.0.0.1" in text]


def test_the_servers_own_messages_lose_the_callers_address() -> None:
    record = logging.LogRecord(
        "aiohttp.server", logging.ERROR, "", 1, "Error handling %s", (CANARY,), None
    )
    assert without_caller(record) and CANARY not in record.getMessage()


WRONG = [
    {"KAIROS_PORT_GATEWAY": "http"},
    {"KAIROS_PORT_GATEWAY": "70000"},
    {"KAIROS_REGISTRY_URL": "127.0.0.1"},
    {"KAIROS_RATE_IP": "many"},
    {"KAIROS_RATE_SITE": "0"},
]


@pytest.mark.parametrize("env", WRONG)
def test_a_wrong_setting_is_named(env: dict[str, str]) -> None:
    with pytest.raises(BadSettings, match=next(iter(env))):
        read_settings(env)


def test_settings_come_from_the_environment() -> None:
    env = {"KAIROS_PORT_GATEWAY": "1234", "KAIROS_RATE_VISITOR": "5:10"}
    settings = read_settings(env)
    assert (settings.port, settings.visitor_rate.burst) == (1234, 10)
