"""10 Baskets: what a user's running sessions looked at and bought, and how it travels once over.

A user's open sessions are versioned bytes; between the hops travels one closed session, behind the
byte that schemas/lesson.py keeps for it.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

MAGIC, LAYOUT = b"KB", 1


class UnknownBaskets(Exception):
    """State bytes of a layout that this build does not know."""


class Basket(Struct, array_like=True):
    """One session: products looked at, put into the cart and left there; the last moment of it."""

    session_id: str = ""
    last_ms: int = 0
    looked: list[str] = []
    put: list[str] = []
    bought: bool = False


class Baskets(Struct, array_like=True):
    """The open sessions of one user, the oldest first; engine time of its timer, 0 for none."""

    open: list[Basket] = []
    timer_ms: int = 0


class Session(Struct, array_like=True, frozen=True):
    """A session that is over: when, and its groups as (products, weight)."""

    closed_ms: int
    groups: list[tuple[list[str], int]]

    def dump(self) -> bytes:
        """As bytes between operators."""
        return _encode(self)


_decode = msgspec.msgpack.Decoder(Baskets).decode
_encode = msgspec.msgpack.Encoder().encode
session_of = msgspec.msgpack.Decoder(Session).decode


def dump(baskets: Baskets) -> bytes:
    """As versioned bytes."""
    return MAGIC + bytes((LAYOUT,)) + _encode(baskets)


def load(data: bytes | None) -> Baskets:
    """From `dump`; a user never seen before for None. Raises UnknownBaskets."""
    if data is None:
        return Baskets()
    if data[:2] != MAGIC or data[2] != LAYOUT:
        raise UnknownBaskets(f"baskets begin with {data[:3].hex()}, this build reads layout 1")
    return _decode(data[3:])
