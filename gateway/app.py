"""Routes: the HTTP and socket surface, each handler one step from a plain function."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from gateway import asyncapi, cors, openapi, preview
from gateway.assets import HEADERS as ASSET_HEADERS
from gateway.assets import Assets
from gateway.exchange import NO_STORE, answer_headers, asked_of
from gateway.health import Metrics, Readiness
from gateway.identify import Identifier
from gateway.inbound import INBOUND_BYTES_MAX, Inbound
from gateway.log import Log
from gateway.post import Answer, Poster
from gateway.push import Hub
from gateway.recall import Recall
from gateway.sites import Sites
from gateway.sse import events
from gateway.stream import Streams
from gateway.websocket import websocket
from gateway.wire import BODY_BYTES_MAX, Refused

JSON = "application/json"
CHUNK_BYTES = 64 * 1024
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes need; built once in server.py, or by a test."""

    sites: Sites
    log: Log
    hub: Hub
    poster: Poster
    recall: Recall
    streams: Streams
    metrics: Metrics
    ready: Readiness
    assets: Assets
    identifier: Identifier
    inbound: Inbound


def make_runner(parts: Parts, **options: Any) -> web.AppRunner:
    """The application as it is served: bodies are inflated in bounds, not by the server.

    A handler ends when its client is gone, so that no stream of events outlives its reader.
    """
    return web.AppRunner(
        make_app(parts),
        auto_decompress=False,
        access_log=None,
        handler_cancellation=True,
        **options,
    )


def make_app(parts: Parts) -> web.Application:
    """The application; see make_runner."""
    app = web.Application(client_max_size=BODY_BYTES_MAX)
    routes = Routes(parts)
    app.router.add_post("/v1/events", routes.events)
    app.router.add_options("/v1/events", routes.preflight)
    app.router.add_post("/v1/preview", routes.preview)
    app.router.add_get("/v1/stream", routes.stream)
    app.router.add_get("/v1/sse", routes.sse)
    app.router.add_options("/v1/sse", routes.preflight)
    app.router.add_post("/v1/identify", routes.identify)
    app.router.add_options("/v1/identify", routes.preflight)
    app.router.add_post("/v1/in/{system}", routes.inbound)
    app.router.add_post("/v1/in/{system}/{path:.*}", routes.inbound)
    app.router.add_options("/v1/in/{system}/{path:.*}", routes.preflight)
    app.router.add_get("/healthz", routes.healthz)
    app.router.add_get("/readyz", routes.readyz)
    app.router.add_get("/metrics", routes.metrics)
    app.router.add_get("/openapi.json", routes.openapi)
    app.router.add_get("/asyncapi.json", routes.asyncapi)
    app.router.add_get("/sdk/{name}", routes.sdk)
    return app


