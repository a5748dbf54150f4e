"""POST /v1/identify: a shop's back end vouches for who is logged in.

1. The back end signs site, issued_at and the id, one a line, with the site's identify secret
   (HMAC-SHA256, hex). The page sends that with its visitor token; nobody can name a user without
   the secret.
2. The gateway derives the known key, writes a handoff record under the anonymous key, and answers
   with a token of the known user once the record is durable.
3. A token of a known user hands over nothing: two people on one device are never merged.
"""

from __future__ import annotations

import time
from asyncio import Future, wait_for
from collections.abc import Callable
from hashlib import blake2b, sha256
from hmac import compare_digest
from hmac import new as new_hmac
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from gateway import body as bodies
from gateway import tokens
from gateway.explain import refusal_of
from gateway.ingest import Asked, Refusal, refusal
from gateway.limits import Buckets
from gateway.log import Log, LogUnavailable
from gateway.post import Answer
from gateway.settings import Settings
from gateway.sites import Sites
from gateway.tokens import BadToken
from gateway.visitor import consent_of, minted, verified
from gateway.wire import Id, Seed, SiteId, Token, WireConsent
from schemas.event import HANDOFF, Event
from schemas.ids import UserKey, joined, known_key, visitor_key
from schemas.origins import allowed
from schemas.site import Site

VALID_S, AHEAD_S = 600, 60
"""How old a signature may be, and how far ahead the back end's clock."""

_encode = msgspec.json.Encoder().encode


class Identify(Struct, frozen=True, gc=False):
    """The body: what the page knows, and what its back end has signed."""

    site: SiteId
    id: Annotated[str, Meta(min_length=1, max_length=256)]
    issued_at: Annotated[int, Meta(ge=0, le=2**40, description="Back end's clock, epoch seconds")]
    signature: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z", description="HMAC-SHA256, hex")]
    visitor_token: Token | None = None
    visitor_seed: Seed | None = None
    session_id: Id = "0"
    tab_id: Id = "0"
    consent: WireConsent | None = None


class IdentifiedBody(Struct, frozen=True):
    """The body of a 200; `handed_over` says whether an anonymous trail joins the user's."""

    visitor_token: str
    user_key: str
    handed_over: bool


_BODY = msgspec.json.Decoder(Identify)


def signature_of(secret: bytes, site: str, issued_at: int, known_id: str) -> str:
    """What a back end sends as `signature`."""
    # Neither a site's id nor a number holds a line break, so no two triples read alike.
    text = f"{site}\n{issued_at}\n{known_id}"
    return new_hmac(secret, text.encode(), sha256).hexdigest()


