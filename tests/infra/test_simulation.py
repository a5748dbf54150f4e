"""Simulated visitors drive a gateway as an SDK would and answer what it pushes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.ingest import Accepted, Asked, ingest
from infra.demo.goods import STAND_IN
from infra.demo.persona import Truth
from infra.demo.simulation import Crowd, Seen, Simulation
from infra.demo.simulation_report import learned_vs_true
from schemas.decision import Decision, TriggerRef
from schemas.event import DECISION_POINTS
from schemas.site import Site

pytestmark = pytest.mark.long

SITE = Site(site="demo", mint_secret=b"m" * 32)
ACTION = {
    "type": "decision",
    "action_type": "discount_popup",
    "source": "model",
    "render": {"kind": "modal", "title": "15 % off"},
}


class Gateway:
    """The real ingest function behind two routes; each visitor is pushed one action."""

    def __init__(self) -> None:
        self.batches: list[Accepted] = []
        self.refused: list[Any] = []
        self.pushed = 0

    def app(self) -> web.Application:
        """The two routes an SDK uses."""
        app = web.Application()
        app.router.add_post("/v1/events", self.events)
        app.router.add_get("/v1/stream", self.stream)
        return app

    async def events(self, request: web.Request) -> web.Response:
        """Judge a batch as the gateway does."""
        asked = Asked(content_type=request.content_type)
        result = ingest(await request.read(), asked, lambda _: SITE, now_ms=1_760_000_000_000)
        if not isinstance(result, Accepted):
            self.refused.append(result)
            return web.Response(status=result.status, body=msgspec.json.encode(result.body))
        self.batches.append(result)
        return web.json_response(
            {
                "visitor_id": result.subject.visitor_id,
                "visitor_token": result.subject.token,
                "accepted": len(result.taken),
                "duplicates": 0,
                "rejected": [msgspec.to_builtins(each) for each in result.rejected],
            },
            status=202,
        )

    async def stream(self, request: web.Request) -> web.WebSocketResponse:
        """Welcome the visitor and show one action."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive_json()
        self.pushed += 1
        names = {"slot_id": f"s_{self.pushed}", "decision_id": f"d_{self.pushed}"}
        await socket.send_json({"type": "welcome"})
        await socket.send_json({**ACTION, **names})
        async for _ in socket:
            continue
        return socket


@pytest.fixture
async def played() -> tuple[Gateway, Simulation]:
    """Twelve visitors, whose minutes pass in a blink, against that gateway."""
    gateway = Gateway()
    async with TestServer(gateway.app()) as server:
        crowd = Crowd(
            str(server.make_url("")), "demo", "t", rate=50, seconds=0.2, visitors=12, speed=400
        )
        simulation = Simulation(crowd, STAND_IN, remember=True)
        await simulation.play()
    return gateway, simulation


async def test_everything_sent_is_accepted_and_counted(played: tuple[Gateway, Simulation]) -> None:
    gateway, simulation = played
    run = simulation.run
    assert not gateway.refused and run.rejected == 0
    assert run.accepted == len(run.sent) == sum(len(each.taken) for each in gateway.batches)
    assert all(sent.answered for sent in run.sent)
    assert len(simulation.seen) == 12 and None not in run.users


async def test_each_visitor_answers_its_action_once(played: tuple[Gateway, Simulation]) -> None:
    gateway, _ = played
    events = [taken.event for each in gateway.batches for taken in each.taken]
    shown = [event.slot_id for event in events if event.type == "impression"]
    assert len(shown) == len(set(shown)) > 0
    answered = {event.slot_id for event in events if event.type in ("action_click", "dismiss")}
    assert answered <= set(shown)


async def test_a_decision_point_leaves_with_the_batch_it_ends(
    played: tuple[Gateway, Simulation],
) -> None:
    gateway, _ = played
    sizes = [len(each.taken) for each in gateway.batches]
    kinds = {taken.event.type for each in gateway.batches for taken in each.taken}
    assert max(sizes) > 1 and kinds & DECISION_POINTS


def test_arrivals_depend_on_the_seed_alone_and_end_with_the_time() -> None:
    crowd = Crowd("", "demo", "a", rate=42.0, seconds=60.0)
    arrivals = list(crowd.arrivals_s())
    assert arrivals == list(crowd.arrivals_s())
    assert arrivals == sorted(arrivals) and arrivals[-1] < 60.0
    assert 30 < len(arrivals) < 100


def test_learned_against_true_uses_only_what_was_decided_before_the_purchase() -> None:
    seen = [Seen(Truth("decided_buyer", True), bought=True), Seen(Truth("bouncer", False))]
    decided = [
        _decision("u0", n, "purchase" if n == 4 else "page_view", 900_000 if n < 4 else 0)
        for n in range(6)
    ] + [_decision("u1", n, "page_view", 100_000) for n in range(6)]
    found = learned_vs_true(seen, ["u0", "u1"], decided)
    assert found["purchase_intent_auroc"]["3"]["value"] == 1.0
    assert found["purchase_intent_auroc"]["5"]["value"] is None
    assert found["personas"]["decided_buyer"]["mean_scores"]["purchase_intent"] == 0.9


def _decision(user: str, at_ms: int, kind: str, score: int) -> Decision:
    return Decision(
        user_key=user,
        decided_at_ms=at_ms,
        trigger=TriggerRef(kind),
        scores={"purchase_intent": score},
    )
