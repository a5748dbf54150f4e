"""A Segment-compatible endpoint: page, track, identify, screen, and batches of them.

The write key is the site's public key, as user name of basic auth or `writeKey` in the body, as
Segment's own libraries send it. An event is one by its messageId. Semantic names of Segment's
e-commerce specification become kairos' own; any other name travels as custom.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from datetime import datetime
from hashlib import blake2b
from hmac import compare_digest
from typing import Any

from gateway import body as bodies
from gateway.money import BadMoney, to_micros
from gateway.systems.port import Call, NotTaken, Told, items, mapping, text
from gateway.wire import PROPERTIES_MAX, WireConsent
from schemas.site import Site

NAMES = {
    "product viewed": "product_view",
    "product list viewed": "page_view",
    "products searched": "search",
    "product list filtered": "filter",
    "product clicked": "click",
    "product added": "add_to_cart",
    "product removed": "remove_from_cart",
    "product added to wishlist": "wishlist_add",
    "cart viewed": "cart_view",
    "checkout started": "checkout_start",
    "checkout step viewed": "checkout_step",
    "checkout step completed": "checkout_step",
    "order completed": "purchase",
}
MESSAGES_MAX = 2_500
"""Of a batch; Segment's own bound."""

PERSONAL = frozenset("email phone name firstname lastname address".split())
"""Property names that are not taken over, however they are spelt."""

WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
CALLS = ("page", "track", "identify", "screen")
SESSION = "segment"


class Segment:
    """Calls to /v1/in/segment/v1/{page,track,identify,screen,batch}."""

    name = "segment"

    def site_of(self, call: Call) -> str:
        """`site` in the context, for shops whose library cannot add ?site=."""
        return text(mapping(_parsed(call).get("context")).get("site"), 32)

    def authenticate(self, call: Call, site: Site) -> None:
        """The write key: public, so it proves the site and no more."""
        sent = _write_key(call).encode()
        known = site.accepted("site_key", call.now_ms)
        if not any(compare_digest(each, sent) for each in known):
            raise NotTaken(401, "Authorization", "the write key is not this site's key")

    def told(self, call: Call, site: Site) -> list[Told | NotTaken]:
        """The events of one call or of a batch."""
        parsed = _parsed(call)
        kind = call.path.rstrip("/").rpartition("/")[2]
        if kind != "batch":
            found = [_judged(parsed, kind, call.now_ms)]
        else:
            messages = items(parsed.get("batch"), MESSAGES_MAX)
            found = [_judged(each, text(each.get("type")), call.now_ms) for each in messages]
        return [each for each in found if each is not None]


def _parsed(call: Call) -> dict[str, Any]:
    return bodies.parse(call.data)


def _write_key(call: Call) -> str:
    scheme, _, sent = call.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            return b64decode(sent, validate=True).decode("utf-8", "replace").partition(":")[0]
        except (binascii.Error, ValueError):
            return ""
    return text(_parsed(call).get("writeKey"))


def _judged(message: dict[str, Any], kind: str, now_ms: int) -> Told | NotTaken | None:
    try:
        return _told(message, kind, now_ms)
    except NotTaken as bad:
        return bad


def _told(message: dict[str, Any], kind: str, now_ms: int) -> Told | None:
    if kind not in CALLS:
        return None
    message_id = text(message.get("messageId"), 200)
    anonymous, known = text(message.get("anonymousId"), 128), text(message.get("userId"))
    if not message_id or not (anonymous or known):
        raise NotTaken(400, "messageId", "a call needs messageId and anonymousId or userId")
    ts_ms = _ms(message.get("timestamp") or message.get("originalTimestamp"), now_ms)
    event = {
        "event_id": "segment-" + _short(message_id),
        # Segment numbers nothing; a second of the clock is a place in the window.
        "session_index": ts_ms // 1000 % 2**31,
        "ts": ts_ms,
        **_what(message, kind),
    }
    return Told(event, SESSION, SESSION, None, known or None, _short(anonymous), _consent(message))


def _what(message: dict[str, Any], kind: str) -> dict[str, Any]:
    """Type and content of a call."""
    said = mapping(message.get("traits" if kind == "identify" else "properties"))
    name = text(message.get("event"), 64)
    if kind == "track":
        type_ = NAMES.get(name.lower(), name if name and "@" not in name else "custom")
    else:
        type_ = "page_view" if kind in ("page", "screen") else "identify"
    fields: dict[str, Any] = {"type": type_}
    page = mapping(mapping(message.get("context")).get("page")) | (said if kind == "page" else {})
    if page.get("url"):
        # What follows the question mark may name a person.
        fields["page"] = {
            name: text(page.get(name), 512).partition("?")[0] for name in ("url", "path")
        } | {"title": text(page.get("title"), 512)}
    if type_ == "purchase":
        fields["value"] = _money(said.get("revenue") or said.get("total"))
        fields["properties"] = {"order_id": text(said.get("order_id"), 64)}
        order = fields["properties"]["order_id"]
        return fields | ({"event_id": "segment-order-" + _short(order)} if order else {})
    if said.get("product_id") or said.get("sku"):
        fields["product"] = _product(said)
    elif kind == "track":
        kept = [(text(each, 64), said[each]) for each in said if each and not _is_personal(each)]
        plain = {name: _value(value) for name, value in kept if _is_plain(value)}
        fields["properties"] = dict(list(plain.items())[: PROPERTIES_MAX - 1])
    # Traits of `identify` name a person; the log gets none of them.
    return fields


def _product(said: dict[str, Any]) -> dict[str, Any]:
    quantity = said.get("quantity")
    return {
        "id": text(said.get("product_id") or said.get("sku"), 128),
        "name": text(said.get("name")),
        "category": text(said.get("category")),
        "price": _money(said.get("price")),
        "quantity": quantity if isinstance(quantity, int) and 0 <= quantity <= 10_000 else 1,
    }


def _is_personal(name: str) -> bool:
    words = [each.lower() for each in WORD.findall(name)]
    # A lone `name` is a person's; product_name is not, customer_first_name is.
    joined = "".join(words)
    return (
        joined in PERSONAL
        or joined.endswith(("firstname", "lastname"))
        or not PERSONAL.isdisjoint(set(words) - {"name"})
    )


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return "@" not in value
    return isinstance(value, bool) or (isinstance(value, int | float) and -1e15 <= value <= 1e15)


def _value(value: Any) -> Any:
    return text(value) if isinstance(value, str) else value


def _consent(message: dict[str, Any]) -> WireConsent | None:
    """Segment's consent categories, where the shop uses kairos' names for them."""
    said = mapping(
        mapping(mapping(message.get("context")).get("consent")).get("categoryPreferences")
    )
    if not said:
        return None
    names = ("analytics", "personalization", "marketing")
    return WireConsent(*(said.get(name) is True for name in names))


def _ms(value: Any, now_ms: int) -> int:
    if value is None:
        return now_ms
    try:
        return int(datetime.fromisoformat(text(value)).timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        raise NotTaken(400, "timestamp", "want an ISO 8601 time with its zone") from None


def _money(value: Any) -> str | None:
    if isinstance(value, float):
        value = f"{value:.2f}" if abs(value) < 1e9 else None
    try:
        to_micros(text(value))
    except BadMoney:
        return None
    return text(value)


def _short(value: str) -> str:
    return blake2b(value.encode(), digest_size=16).hexdigest()
