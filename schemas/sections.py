"""3 Sections: the parts of a profile that only some events need, packed as bytes within it.

A section is decoded where it is read and encoded where it is changed; every other event carries
it as one opaque value.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Struct

NODES_MAX = 20
LINKS_MAX = 12
"""A node is an edge from the visitor; with the links between nodes at most 32 edges."""

SEEN_MAX = 8


class Graph(Struct, array_like=True):
    """The interest graph around one visitor.

    `names` are nodes, a kind letter and a name: c category, b price band; `weights` are their
    edges from the visitor. `links` are triples (node, later node, weight), by index. `last` is the
    category touched last, -1 for none, in session number `session`.
    """

    names: list[str] = []
    weights: list[int] = []
    links: list[int] = []
    last: int = -1
    session: int = 0


class Seen(Struct, array_like=True):
    """One product looked at: the price when last seen, and how often and how long in all."""

    product_id: str
    category: str
    price_micros: int
    views: int = 0
    dwell_ms: int = 0


class Touch(Struct, array_like=True, frozen=True):
    """How one session came here; `at_ms` is the engine time of its start."""

    source: str = ""
    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""
    referrer_host: str = ""
    at_ms: int = 0


class Origin(Struct, array_like=True, frozen=True):
    """The first touch ever, and the last one that was not direct."""

    first: Touch = Touch()
    last: Touch = Touch()


Section = TypeVar("Section", Graph, Origin, list[Seen], list[list[int]])

packed = msgspec.msgpack.Encoder().encode
graph_of = msgspec.msgpack.Decoder(Graph).decode
seen_of = msgspec.msgpack.Decoder(list[Seen]).decode
origin_of = msgspec.msgpack.Decoder(Origin).decode
buckets_of = msgspec.msgpack.Decoder(list[list[int]]).decode
