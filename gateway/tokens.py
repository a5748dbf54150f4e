"""Visitor tokens: who a visitor is, signed by the site's mint secret, opaque to the client.

A token is base64url of a payload and a MAC:

    1 byte version | 1 byte kind (v lasting, p this page only, u known) | 2 bytes day of issue
    | 16 bytes id | 8 bytes hash of the origin it was given to, or zeros | 16 bytes MAC

The MAC is HMAC-SHA256 over site and payload, so a token of one site means nothing to another.
The same visitor gets the same token all day: two first posts in flight agree.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest

from msgspec import Struct

from schemas.ids import UserKey, joined

VERSION = 1
LASTING, PAGE, KNOWN = "v", "p", "u"
MAC_BYTES = 16
PAYLOAD_BYTES = 28
DAYS_VALID = {LASTING: 400, PAGE: 2, KNOWN: 7}
RENEWED_AFTER_DAYS = {LASTING: 30, PAGE: 30, KNOWN: 0}
DAY_MS = 86_400_000
NO_ORIGIN = b"\0" * 8
VERIFIED_MAX = 50_000
"""A visitor sends the same token with each batch; this many of them are verified only once."""


class BadToken(Exception):
    """The token is not ours, not this site's, not this origin's or too old."""


class Visitor(Struct, frozen=True, gc=False):
    """What a verified token says; `day` is its day of issue since 1970."""

    kind: str
    visitor_id: str
    day: int

    def user_key(self, site: str) -> UserKey:
        """The key of this visitor's events and decisions."""
        return UserKey(f"{site}:{self.kind}:{self.visitor_id}")


def mint(site: str, secret: bytes, user_key: str, *, now_ms: int, origin: str = "") -> str:
    """A token for a visitor's key of this site."""
    _, kind, visitor_id = user_key.split(":")
    assert kind in DAYS_VALID, "an unknown kind of key"
    payload = (
        bytes((VERSION, ord(kind)))
        + (now_ms // DAY_MS).to_bytes(2, "big")
        + bytes.fromhex(visitor_id)
        + _origin_hash(origin)
    )
    return _text(payload + _mac(site, secret, payload))


def verify(site: str, secret: bytes, token: str, *, now_ms: int, origin: str = "") -> Visitor:
    """Who the token names. Raises BadToken. A request without Origin may use any origin's token."""
    visitor = _signed(site, secret, token, origin)
    if now_ms // DAY_MS - visitor.day > DAYS_VALID[visitor.kind]:
        raise BadToken("the token has expired; send visitor_seed instead")
    return visitor


@lru_cache(VERIFIED_MAX)
def _signed(site: str, secret: bytes, token: str, origin: str) -> Visitor:
    """All of `verify` that time cannot change; what does not hold is never remembered."""
    payload, mac = _unpacked(token)
    if not secret or not compare_digest(mac, _mac(site, secret, payload)):
        raise BadToken("the token is not this site's")
    kind = chr(payload[1])
    if payload[0] != VERSION or kind not in DAYS_VALID:
        raise BadToken("the token is of an unknown version")
    bound = payload[20:28]
    if origin and bound not in (NO_ORIGIN, _origin_hash(origin)):
        raise BadToken("the token was given to another origin")
    return Visitor(kind, payload[4:20].hex(), int.from_bytes(payload[2:4], "big"))


def wants_renewal(visitor: Visitor, now_ms: int) -> bool:
    """Whether a token should be replaced before it expires."""
    return now_ms // DAY_MS - visitor.day > RENEWED_AFTER_DAYS[visitor.kind]


def _unpacked(token: str) -> tuple[bytes, bytes]:
    try:
        data = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raise BadToken("the token is not base64url") from None
    # Several texts decode to the same bytes; only the one we wrote is the token.
    if len(data) != PAYLOAD_BYTES + MAC_BYTES or _text(data) != token:
        raise BadToken("the token is not one of ours")
    return data[:PAYLOAD_BYTES], data[PAYLOAD_BYTES:]


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _mac(site: str, secret: bytes, payload: bytes) -> bytes:
    return hmac_digest(secret, joined("token", site, payload), "sha256")[:MAC_BYTES]


def _origin_hash(origin: str) -> bytes:
    return sha256(origin.encode()).digest()[:8] if origin else NO_ORIGIN
