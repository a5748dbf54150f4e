"""/v1/in/<system>: what other systems tell, through the same door as a browser's events.

An adapter (gateway/systems/) proves the caller and translates; what it tells becomes ordinary
batches of POST /v1/events, so that limits, de-duplication and durability are the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from typing import Any

import msgspec
from msgspec import Struct

from gateway import body as bodies
from gateway.exchange import asked_of
from gateway.ingest import Asked
from gateway.limits import Buckets
from gateway.post import USED_TWICE, Answer, Poster
from gateway.settings import Settings
from gateway.sites import Sites
from gateway.systems import BY_NAME
from gateway.systems.port import Call, NotTaken, Told
from gateway.tokens import PAGE, BadToken
from gateway.visitor import minted, verified
from gateway.wire import BODY_BYTES_MAX, EVENTS_MAX, Refused, WireConsent
from schemas.ids import known_key
from schemas.site import Site

INBOUND_BYTES_MAX = 512 * 1024
"""A large order is larger than a browser's batch."""

EVENTS_BYTES_MAX = BODY_BYTES_MAX - 4 * 1024
"""Of one batch; the rest is for its envelope."""

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
        call = Call(path, headers, _inflated(data, encoding), self._ms())
        site = self._sites.at(site_id or adapter.site_of(call), call.now_ms)
        if site is None:
            raise NotTaken(404, "site", "no such site; add ?site=ID to the address")
        adapter.authenticate(call, site)
        found = adapter.told(call, site)
        told = [each for each in found if isinstance(each, Told)]
        wrong = [each for each in found if isinstance(each, NotTaken)]
        if wrong and not told:
            raise wrong[0]
        if not told:
            return Answer(200, _encode(InboundBody(0, 0, 0, ignored=True)))
        return await self._take(site, told, len(wrong), call, ip)

    def _ms(self) -> int:
        return int(self._clock() * 1000)

    async def _take(self, site: Site, told: list[Told], wrong: int, call: Call, ip: str) -> Answer:
        accepted, duplicates, rejected = 0, 0, wrong
        refused: Answer | None = None
        browser = asked_of(call.headers) if call.headers.get("Origin") else Asked()
        for batch, unsaid in _batches(site, told, call.now_ms):
            asked = Asked(
                content_type="application/json",
                opted_out=browser.opted_out,
                bot=browser.bot,
                consent_unsaid=unsaid,
            )
            answer = await self._poster.post(_encode(batch), asked, ip)
            if answer.status == 429 or answer.status >= 500:
                # The system sends all of it again, and what was taken counts once.
                return answer
            counts = _counts(answer, len(batch["events"]))
            if counts.rejected and answer.status >= 400:
                refused = answer
            accepted += counts.accepted
            duplicates += counts.duplicates
            rejected += counts.rejected
        if refused is not None and not accepted + duplicates:
            return refused
        return Answer(200, _encode(InboundBody(accepted, duplicates, rejected)))


def _inflated(data: bytes, encoding: str) -> bytes:
    return bodies.inflate(data, encoding, INBOUND_BYTES_MAX) if encoding else data


def _counts(answer: Answer, sent: int) -> InboundBody:
    """What became of a batch of `sent` events."""
    said = msgspec.json.decode(answer.body)
    # One thing may be told by two systems, in other bytes: it is known already, not wrong.
    again = sum(
        each["field"] == "event_id" and each["error"] == USED_TWICE
        for each in said.get("rejected", ())
    )
    accepted, duplicates = said.get("accepted", 0), said.get("duplicates", 0) + again
    return InboundBody(accepted, duplicates, sent - accepted - duplicates)


def _batches(site: Site, told: list[Told], now_ms: int) -> Iterator[tuple[dict[str, Any], bool]]:
    """Batches of POST /v1/events: neighbours of one visitor, session and tab together.

    With each, whether nothing is known of what the visitor said of consent.
    """
    for whose, group in groupby(told, key=lambda each: _envelope(site, each, now_ms)):
        fields, unsaid = dict(whose[0]), whose[1]
        events = [{k: v for k, v in each.event.items() if v is not None} for each in group]
        for some in _bounded(events):
            yield {**fields, "events": some}, unsaid


def _bounded(events: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The events in their order, in lists that fit into a batch."""
    some: list[dict[str, Any]] = []
    size = 0
    for each in events:
        more = len(_encode(each)) + 1
        if some and (len(some) == EVENTS_MAX or size + more > EVENTS_BYTES_MAX):
            yield some
            some, size = [], 0
        some.append(each)
        size += more
    if some:
        yield some


def _envelope(site: Site, told: Told, now_ms: int) -> tuple[tuple[tuple[str, Any], ...], bool]:
    fields: dict[str, Any] = {
        "site": site.site,
        "session_id": told.session_id,
        "tab_id": told.tab_id,
    }
    token, kind = _held(site, told.visitor_token, now_ms)
    consent = told.consent
    if consent is None and token:
        # A token says which kind of key its visitor chose, and no more.
        consent = WireConsent(personalization=kind != PAGE)
    if consent is not None and (token or told.visitor_token is None):
        fields["consent"] = consent
    if token:
        fields["visitor_token"] = token
    elif told.known_id is not None:
        key = known_key(site.site, site.salt, told.known_id)
        fields["visitor_token"] = minted(site, key, "", now_ms).token
    else:
        fields["visitor_seed"] = told.seed
    return tuple(fields.items()), told.consent is None


def _held(site: Site, token: str | None, now_ms: int) -> tuple[str, str]:
    """The token and its kind if it holds. One that does not must not cost an order: none then."""
    if token is None:
        return "", ""
    try:
        visitor, _ = verified(site, token, now_ms=now_ms, origin="")
    except BadToken:
        return "", ""
    return token, visitor.kind