class Identifier:
    """Takes in logins; one per process."""

    def __init__(
        self,
        settings: Settings,
        sites: Sites,
        log: Log,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sites, self._log, self._clock = sites, log, clock
        self._ack_timeout_s = settings.ack_timeout_ms / 1000
        self._by_ip = Buckets(settings.ip_rate)
        self._by_visitor = Buckets(settings.visitor_rate)

    async def post(self, data: bytes, asked: Asked, ip: str) -> Answer:
        """The answer to one request. Raises nothing a client could cause."""
        retry_s = self._by_ip.take(ip, 1, time.monotonic())
        if retry_s:
            return _too_many(retry_s)
        try:
            return await self._post(data, asked)
        except bodies.BadBody as bad:
            return _refused(refusal(bad.status, bad.error, bad.field))
        except msgspec.DecodeError as error:
            field, text = refusal_of(error)
            return _refused(refusal(400, text, field))
        except BadToken as bad:
            return _refused(refusal(401, str(bad), "visitor_token"))
        except RecursionError:
            return _refused(refusal(400, "nested too deeply", "body"))

    async def _post(self, data: bytes, asked: Asked) -> Answer:
        if asked.content_type not in bodies.CONTENT_TYPES:
            return _refused(refusal(415, "want application/json or text/plain", "Content-Type"))
        data = bodies.inflate(data, asked.encoding)
        bodies.parse(data)
        said = _BODY.decode(data)
        now_ms = int(self._clock() * 1000)
        site = self._sites.at(said.site, now_ms)
        if site is None:
            return _refused(refusal(404, "no such site", "site"))
        if asked.origin and not allowed(site.origins, asked.origin):
            return _refused(refusal(403, "this origin is not one of the site's origins", "Origin"))
        wrong = _wrong(site, said, now_ms)
        if wrong is not None:
            return _refused(wrong)
        visitor = None
        if said.visitor_token is not None:
            visitor, _ = verified(site, said.visitor_token, now_ms=now_ms, origin=asked.origin)
        if not _may_know(site, said, visitor, opted_out=asked.opted_out):
            text = "a visitor without personalization consent is not identified"
            return _refused(refusal(403, text, "consent"))
        if visitor is None and said.visitor_seed:
            visitor = _seeded(site, said.visitor_seed.lower())
        known = known_key(site.site, site.salt, said.id)
        retry_s = self._by_visitor.take(known, 1, time.monotonic())
        if retry_s:
            return _too_many(retry_s)
        handed_over = visitor is not None and visitor.kind == tokens.LASTING
        if visitor is not None and handed_over:
            event = _handoff(site, visitor.user_key(site.site), known, said, now_ms)
            if not await self._durable(event):
                return _unavailable()
        token = minted(site, known, asked.origin, now_ms).token
        return Answer(200, _encode(IdentifiedBody(token, known, handed_over)))

    async def _durable(self, event: Event) -> bool:
        try:
            future: Future[Any] = self._log.send(event)
            await wait_for(future, self._ack_timeout_s)
        except (LogUnavailable, TimeoutError, OSError):
            return False
        return True


def _wrong(site: Site, said: Identify, now_ms: int) -> Refusal | None:
    good = [
        signature_of(secret, site.site, said.issued_at, said.id)
        for secret in site.accepted("identify_secret", now_ms)
    ]
    # Every candidate is compared, so that time says nothing about which one came close.
    matches = [compare_digest(each, said.signature) for each in good]
    if not any(matches):
        return refusal(401, "the signature is not this site's; see docs/edge.md", "signature")
    age_s = now_ms // 1000 - said.issued_at
    if not -AHEAD_S <= age_s <= VALID_S:
        return refusal(401, f"sign anew: a signature holds {VALID_S} s", "issued_at")
    return None


def _may_know(
    site: Site, said: Identify, visitor: tokens.Visitor | None, *, opted_out: bool
) -> bool:
    """A page token means consent was denied; no token at all leaves it to what is said."""
    consent = consent_of(site, said.consent, opted_out=opted_out)
    if said.consent is not None and not consent.personalization:
        return False
    return consent.personalization if visitor is None else visitor.kind != tokens.PAGE


def _seeded(site: Site, seed: str) -> tokens.Visitor:
    """The visitor whose first answer, and so whose token, has not come back yet."""
    key = visitor_key(site.site, site.mint_secret, seed, lasting=True)
    return tokens.Visitor(tokens.LASTING, key.rpartition(":")[2], 0)


def _handoff(site: Site, key: UserKey, known: UserKey, said: Identify, now_ms: int) -> Event:
    """The record of a login; the same request again is the same record."""
    named = joined("handoff", key, known, str(said.issued_at))
    return Event(
        event_id="h_" + blake2b(named, digest_size=16).hexdigest(),
        internal=HANDOFF,
        site=site.site,
        user_key=key,
        session_id=said.session_id,
        tab_id=said.tab_id,
        identity_ref=known,
        ts_ms=now_ms,
        sent_at_ms=now_ms,
    )


def _too_many(retry_s: int) -> Answer:
    body = refusal(429, f"too many logins; wait {retry_s} s and send it again").body
    return Answer(429, _encode(body), retry_s)


def _unavailable() -> Answer:
    text = "the login could not be made durable; send it again, it counts once"
    return Answer(503, _encode(refusal(503, text).body), 1)


def _refused(what: Refusal) -> Answer:
    return Answer(what.status, _encode(what.body))
