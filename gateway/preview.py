"""Signed preview links: one campaign's creative, for whoever holds the link, booked nowhere.

A token is base64url of `JSON payload | 16 bytes MAC`. The payload is the creative itself with its
expiry, so that a campaign can be looked at before it is published and no catalogue is asked.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import blake2b
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Any

import msgspec
from msgspec import Struct

from gateway.post import Answer
from schemas.ids import joined
from schemas.render import Render
from schemas.site import Site

MAC_BYTES = 16
TOKEN_BYTES_MAX = 8 * 1024
VALID_MS = 7 * 86_400_000
PARAMETER = "kairos_preview"


class BadPreview(Exception):
    """The link is not this site's, or too old."""


class Preview(Struct, frozen=True):
    """What a link shows; `until_ms` is epoch ms."""

    campaign_id: str
    action_type: str
    render: Render
    until_ms: int


class Asked(Struct, frozen=True):
    """The body of POST /v1/preview."""

    site: str
    token: str


_ASKED = msgspec.json.Decoder(Asked)
_encode = msgspec.json.Encoder().encode


def sign(site: str, secret: bytes, preview: Preview) -> str:
    """The token of a link."""
    assert secret, "a site without a secret signs nothing"
    payload = msgspec.json.encode(preview)
    return urlsafe_b64encode(payload + _mac(site, secret, payload)).decode().rstrip("=")


def verify(site: str, secret: bytes, token: str, *, now_ms: int) -> Preview:
    """What a token shows. Raises BadPreview."""
    if len(token) > TOKEN_BYTES_MAX:
        raise BadPreview("the link is too long")
    try:
        data = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raise BadPreview("the link is not one of ours") from None
    payload, mac = data[:-MAC_BYTES], data[-MAC_BYTES:]
    if not secret or not compare_digest(mac, _mac(site, secret, payload)):
        raise BadPreview("the link is not this site's")
    preview = msgspec.json.decode(payload, type=Preview)
    if now_ms >= preview.until_ms:
        raise BadPreview("the link has expired; `kairos campaigns preview` makes another")
    return preview


def frame(preview: Preview) -> dict[str, Any]:
    """The decision as a browser draws it; its ids begin with `preview` and are known nowhere."""
    digest = blake2b(msgspec.json.encode(preview), digest_size=8).hexdigest()
    return {
        "type": "decision",
        "slot_id": f"preview_{digest}",
        "decision_id": f"preview_{digest}",
        "placement": "page",
        "class": "standard",
        "source": "rule",
        "ttl_ms": 60_000,
        "campaign_id": preview.campaign_id,
        "action_type": preview.action_type,
        "render": preview.render.to_json(),
    }


def answered(data: bytes, site_of: Callable[[str], Site | None], *, now_ms: int) -> Answer:
    """The answer to a POST: the frame, or in one sentence why there is none."""
    try:
        asked = _ASKED.decode(data)
        site = site_of(asked.site)
        if site is None:
            return Answer(404, _encode({"error": "no such site"}))
        shown = verify(site.site, site.mint_secret, asked.token, now_ms=now_ms)
    except (msgspec.DecodeError, BadPreview) as error:
        text = str(error) if isinstance(error, BadPreview) else "want site and token"
        return Answer(403, _encode({"error": text}))
    return Answer(200, _encode({"decision": frame(shown)}))


def _mac(site: str, secret: bytes, payload: bytes) -> bytes:
    return hmac_digest(secret, joined("preview", site, payload), "sha256")[:MAC_BYTES]
