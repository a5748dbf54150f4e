"""Records of topic `events` -> what can be learned from: bad frames teach nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from connectors.avro import BadFrame
from schemas.event import Event


def events_of(values: Iterable[bytes | None], decode: Callable[[bytes], Event]) -> Iterator[Event]:
    """The client events among these record values, in order; internal kinds are left out."""
    for value in values:
        try:
            event = decode(value or b"")
        except BadFrame:
            continue
        if not event.internal and not event.bot:
            yield event
