"""Events as JSON Lines: the public event plus what an envelope and the gateway would add.

One object a line: the event of the public interface, and beside it `site`, `user_key` (or
`visitor_id`), `session_id`, `tab_id`, `consent` and `received_at_ms`; `sent_at` is optional.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from gateway.convert import NotAnEvent, to_event
from gateway.explain import refusal_of
from gateway.visitor import consent_of
from gateway.wire import WireConsent, WireEvent
from schemas.event import Event
from schemas.ids import USER_KEY
from schemas.site import Site


class BadLine(Exception):
    """A line is no event; the message names file, line and field."""


class _Envelope(msgspec.Struct, frozen=True):
    """What an envelope and the gateway add."""

    site: str
    session_id: str
    received_at_ms: int
    tab_id: str = "0"
    visitor_id: str = ""
    user_key: str = ""
    consent: WireConsent | None = None
    sent_at: int | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_EVENT = msgspec.json.Decoder(WireEvent)


def read_lines(path: Path, site_of: Callable[[str], Site | None]) -> Iterator[Event]:
    """The events of a file in its order. Raises BadLine, OSError."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield line_event(line, f"{path}:{number}", site_of)


def line_event(line: bytes, where: str, site_of: Callable[[str], Site | None]) -> Event:
    """One event of a line; `where` names file and line. Raises BadLine."""
    try:
        envelope, wire = _ENVELOPE.decode(line), _EVENT.decode(line)
    except msgspec.DecodeError as error:
        field, fix = refusal_of(error)
        raise BadLine(f"{where}: {field}: {fix}") from error
    site = site_of(envelope.site) or Site(site=envelope.site)
    key = envelope.user_key or f"{envelope.site}:v:{envelope.visitor_id}"
    if USER_KEY.fullmatch(key) is None:
        raise BadLine(f"{where}: visitor_id: want 32 hex digits, or a whole user_key")
    head = Event(
        site=envelope.site,
        user_key=key,
        session_id=envelope.session_id,
        tab_id=envelope.tab_id,
        sent_at_ms=envelope.sent_at or 0,
        received_at_ms=envelope.received_at_ms,
        accepted_at_ms=envelope.received_at_ms,
        consent=consent_of(site, envelope.consent),
    )
    try:
        return to_event(wire, head, site)
    except NotAnEvent as bad:
        raise BadLine(f"{where}: {bad.field}: {bad.error}") from bad


def as_line(event: Event, **more: Any) -> bytes:
    """One event as such a line, for tests and examples."""
    line: dict[str, Any] = {
        "event_id": event.event_id,
        "session_index": event.session_index,
        "type": event.type,
        "ts": event.ts_ms,
        "site": event.site,
        "user_key": event.user_key,
        "session_id": event.session_id,
        "tab_id": event.tab_id,
        "received_at_ms": event.received_at_ms,
        "consent": msgspec.to_builtins(event.consent),
        "page": event.page and msgspec.to_builtins(event.page),
    }
    return msgspec.json.encode({**line, **more}) + b"\n"
