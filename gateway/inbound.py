"""/v1/in/<system>: what other systems tell, through the same door as a browser's events.

An adapter (gateway/systems/) proves the caller and translates; what it tells becomes ordinary
batches of POST /v1/events, so that limits, de-duplication and durability are the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Any

import msgspec
from msgspec import Struct

from gateway import body as bodies
from gateway.ingest import Asked
from gateway.limits import Buckets
from gateway.post import Answer, Poster
from gateway.settings import Settings
from gateway.sites import Sites
from gateway.systems import BY_NAME
from gateway.systems.port import Call, NotTaken, Told
from gateway.tokens import BadToken
from gateway.visitor import minted, verified
from gateway.wire import EVENTS_MAX, Refused
from schemas.ids import known_key
from schemas.site import Site

INBOUND_BYTES_MAX = 512 * 1024
"""A large order is larger than a browser's batch."""

_encode = msgspec.json.Encoder().encode


class InboundBody(Struct, frozen=True):
    """The body of a 200; `ignored` requests told nothing that kairos has a use for."""

    accepted: int
    duplicates: int
    rejected: int
    ignored: bool = False


class Inbound:
    """All systems; one per process."""

    def __init__(
        self,
        settings: Settings,
        sites: Sites,
        poster: Poster,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sites, self._poster, self._clock = sites, poster, clock
        self._by_ip = Buckets(settings.ip_rate)

    async def post(
        self, system: str, path: str, site: str, headers: Mapping[str, str], data: bytes, ip: str
    ) -> Answer:
        """The answer to one request of a system. Raises nothing a client could cause."""
        retry_s = self._by_ip.take(ip, 1, time.monotonic())
        if retry_s:
            return Answer(429, _encode(Refused(f"too many calls; wait {retry_s} s")), retry_s)
        try:
            return await self._post(system, path, site, headers, data, ip)
        except (NotTaken, bodies.BadBody) as bad:
            return Answer(bad.status, _encode(Refused(str(bad), bad.field)))
        except RecursionError:
            return Answer(400, _encode(Refused("nested too deeply", "body")))

    async def _post(
        self, system: str, path: str, site_id: str, headers: Mapping[str, str], data: bytes, ip: str
    ) -> Answer:
        adapter = BY_NAME.get(system)
        if adapter is None:
            raise NotTaken(404, "system", f"no such system; there are {', '.join(BY_NAME)}")
        if len(data) > INBOUND_BYTES_MAX:
            raise NotTaken(413, "body", f"at most {INBOUND_BYTES_MAX} bytes")
        encoding = headers.get("Content-Encoding", "").strip().lower()
        call = Call(path, headers, bodies.inflate(data, encoding) if encoding else data, self._ms())
        site = self._sites.at(site_id or adapter.site_of(call), call.now_ms)
        if site is None:
            raise NotTaken(404, "site", "no such site; add ?site=ID to the address")
        adapter.authenticate(call, site)
        told = adapter.told(call, site)
        if not told:
            return Answer(200, _encode(InboundBody(0, 0, 0, ignored=True)))
        return await self._take(site, told, call.now_ms, ip)

    def _ms(self) -> int:
        return int(self._clock() * 1000)

    async def _take(self, site: Site, told: list[Told], now_ms: int, ip: str) -> Answer:
        sums = {"accepted": 0, "duplicates": 0, "rejected": 0}
        refused: Answer | None = None
        for batch in _batches(site, told, now_ms):
            asked = Asked(content_type="application/json")
            answer = await self._poster.post(_encode(batch), asked, ip)
            if answer.status == 429 or answer.status >= 500:
                # The system sends all of it again, and what was taken counts once.
                return answer
            if answer.status >= 400:
                refused = answer
                sums["rejected"] += len(batch["events"])
                continue
            said = msgspec.json.decode(answer.body)
            sums["accepted"] += said["accepted"]
            sums["duplicates"] += said["duplicates"]
            sums["rejected"] += len(said["rejected"])
        if refused is not None and not sums["accepted"] + sums["duplicates"]:
            return refused
        body = InboundBody(sums["accepted"], sums["duplicates"], sums["rejected"])
        return Answer(200, _encode(body))


def _batches(site: Site, told: list[Told], now_ms: int) -> list[dict[str, Any]]:
    """Batches of POST /v1/events: neighbours of one visitor, session and tab together."""
    made = []
    for whose, group in groupby(told, key=lambda each: _envelope(site, each, now_ms)):
        events = [{k: v for k, v in each.event.items() if v is not None} for each in group]
        for start in range(0, len(events), EVENTS_MAX):
            made.append({**dict(whose), "events": events[start : start + EVENTS_MAX]})
    return made


def _envelope(site: Site, told: Told, now_ms: int) -> tuple[tuple[str, Any], ...]:
    fields: dict[str, Any] = {
        "site": site.site,
        "session_id": told.session_id,
        "tab_id": told.tab_id,
    }
    token = _held(site, told.visitor_token, now_ms)
    if told.consent is not None and (token or told.visitor_token is None):
        fields["consent"] = told.consent
    if token:
        fields["visitor_token"] = token
    elif told.known_id is not None:
        key = known_key(site.site, site.salt, told.known_id)
        fields["visitor_token"] = minted(site, key, "", now_ms).token
    else:
        fields["visitor_seed"] = told.seed
    return tuple(fields.items())


def _held(site: Site, token: str | None, now_ms: int) -> str:
    """The token if it holds. One that does not must not cost an order: it is left out."""
    if token is None:
        return ""
    try:
        verified(site, token, now_ms=now_ms, origin="")
    except BadToken:
        return ""
    return token