class Routes:
    """One method a route."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._openapi = msgspec.json.format(_encode(openapi.document()), indent=2)
        self._asyncapi = msgspec.json.format(_encode(asyncapi.document()), indent=2)

    async def events(self, request: web.Request) -> web.Response:
        """POST /v1/events."""
        asked = asked_of(request.headers, request.query)
        try:
            data = await request.read()
        except web.HTTPRequestEntityTooLarge:
            answer = _too_large(BODY_BYTES_MAX)
        else:
            wait_ms = _wait_ms(request.query.get("wait", "0"))
            if wait_ms is None:
                text = "want whole milliseconds, such as ?wait=80"
                answer = Answer(400, _encode(Refused(text, "wait")))
            else:
                posting = self._parts.poster.post(data, asked, request.remote or "", wait_ms)
                # Its events may be on their way already, whoever hangs up.
                answer = await asyncio.shield(posting)
        return self._answered(answer, asked.origin)

    async def identify(self, request: web.Request) -> web.Response:
        """POST /v1/identify."""
        asked = asked_of(request.headers, request.query)
        try:
            data = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return self._answered(_too_large(BODY_BYTES_MAX), asked.origin)
        answer = await self._parts.identifier.post(data, asked, request.remote or "")
        return self._answered(answer, asked.origin)

    async def inbound(self, request: web.Request) -> web.Response:
        """POST /v1/in/<system>."""
        data, origin = b"", request.headers.get("Origin", "")
        async for chunk in request.content.iter_chunked(CHUNK_BYTES):
            data += chunk
            if len(data) > INBOUND_BYTES_MAX:
                return self._answered(_too_large(INBOUND_BYTES_MAX), origin)
        answer = await self._parts.inbound.post(
            request.match_info["system"],
            request.match_info.get("path", ""),
            request.query.get("site", ""),
            request.headers,
            data,
            request.remote or "",
        )
        return self._answered(answer, origin)

    def _answered(self, answer: Answer, origin: str) -> web.Response:
        allowed = self._parts.sites.knows_origin(origin)
        headers = answer_headers(origin, allowed=allowed, retry_after_s=answer.retry_after_s)
        return web.Response(
            body=answer.body, status=answer.status, content_type=JSON, headers=headers
        )

    async def preview(self, request: web.Request) -> web.Response:
        """POST /v1/preview: no event, no decision, nothing booked."""
        sites, now_ms = self._parts.sites, int(time.time() * 1000)
        answer = preview.answered(
            await request.read(), lambda name: sites.at(name, now_ms), now_ms=now_ms
        )
        origin = request.headers.get("Origin", "")
        headers = answer_headers(origin, allowed=sites.knows_origin(origin))
        return web.Response(
            body=answer.body, status=answer.status, content_type=JSON, headers=headers
        )

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """WebSocket /v1/stream."""
        return await websocket(request, self._parts.streams)

    async def sse(self, request: web.Request) -> web.StreamResponse:
        """GET /v1/sse."""
        return await events(request, self._parts.streams)

    async def preflight(self, request: web.Request) -> web.Response:
        """OPTIONS /v1/events and /v1/sse."""
        origin = request.headers.get("Origin", "")
        allowed = self._parts.sites.knows_origin(origin)
        headers = cors.preflight_headers(origin, allowed=allowed)
        return web.Response(status=204 if allowed else 403, headers=headers)

    async def healthz(self, _request: web.Request) -> web.Response:
        """The process runs."""
        return web.json_response({"status": "ok"}, headers=NO_STORE)

    async def readyz(self, _request: web.Request) -> web.Response:
        """The process should get traffic."""
        log = self._parts.log
        missing = self._parts.ready.missing(log_healthy=log.healthy, blocked=log.blocked)
        body = {"ready": not missing, "missing": missing}
        return web.json_response(body, status=503 if missing else 200, headers=NO_STORE)

    async def metrics(self, _request: web.Request) -> web.Response:
        """Prometheus exposition; keep it from the public at the balancer."""
        text = self._parts.metrics.render({**self._parts.hub.counts, **self._parts.recall.counts})
        return web.Response(body=text, content_type="text/plain", charset="utf-8")

    async def openapi(self, _request: web.Request) -> web.Response:
        """This interface, for machines."""
        headers = {"Access-Control-Allow-Origin": "*"}
        return web.Response(body=self._openapi, content_type=JSON, headers=headers)

    async def asyncapi(self, _request: web.Request) -> web.Response:
        """The messages of a push connection, for machines."""
        headers = {"Access-Control-Allow-Origin": "*"}
        return web.Response(body=self._asyncapi, content_type=JSON, headers=headers)

    async def sdk(self, request: web.Request) -> web.Response:
        """A file of the browser SDK."""
        asset = self._parts.assets.get(request.match_info["name"])
        if asset is None:
            text = "no such SDK file here; `make setup` builds kairos.js and kairos-render.js"
            return web.Response(status=404, text=text, headers=NO_STORE)
        headers = {**ASSET_HEADERS, "ETag": asset.etag}
        if request.headers.get("If-None-Match") == asset.etag:
            return web.Response(status=304, headers=headers)
        return web.Response(
            body=asset.data, content_type="text/javascript", charset="utf-8", headers=headers
        )


def _too_large(bytes_max: int) -> Answer:
    return Answer(413, _encode(Refused(f"at most {bytes_max} bytes; send less at once", "body")))


def _wait_ms(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else None
