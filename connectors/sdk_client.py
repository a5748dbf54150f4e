"""The gateway as a browser SDK sees it: one tab that posts in order and holds a socket.

Used by replays and by tests, so that recorded visitors take exactly the way of real ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec

from connectors.http1 import NoAnswer, Pool
from connectors.ws1 import Socket

ALL_CONSENT = {"analytics": True, "personalization": True, "marketing": True}
POST_TIMEOUT_S = 30.0
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
Message = dict[str, Any]


def wall_ms() -> float:
    """This machine's clock, epoch milliseconds with fractions."""
    return time.time() * 1000


class Http:
    """Connections to one gateway for many tabs at once; nothing is limited on this side."""

    def __init__(self, gateway: str) -> None:
        self._gateway = gateway.rstrip("/")
        self._posts = Pool(self._gateway)

    async def __aenter__(self) -> Http:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._posts.close()

    async def post(self, body: bytes) -> tuple[int, bytes]:
        """Status and body of POST /v1/events. Raises NoAnswer."""
        return await self._posts.post("/v1/events", body, POST_TIMEOUT_S)

    async def stream(self, on_text: Callable[[bytes], None]) -> Socket:
        """A socket on /v1/stream. Raises NoAnswer."""
        socket = Socket(on_text)
        await socket.connect(self._gateway + "/v1/stream")
        return socket


class Tab:
    """One tab of one visitor. `on_message(message, arrived_ms)` hears the socket."""

    def __init__(
        self,
        http: Http,
        site: str,
        *,
        seed: str,
        session_id: str,
        tab_id: str = "t1",
        consent: dict[str, bool] | None = None,
        on_message: Callable[[Message, float], None] = lambda message, arrived_ms: None,
    ) -> None:
        self._http, self._site = http, site
        self._seed, self._consent = seed, consent or ALL_CONSENT
        self.session_id, self.tab_id = session_id, tab_id
        self._on_message = on_message
        self.visitor_id: str | None = None
        self.token: str | None = None
        self._socket: Socket | None = None

    async def post(self, events: list[Message], sent_at_ms: int) -> Message | None:
        """Send one batch; the gateway's answer with `status` in it, None when none came."""
        body: Message = {
            "site": self._site,
            "session_id": self.session_id,
            "tab_id": self.tab_id,
            "sent_at": sent_at_ms,
            "consent": self._consent,
            "events": events,
        }
        body["visitor_token" if self.token else "visitor_seed"] = self.token or self._seed
        try:
            status, text = await self._http.post(_encode(body))
            answer: Message = {**_decode(text), "status": status}
        except (NoAnswer, msgspec.DecodeError):
            return None
        if status == 202:
            self.visitor_id = answer["visitor_id"]
            self.token = answer["visitor_token"]
        return answer

    async def listen(self) -> None:
        """Open the socket once there is a token, and say hello."""
        if self._socket is not None or self.token is None:
            return
        self._socket = await self._http.stream(self._hear)
        hello = {
            "type": "hello",
            "site": self._site,
            "visitor_token": self.token,
            "session_id": self.session_id,
            "tab_id": self.tab_id,
        }
        self._socket.send(_encode(hello))

    def _hear(self, text: bytes) -> None:
        self._on_message(_decode(text), wall_ms())

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
