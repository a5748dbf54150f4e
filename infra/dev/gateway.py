"""A gateway that answers by script: the contract's routes, nothing durable, nobody checked."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import time
from collections import deque
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from gateway.assets import HEADERS, NAMES
from infra.dev.script import Step

HELD_MAX, EVENTS_KEPT_MAX = 16, 2_000
EPOCH = 1
Json = dict[str, Any]


class ScriptedGateway:
    """Events in, scripted frames out; what comes before a hello is held for it."""

    def __init__(self, sdk: Path, steps: tuple[Step, ...]) -> None:
        self.sdk, self.steps = sdk, steps
        self.events: deque[Json] = deque(maxlen=EVENTS_KEPT_MAX)
        self._sockets: set[web.WebSocketResponse] = set()
        self._held: deque[Json] = deque(maxlen=HELD_MAX)
        self._seq = itertools.count(1)
        self._pushing: set[asyncio.Future[None]] = set()

    def app(self) -> web.Application:
        """Its routes; any origin may ask."""
        app = web.Application(middlewares=[_anybody])
        app.router.add_post("/v1/events", self._post)
        app.router.add_post("/v1/identify", self._identify)
        app.router.add_get("/v1/stream", self._stream)
        app.router.add_get("/sdk/{name}", self._file)
        return app

    async def _post(self, request: web.Request) -> web.Response:
        batch = json.loads(await request.text())
        self.events.extend(batch["events"])
        answers = [(event, frame) for event in batch["events"] for frame in self._frames(event)]
        body: Json = {"visitor_token": _token(batch), "accepted": len(batch["events"])}
        body |= {"duplicates": 0, "rejected": [], "decision": None, "reason": None}
        waited = int(request.query.get("wait", 0))
        last = batch["events"][-1]
        for event, (after_ms, frame) in answers:
            if waited and event is last and after_ms <= waited:
                await asyncio.sleep(after_ms / 1000)
                body["decision"] = frame if frame["type"] == "decision" else None
                body["reason"] = frame.get("reason")
            else:
                self._later(after_ms, frame)
        return web.json_response(body, status=202)

    def _frames(self, event: Json) -> list[tuple[int, Json]]:
        step = next((each for each in self.steps if each.answers(event)), None)
        return [] if step is None else [(step.after_ms, self._frame(step, event))]

    def _frame(self, step: Step, event: Json) -> Json:
        slot = "s_" + hashlib.blake2b(event["event_id"].encode(), digest_size=8).hexdigest()
        us = {"decode": 9, "dedup": 6, "profile": 20, "intent": 48, "fusion": 7, "auction": 31}
        now_ms = time.time() * 1000
        frame: Json = {
            "slot_id": slot, "decision_id": slot.replace("s_", "d_"), "event_id": event["event_id"],
            "placement": "page", "class": "standard", "stage": "browse",
            "explain": {"sentence": f"Scripted answer to {event['type']}.", "concepts": {},
                        "trigger": {"kind": event["type"], "event_id": event["event_id"]}},
            "ledger": {"received_at_ms": now_ms, "consumed_at_ms": now_ms + 4, "us": us,
                       "emitted_at_ms": now_ms + 5, "pushed_at_ms": now_ms + step.after_ms},
        }  # fmt: skip
        if step.render is None:
            return {"type": "none", "reason": step.none, **frame}
        return {
            "type": "decision", "seq": next(self._seq), "source": "rule", "ttl_ms": step.ttl_ms,
            "campaign_id": step.campaign, "action_type": step.action,
            "render": step.render.render().to_json(), **frame,
        }  # fmt: skip

    def _later(self, after_ms: int, frame: Json) -> None:
        def due() -> None:
            if self._sockets:
                task = asyncio.ensure_future(self.push(frame))
                self._pushing.add(task)
                task.add_done_callback(self._pushing.discard)
            else:
                self._held.append(frame)

        asyncio.get_running_loop().call_later(after_ms / 1000, due)

    async def push(self, frame: Json) -> None:
        """Send a frame to every socket that said hello."""
        for socket in tuple(self._sockets):
            await socket.send_json(frame)

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT and json.loads(message.data)["type"] == "hello":
                await socket.send_json({"type": "welcome", "epoch": EPOCH, "resumed": False})
                self._sockets.add(socket)
                while self._held:
                    await socket.send_json(self._held.popleft())
        self._sockets.discard(socket)
        return socket

    async def _identify(self, request: web.Request) -> web.Response:
        asked = json.loads(await request.text())
        return web.json_response({"visitor_token": _token(asked)})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name not in NAMES:
            raise web.HTTPNotFound(text="The SDK has no such file.")
        return web.FileResponse(self.sdk / name, headers={**HEADERS, "Cache-Control": "no-store"})


@web.middleware
async def _anybody(request: web.Request, handler: Any) -> web.StreamResponse:
    response: web.StreamResponse = await handler(request)
    if not isinstance(response, web.WebSocketResponse):
        response.headers["Access-Control-Allow-Origin"] = request.headers.get("Origin", "*")
    return response


def _token(batch: Json) -> str:
    return str(batch.get("visitor_token") or f"dev-{batch.get('visitor_seed', '')}")
