"""Records no honest gateway writes and requests no honest client sends, by class, seeded."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec.structs import replace

from connectors.avro import Codec
from schemas.event import Consent, Event, Page, Product
from schemas.ids import known_key

RECORD_BYTES_MAX = 255 * 1024
HEADER = 5


class Record(NamedTuple):
    """A record to write straight into `events`; the timestamp is epoch ms."""

    key: bytes | None
    value: bytes | None
    timestamp_ms: int


class Bench(NamedTuple):
    """What a poison maker works with: a good event and its frame, and a seeded generator."""

    rng: random.Random
    codec: Codec[Event]
    event: Event

    def frame(self, **changes: Any) -> bytes:
        """The frame of the good event with these fields changed."""
        return self.codec.encode(replace(self.event, **changes))

    def record(self, value: bytes | None, key: bytes | None = b"") -> Record:
        """A record under the good event's key unless another is given."""
        own = self.event.user_key.encode()
        return Record(own if key == b"" else key, value, self.event.received_at_ms)

    def noise(self, size: int) -> bytes:
        """Random bytes."""
        return self.rng.randbytes(size)


def good_event(number: int) -> Event:
    """An event that would be applied."""
    now = int(time.time() * 1000)
    return Event(
        event_id=f"poison-{number}",
        type="click",
        site="demo",
        user_key=known_key("demo", b"poison", str(number)),
        session_id="s",
        tab_id="t",
        session_index=0,
        ts_ms=now,
        sent_at_ms=now,
        received_at_ms=now,
        accepted_at_ms=now,
        consent=Consent(True, True, True),
        page=Page("https://shop.example/", "/", "home", "Home"),
    )


def _header(schema_id: int) -> bytes:
    return b"\0" + schema_id.to_bytes(4, "big")


def _cut(b: Bench) -> bytes:
    frame = b.frame()
    return frame[: b.rng.randrange(HEADER + 1, len(frame))]


def _changed(**fields: Any) -> Callable[[Bench], Record]:
    return lambda b: b.record(b.frame(**fields))


RECORDS: dict[str, Callable[[Bench], Record]] = {
    "no value": lambda b: b.record(None),
    "empty value": lambda b: b.record(b""),
    "garbage": lambda b: b.record(b"\1" + b.noise(200)),
    "magic byte only": lambda b: b.record(b"\0"),
    "wrong magic byte": lambda b: b.record(b"\7" + b.frame()[1:]),
    "unknown schema id": lambda b: b.record(_header(b.rng.randrange(10**6, 2**31)) + b.frame()[5:]),
    "negative schema id": lambda b: b.record(b"\0\xff\xff\xff\xff" + b.frame()[5:]),
    "truncated Avro": lambda b: b.record(_cut(b)),
    "trailing bytes": lambda b: b.record(b.frame() + b.noise(9)),
    "huge string length": lambda b: b.record(b.frame()[:HEADER] + b"\xfe\xff\xff\xff\x7f" + b"x"),
    "overlong varint": lambda b: b.record(b.frame()[:HEADER] + b"\xff" * 40),
    "text that is not UTF-8": lambda b: b.record(
        b.frame()[:HEADER] + b"\x04\xff\xfe" + b.frame()[5:]
    ),
    "near the size limit": lambda b: b.record(b.noise(RECORD_BYTES_MAX)),
    "JSON instead of Avro": lambda b: b.record(json.dumps({"type": "click"}).encode()),
    "key of another user": lambda b: b.record(b.frame(), b"demo:v:" + b.noise(16).hex().encode()),
    "no key": lambda b: b.record(b.frame(), None),
    "key that is not UTF-8": lambda b: b.record(b.frame(), b"\xff\xfe" + b.noise(8)),
    "tick key on a click": lambda b: b.record(b.frame(user_key="~tick"), b"~tick"),
    "site that is not the key's": _changed(site="other"),
    "timestamp of another time": lambda b: b.record(
        b.frame(received_at_ms=b.event.received_at_ms + 7)
    ),
    "unknown internal kind": _changed(internal="explode"),
    "unknown type": _changed(type="teleport"),
    "no event id": _changed(event_id=""),
    "event id of a novel": _changed(event_id="x" * 5000),
    "scroll beyond the page": _changed(scroll_depth_ppm=1_000_001),
    "negative scroll": _changed(scroll_depth_ppm=-5),
    "client clock before computers": _changed(ts_ms=-1),
    "negative index": _changed(session_index=-3),
    "absurd value": _changed(value_micros=10**17),
    "negative price": _changed(product=Product(id="p", price_micros=-1)),
    "absurd quantity": _changed(product=Product(id="p", quantity=10**6)),
    "seventeen properties": _changed(properties={f"p{n}": "x" for n in range(17)}),
}
"""Class -> a record that must end in dead-letters with its original bytes."""


def _body(**changes: Any) -> dict[str, Any]:
    event = {
        "event_id": "00000000-0000-4000-8000-000000000000",
        "session_index": 0,
        "type": "click",
        "ts": 1_790_000_000_000,
    }
    body: dict[str, Any] = {
        "site": "demo",
        "visitor_seed": "0" * 32,
        "session_id": "s",
        "events": [event],
    }
    body.update({name: value for name, value in changes.items() if name in ("site", "events")})
    event.update({n: v for n, v in changes.items() if n not in ("site", "events")})
    return body


def _sent(**changes: Any) -> Callable[[random.Random], bytes]:
    return lambda rng: json.dumps(_body(**changes)).encode()


REQUESTS: dict[str, Callable[[random.Random], bytes]] = {
    "nothing": lambda rng: b"",
    "noise": lambda rng: rng.randbytes(rng.randrange(1, 400)),
    "broken JSON": lambda rng: json.dumps(_body()).encode()[: rng.randrange(1, 60)],
    "a list": lambda rng: b"[]",
    "deep nesting": lambda rng: b"[" * 20_000,
    "no events": _sent(events=[]),
    "events that are numbers": _sent(events=[1, 2]),
    "too many events": _sent(events=[_body()["events"][0]] * 101),
    "too large": lambda rng: b" " * 70_000,
    "unknown site": _sent(site="nobody"),
    "bad site": _sent(site="Not A Site"),
    "negative index": _sent(session_index=-1),
    "index as text": _sent(session_index="one"),
    "index beyond the bound": _sent(session_index=2**40),
    "time as text": _sent(ts="yesterday"),
    "time before computers": _sent(ts=12),
    "no type": _sent(type=""),
    "an internal kind": _sent(type="tick"),
    "money as a float": _sent(value=9.5),
    "money as a word": _sent(value="lots"),
    "scroll beyond the page": _sent(vectors={"scroll_depth": 7}),
    "a user key": _sent(user_key="demo:v:" + "0" * 32),
    "a receive time": _sent(received_at_ms=1),
    "outcome without a slot": _sent(type="impression"),
}
"""Class -> a request body that must get a precise 4xx."""
