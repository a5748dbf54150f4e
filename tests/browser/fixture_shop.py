"""A small shop and gateway in one origin: it speaks the contract, records, pushes what it is told.

It stands in for nothing in production; it lets a browser test script the other end of the wire.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

PAGES = Path(__file__).parent / "pages"
STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "require-trusted-types-for 'script'"
)
WITH_PICTURES = STRICT + "; img-src 'self'"
SETTINGS = {
    "pending": 'data-consent="pending"',
    "session": 'data-consent="session"',
    "off": 'data-consent="off"',
    "elsewhere": 'data-path="/v1/e"',
    "markup": "",
}
"""Pages that differ in how the script tag is set."""

TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}

Json = dict[str, Any]


class FixtureShop:
    """Serves pages/ and sdk/dist, answers posts, holds sockets; runs in a thread of its own."""

    def __init__(self, dist: Path) -> None:
        self.dist = dist
        self.posts: list[Json] = []
        self.hellos: list[Json] = []
        self.statuses: list[int] = []
        self.answers: dict[str, Callable[[Json], list[Json]]] = {}
        self.policy = STRICT
        self.epoch = 7
        self.previewed: Json | None = None
        self.markup = ""
        self._sockets: list[web.WebSocketResponse] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        """Listens on a free port of the loop-back interface."""
        self._thread.start()
        port = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        self.url = f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        """Closes sockets and listener."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    @property
    def events(self) -> list[Json]:
        """Every event as it came over the wire, repeats included."""
        return [event for post in list(self.posts) for event in post["events"]]

    def of(self, *types: str) -> list[Json]:
        """Events of these types, in order of arrival."""
        return [event for event in self.events if event["type"] in types]

    @property
    def open_sockets(self) -> int:
        """How many sockets said hello and are open."""
        return len(self._sockets)

    def push(self, *frames: Json) -> None:
        """Sends frames on every open socket."""
        asyncio.run_coroutine_threadsafe(self._push(frames), self._loop).result(10)

    def drop_sockets(self, code: int) -> None:
        """Closes every socket with a code."""

        async def drop() -> None:
            for socket in self._sockets[:]:
                await socket.close(code=code)

        asyncio.run_coroutine_threadsafe(drop(), self._loop).result(10)

    async def _listen(self) -> int:
        app = web.Application()
        app.router.add_post("/v1/events", self._events)
        app.router.add_post("/v1/e", self._events)
        app.router.add_post("/v1/preview", self._preview)
        app.router.add_post("/api/{path:.*}", self._shop_answer)
        app.router.add_get("/v1/stream", self._stream)
        app.router.add_get("/sdk/{name}", self._sdk)
        app.router.add_get("/pic/{shade}.svg", self._picture)
        app.router.add_get("/{path:.*}", self._page)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def _close(self) -> None:
        for socket in self._sockets[:]:
            await socket.close()
        await self._runner.cleanup()

    async def _events(self, request: web.Request) -> web.Response:
        batch = json.loads(await request.text())
        status = self.statuses.pop(0) if self.statuses else 202
        if status != 202:
            return web.Response(status=status)
        batch["content_type"] = request.content_type
        self.posts.append(batch)
        token = batch.get("visitor_token") or "token-of-" + batch["visitor_seed"]
        for event in batch["events"]:
            if event["type"] in self.answers:
                await self._push(self.answers[event["type"]](event))
        accepted = len(batch["events"])
        answer = {"visitor_token": token, "accepted": accepted, "duplicates": 0, "rejected": []}
        return web.json_response(answer, status=202)

    async def _preview(self, request: web.Request) -> web.Response:
        asked = json.loads(await request.text())
        if asked["token"] != "signed":
            return web.json_response({"error": "the link is not this site's"}, status=403)
        return web.json_response({"decision": self.previewed})

    async def _shop_answer(self, request: web.Request) -> web.Response:
        """The shop's own interface: what a path ending in `refused` asks for does not happen."""
        refused = request.match_info["path"].endswith("refused")
        return web.json_response({}, status=422 if refused else 200)

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            await socket.send_json({"type": "welcome", "epoch": self.epoch, "resumed": False})
            # Recorded last: a test that saw the hello may push at once.
            self._sockets.append(socket)
            self.hellos.append(json.loads(message.data))
        if socket in self._sockets:
            self._sockets.remove(socket)
        return socket

    async def _push(self, frames: list[Json] | tuple[Json, ...]) -> None:
        for socket in self._sockets[:]:
            for frame in frames:
                await socket.send_json(frame)

    async def _sdk(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(self.dist / request.match_info["name"])

    async def _picture(self, request: web.Request) -> web.Response:
        shade = request.match_info["shade"]
        art = (PAGES / "bottle.svg").read_text(encoding="utf-8").replace("HUE", shade)
        return web.Response(text=art, content_type="image/svg+xml")

    async def _page(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        if path in SETTINGS:
            text = (PAGES / "plain.html").read_text(encoding="utf-8")
            headers = {"Content-Security-Policy": self.policy}
            text = text.replace("SETTING", SETTINGS[path]).replace(
                "</main>", self.markup + "</main>"
            )
            return web.Response(text=text, content_type="text/html", headers=headers)
        file = PAGES / (path if path.endswith((".css", ".js")) else f"{path.split('/')[0]}.html")
        if not file.exists():
            return web.Response(status=204)
        headers = {"Content-Security-Policy": self.policy, "Cache-Control": "no-store"}
        text = file.read_text(encoding="utf-8")
        return web.Response(text=text, content_type=TYPES[file.suffix], headers=headers)
