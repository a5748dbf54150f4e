"""2 Handoff: an anonymous profile on its way to the user it turned out to be.

`ProfileMerge` travels on topic `profiles`. `Handoffs` is what both ends remember, in a state value
of its own that only known users and those who became one have: an event of anybody else never
reads it.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from schemas.ids import joined
from schemas.profile import UnknownLayout

WAITING_MAX = 4
"""Profiles that may wait for one user at a time; each is at most 4 KiB."""

DONE_MAX = 32
MAGIC, LAYOUT, BARE = b"KH", 1, b"\x93"
MERGE_AFTER_MS = 500
"""From handoff to merge, in engine time: longer than a record takes through topic `profiles`."""


class ProfileMerge(Struct, frozen=True, kw_only=True):
    """One record of topic `profiles`; fields and units as in schemas/avro/profile_merge.avsc."""

    merge_id: str = ""
    site: str = ""
    user_key: str = ""
    from_key: str = ""
    handoff_at_ms: int = 0
    state: bytes = b""

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> ProfileMerge:
        """From a decoded Avro record."""
        return cls(**record)

    def to_record(self) -> dict[str, Any]:
        """The Avro record."""
        return asdict(self)

    @property
    def due_ms(self) -> int:
        """Engine time at which the receiving profile takes it in."""
        return self.handoff_at_ms + MERGE_AFTER_MS


def merge_id(from_key: str, event_id: str, applied: int) -> str:
    """The idempotency key: a handoff event hands over once, however often it is read.

    `applied` counts the events of `from_key` so far: of a handoff that was sent again, the second
    copy brings what came between the two, and that is another merge.
    """
    return "m_" + blake2b(joined(from_key, event_id, str(applied)), digest_size=16).hexdigest()


class Waiting(Struct, array_like=True, frozen=True, order=True):
    """A profile that will be taken in at engine time `due_ms`; `state` is its bytes."""

    due_ms: int
    merge_id: str
    state: bytes


class Handoffs(Struct, array_like=True):
    """`given_to` is the one user this key was handed to, `done` the newest merges taken in."""

    given_to: str = ""
    waiting: list[Waiting] = []
    done: list[str] = []


_decode = msgspec.msgpack.Decoder(Handoffs).decode
_encode = msgspec.msgpack.Encoder().encode


def dump(handoffs: Handoffs) -> bytes:
    """As versioned bytes."""
    return MAGIC + bytes((LAYOUT,)) + _encode(handoffs)


def load(data: bytes | None) -> Handoffs:
    """The handoffs in these state bytes; none for None. Raises UnknownLayout.

    The first builds wrote layout 1 without its envelope: a bare list of three, as MessagePack says.
    """
    if data is None:
        return Handoffs()
    if data[:1] == BARE:
        return _decode(data)
    if data[:2] != MAGIC or data[2:3] != bytes((LAYOUT,)):
        raise UnknownLayout(f"handoffs begin with {data[:3].hex()}, this build reads layout 1")
    return _decode(data[3:])
