"""One POST /v1/events as a plain function: request bytes in, events or a refusal out."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from gateway import body as bodies
from gateway.convert import NotAnEvent, to_event
from gateway.explain import refusal_of
from gateway.tokens import BadToken
from gateway.visitor import Subject, consent_of, subject_of
from gateway.wire import (
    EVENTS_MAX,
    INTERNAL_NAMES,
    BareEvent,
    Batch,
    Refused,
    Rejected,
    WireEvent,
)
from schemas.event import Consent, Event
from schemas.origins import allowed
from schemas.site import Site

_BATCH = msgspec.json.Decoder(Batch)
_BARE = msgspec.json.Decoder(BareEvent)
_EVENT = msgspec.json.Decoder(WireEvent)
BARE_TYPE, BARE_TAB = "ask", "0"
GATEWAY_OWNS = "the gateway or the envelope sets this; leave it out of the event"


class Asked(Struct, frozen=True, gc=False):
    """What the request says beside its body. Strings are empty where it says nothing."""

    content_type: str = ""
    encoding: str = ""
    origin: str = ""
    site: str = ""
    session_id: str = ""
    type: str = ""
    visitor_token: str = ""
    traceparent: str | None = None
    opted_out: bool = False
    bot: bool = False
    consent_unsaid: bool = False


class Refusal(Struct, frozen=True):
    """A request of which nothing is taken; `status` is the HTTP status."""

    status: int
    body: Refused


class Taken(Struct, frozen=True, gc=False):
    """One acceptable event, its place in the batch and a hash of its bytes."""

    index: int
    event: Event
    digest: bytes


class Accepted(Struct, frozen=True):
    """A request with at least one acceptable event."""

    site: Site
    subject: Subject
    taken: tuple[Taken, ...]
    rejected: tuple[Rejected, ...]


Result = Accepted | Refusal


def ingest(
    data: bytes, asked: Asked, site_of: Callable[[str], Site | None], *, now_ms: int
) -> Result:
    """Validate a request; its events lack only the stamps that the produce call sets."""
    try:
        return _ingest(data, asked, site_of, now_ms)
    except bodies.BadBody as bad:
        return refusal(bad.status, bad.error, bad.field)
    except msgspec.DecodeError as error:
        field, text = refusal_of(error)
        return refusal(_status(field, text), text, field)
    except BadToken as bad:
        return refusal(401, str(bad), "visitor_token")
    except RecursionError:
        return refusal(400, "nested too deeply", "body")


def refusal(status: int, error: str, field: str = "") -> Refusal:
    """A refusal of a whole request."""
    return Refusal(status, Refused(error, field))


def _status(field: str, text: str) -> int:
    too_many = field == "events" and text.endswith(f"<= {EVENTS_MAX}")
    return 413 if too_many else 400


def _ingest(
    data: bytes, asked: Asked, site_of: Callable[[str], Site | None], now_ms: int
) -> Result:
    if asked.content_type not in bodies.CONTENT_TYPES:
        return refusal(415, "want application/json or text/plain", "Content-Type")
    data = bodies.inflate(data, asked.encoding)
    parsed = bodies.parse(data)
    if "events" not in parsed and "event_id" in parsed:
        batch, events = _bare(data, asked)
    else:
        batch, events = _BATCH.decode(data), None
    site = site_of(batch.site)
    if site is None:
        known = "no such site; `kairos sites list` shows the ones there are"
        return refusal(404, known, "site")
    if asked.origin and not allowed(site.origins, asked.origin):
        return refusal(403, "this origin is not one of the site's origins", "Origin")
    if batch.visitor_token is None and not batch.visitor_seed:
        return refusal(400, "want visitor_token, or 128 random bits in hex here", "visitor_seed")
    consent = consent_of(site, batch.consent, opted_out=asked.opted_out)
    subject = subject_of(
        site,
        consent,
        token=batch.visitor_token,
        seed=batch.visitor_seed and batch.visitor_seed.lower(),
        session_id=batch.session_id,
        origin=asked.origin,
        now_ms=now_ms,
    )
    return _judged(batch, events or parsed["events"], site, subject, consent, asked)


def _bare(data: bytes, asked: Asked) -> tuple[Batch, list[dict[str, Any]]]:
    """A bare event as a batch of one; its seed is the session id, or a header holds a token."""
    envelope: dict[str, Any] = {"site": asked.site, "session_id": asked.session_id, "events": [0]}
    for name in ("site", "session_id"):
        if not envelope[name]:
            raise bodies.BadBody(400, name, f"a bare event needs ?{name}= in its address")
    # The query obeys the same bounds as an envelope.
    batch = msgspec.json.decode(msgspec.json.encode(envelope), type=Batch)
    bare = _BARE.decode(data)
    event = {
        "event_id": bare.event_id,
        "session_index": bare.session_index,
        "type": asked.type or BARE_TYPE,
        "ts": bare.timestamp,
        "user_mode": bare.user_mode,
        "vectors": bare.vectors and msgspec.to_builtins(bare.vectors),
    }
    token = asked.visitor_token or None
    batch = msgspec.structs.replace(
        batch,
        events=[msgspec.Raw(msgspec.json.encode(event))],
        tab_id=BARE_TAB,
        visitor_token=token,
        visitor_seed=None if token else batch.session_id,
    )
    return batch, [event]


def _judged(
    batch: Batch,
    parsed: list[Any],
    site: Site,
    subject: Subject,
    consent: Consent,
    asked: Asked,
) -> Result:
    taken: list[Taken] = []
    rejected: list[Rejected] = []
    envelope = Event(
        site=site.site,
        user_key=subject.user_key,
        session_id=batch.session_id,
        tab_id=batch.tab_id,
        sent_at_ms=batch.sent_at or 0,
        consent=consent,
        bot=asked.bot,
        user_mode="authenticated" if subject.known else "anonymous",
        traceparent=asked.traceparent,
        consent_unsaid=asked.consent_unsaid,
    )
    for index, raw in enumerate(batch.events):
        try:
            event = to_event(_wire_event(raw, parsed[index]), envelope, site)
        except NotAnEvent as bad:
            rejected.append(Rejected(index, bad.field, bad.error))
        except msgspec.DecodeError as error:
            rejected.append(Rejected(index, *refusal_of(error)))
        else:
            taken.append(Taken(index, event, blake2b(raw, digest_size=8).digest()))
    if not taken:
        body = Refused("no event was acceptable", "events", tuple(rejected))
        return Refusal(400, body)
    return Accepted(site, subject, tuple(taken), tuple(rejected))


def _wire_event(raw: msgspec.Raw, parsed: Any) -> WireEvent:
    if isinstance(parsed, dict):
        forbidden = INTERNAL_NAMES & parsed.keys()
        if forbidden:
            raise NotAnEvent(min(forbidden), GATEWAY_OWNS)
    return _EVENT.decode(raw)
