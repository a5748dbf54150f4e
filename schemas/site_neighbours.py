"""10 What learning keeps of the products of one site between two snapshots, as versioned bytes.

Products are named once and their partners by place, so that 5,000 products with 64 partners each
take at most 5 MiB.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

MAGIC, LAYOUT = b"KN", 1


class UnknownNeighbours(Exception):
    """State bytes of a layout that this build does not know."""


class SiteNeighbours(Struct, array_like=True):
    """Counts of a site up to engine time `until_ms`; `day` is that of the newest fading, from 1970.

    `ids` names the products, `own` has their counts, `shared` for each of them its partners as
    place, count, place, count. Of `sessions` counted so far `told` are in the newest snapshot,
    which was due at `told_ms`.
    """

    until_ms: int = 0
    day: int = 0
    sessions: int = 0
    told: int = 0
    told_ms: int = 0
    ids: list[str] = []
    own: list[int] = []
    shared: list[list[int]] = []


_decode = msgspec.msgpack.Decoder(SiteNeighbours).decode
_encode = msgspec.msgpack.Encoder().encode


def dump(kept: SiteNeighbours) -> bytes:
    """As versioned bytes."""
    return MAGIC + bytes((LAYOUT,)) + _encode(kept)


def load(data: bytes | None) -> SiteNeighbours:
    """From `dump`; a site never seen before for None. Raises UnknownNeighbours."""
    if data is None:
        return SiteNeighbours()
    if data[:2] != MAGIC or data[2] != LAYOUT:
        raise UnknownNeighbours(
            f"neighbours begin with {data[:3].hex()}, this build reads layout 1"
        )
    return _decode(data[3:])
