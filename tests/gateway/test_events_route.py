"""POST /v1/events over HTTP: statuses, headers, waiting for a decision, limits."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest

from gateway.log import LogFull, LogUnavailable
from gateway.settings import Rate, Settings
from schemas.ids import event_slot
from tests.gateway.conftest import Gateway, start_gateway
from tests.gateway.samples import ORIGIN, make_batch, make_decision, make_event, make_site


async def test_an_answer_names_visitor_token_and_counts(gateway: Gateway) -> None:
    response = await gateway.client.post("/v1/events", data=json.dumps(make_batch()))
    answer = await response.json()
    assert response.status == 202
    assert {
        "visitor_id",
        "visitor_token",
        "accepted",
        "duplicates",
        "rejected",
        "decision",
        "reason",
    } <= answer.keys()
    assert answer["user_key"] == f"demo:v:{answer['visitor_id']}"
    assert gateway.log.events[0].user_key == answer["user_key"]


async def test_the_token_instead_of_the_seed_is_the_same_visitor(gateway: Gateway) -> None:
    first = await (await gateway.client.post("/v1/events", json=make_batch())).json()
    batch = make_batch(
        make_event(event_id="next"), visitor_seed=None, visitor_token=first["visitor_token"]
    )
    second = await (await gateway.client.post("/v1/events", json=batch)).json()
    assert second["user_key"] == first["user_key"]
    assert second["visitor_token"] == first["visitor_token"]


async def test_stamps_never_decrease(gateway: Gateway) -> None:
    events = [make_event(event_id=str(number)) for number in range(50)]
    await gateway.client.post("/v1/events", json=make_batch(*events))
    stamps = [event.received_at_ms for event in gateway.log.events]
    assert stamps == sorted(stamps) and len(stamps) == 50


async def test_an_allowed_origin_is_echoed_and_another_is_not(gateway: Gateway) -> None:
    body = json.dumps(make_batch())
    here, there = [
        await gateway.client.post("/v1/events", data=body, headers={"Origin": origin})
        for origin in (ORIGIN, "https://evil.example")
    ]
    assert here.status == 202 and here.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert there.status == 403 and "Access-Control-Allow-Origin" not in there.headers
    assert here.headers["Vary"] == "Origin"


async def test_a_preflight_is_good_for_two_hours(gateway: Gateway) -> None:
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    response = await gateway.client.options("/v1/events", headers=headers)
    assert response.status == 204 and response.headers["Access-Control-Max-Age"] == "7200"
    foreign = await gateway.client.options("/v1/events", headers={"Origin": "https://evil"})
    assert foreign.status == 403


async def test_gzip_is_read_and_a_bomb_is_refused(gateway: Gateway) -> None:
    packed = {"Content-Encoding": "gzip", "Content-Type": "text/plain"}
    good = gzip.compress(json.dumps(make_batch()).encode())
    bomb = gzip.compress(b" " * 10_000_000)
    statuses = [
        (await gateway.client.post("/v1/events", data=data, headers=packed)).status
        for data in (good, bomb, b"x" * 70_000)
    ]
    assert statuses == [202, 413, 413]


async def decided(gateway: Gateway, site: str, **changes: Any) -> dict[str, Any]:
    """The answer to a waiting POST whose decision comes 20 ms later."""
    post = asyncio.create_task(
        gateway.client.post("/v1/events?wait=2000", json=make_batch(site=site))
    )
    deadline = asyncio.get_running_loop().time() + 2
    while not gateway.log.events and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.005)
    event = gateway.log.events[0]
    slot = event_slot(site, event.user_key, "page", event.event_id)
    fields = {"slot_id": slot, "site": site, **changes}
    gateway.decide(make_decision(event.user_key, **fields), {"kairos.ledger": b'{"x": 1}'})
    answer: dict[str, Any] = await (await post).json()
    return answer


async def test_waiting_answers_with_the_decision_of_the_last_event(gateway: Gateway) -> None:
    answer = await decided(gateway, "demo")
    decision = answer["decision"]
    assert (decision["campaign_id"], decision["render"]["title"]) == ("WINTER", "15 % off")
    assert decision["ttl_ms"] > 0 and answer["reason"] is None
    assert not {"rtme_state", "ledger", "explain", "latency_ms"} & decision.keys()


@pytest.mark.promise("M38", "M39", "M40", "M42")
async def test_a_full_site_gets_the_whole_decision(gateway: Gateway) -> None:
    decision = (await decided(gateway, "full"))["decision"]
    assert decision["rtme_state"]["engagement_intent"] == 0.92
    assert decision["rtme_state"]["churn_risk"] == 0.04
    assert decision["rtme_state"]["concept"] == "high_stickiness"
    assert decision["orchestration"] == {
        "winner_campaign": "WINTER",
        "trigger_type": "in_app_modal",
    }
    assert decision["latency_ms"] >= 0 and decision["ledger"]["pushed_at_ms"] > 0
    assert decision["explain"]["sentence"].startswith("WINTER won")


NONES = [
    ({"render": None, "reason": "no_eligible"}, "no_eligible"),
    ({"render": None, "reason": "withheld", "withheld": "holdout"}, "holdout"),
    ({"expires_at_ms": 1}, "expired"),
]


@pytest.mark.parametrize(("changes", "reason"), NONES)
async def test_no_action_is_an_answer_with_a_reason(
    gateway: Gateway, changes: dict[str, Any], reason: str
) -> None:
    answer = await decided(gateway, "demo", **changes)
    assert (answer["decision"], answer["reason"]) == (None, reason)


async def test_waiting_ends_in_time(gateway: Gateway) -> None:
    answer = await (await gateway.client.post("/v1/events?wait=30", json=make_batch())).json()
    assert (answer["decision"], answer["reason"]) == (None, "timeout")
    assert not gateway.parts.hub.is_present(answer["user_key"])


@pytest.mark.parametrize("wait", ["-1", "x", "1.5", "9" * 20, "٣"])
async def test_a_bad_wait_is_named(gateway: Gateway, wait: str) -> None:
    response = await gateway.client.post("/v1/events", params={"wait": wait}, json=make_batch())
    assert response.status == 400 and (await response.json())["field"] == "wait"


@pytest.mark.parametrize("name", ["ip_rate", "visitor_rate", "site_rate"])
async def test_too_many_events_are_told_when_to_come_back(name: str) -> None:
    settings = Settings(**{name: Rate(1, 2)})  # type: ignore[arg-type]
    gateway = await start_gateway(settings, make_site())
    statuses = []
    for number in range(3):
        batch = make_batch(make_event(event_id=str(number)))
        response = await gateway.client.post("/v1/events", json=batch)
        statuses.append(response.status)
    assert statuses == [202, 202, 429] and response.headers["Retry-After"] == "1"
    await gateway.close()


@pytest.mark.parametrize(("failure", "after"), [(LogUnavailable, "1"), (LogFull, "5")])
async def test_what_cannot_be_durable_now_is_told_when_to_come_back(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, failure: type[Exception], after: str
) -> None:
    def refused(_event: object) -> None:
        raise failure("no")

    monkeypatch.setattr(gateway.log, "send", refused)
    response = await gateway.client.post("/v1/events", json=make_batch())
    assert (response.status, response.headers["Retry-After"]) == (503, after)


async def test_health_tells_what_is_missing(gateway: Gateway) -> None:
    alive, ready = [await gateway.client.get(path) for path in ("/healthz", "/readyz")]
    assert alive.status == 200 and ready.status == 503
    assert (await ready.json())["missing"] == ["sites", "decisions"]
    gateway.parts.ready.sites_loaded = gateway.parts.ready.decisions_followed = True
    assert (await gateway.client.get("/readyz")).status == 200
    gateway.parts.ready.draining = True
    assert (await (await gateway.client.get("/readyz")).json())["missing"] == ["draining"]


async def test_metrics_count_and_name_nobody(gateway: Gateway) -> None:
    answer = await (await gateway.client.post("/v1/events", json=make_batch())).json()
    await gateway.client.post("/v1/events", data="{")
    text = await (await gateway.client.get("/metrics")).text()
    assert 'kairos_gateway_requests_total{status="202"} 1.0' in text
    assert 'kairos_gateway_requests_total{status="400"} 1.0' in text
    assert answer["visitor_id"] not in text and "s-91" not in text


async def test_the_interface_describes_itself(gateway: Gateway) -> None:
    document = await (await gateway.client.get("/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    event = document["components"]["schemas"]["WireEvent"]
    assert set(event["required"]) == {"event_id", "session_index", "type", "ts"}


async def test_the_sdk_may_be_loaded_by_a_shop_elsewhere(tmp_path: Any) -> None:
    (tmp_path / "kairos.js").write_text("let k", "utf-8")
    gateway = await start_gateway(Settings(sdk_dir=tmp_path), make_site())
    first = await gateway.client.get("/sdk/kairos.js")
    assert first.status == 200 and "javascript" in first.headers["Content-Type"]
    assert first.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    again = await gateway.client.get(
        "/sdk/kairos.js", headers={"If-None-Match": first.headers["ETag"]}
    )
    assert again.status == 304
    for name in ("kairos-render.js", "other.js", "..%2Fpackage.json"):
        assert (await gateway.client.get(f"/sdk/{name}")).status == 404
    await gateway.close()
