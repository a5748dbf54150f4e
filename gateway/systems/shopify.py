"""Shopify webhooks and its web pixel -> events.

| topic             | becomes                                                                   |
| orders/create     | purchase, once for each order id, whichever of webhook and pixel is first |
| carts/update      | cart_view with the cart's value: the state of the cart, not a guess       |
| checkouts/create  | checkout_start                                                            |
| checkouts/update  | checkout_step                                                             |

A webhook is signed with the app's secret (X-Shopify-Hmac-Sha256, over the raw body). Whose it is:
the visitor token that the theme extension keeps in the cart's attributes, else the customer's id,
else the cart's own token.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from datetime import datetime
from hashlib import blake2b
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Any

from gateway import body as bodies
from gateway.money import BadMoney, to_micros
from gateway.systems.port import Call, NotTaken, Told, items, mapping, text
from schemas.site import Site

ATTRIBUTE = "_kairos"
"""The cart attribute with the visitor token; a leading underscore keeps it from the checkout."""

SESSION = "shopify"
CHECKOUTS = {"checkouts/create": "checkout_start", "checkouts/update": "checkout_step"}


class Shopify:
    """Webhooks of one shop, to /v1/in/shopify?site=SITE."""

    name = "shopify"

    def site_of(self, call: Call) -> str:
        """Told by ?site= alone."""
        return ""

    def authenticate(self, call: Call, site: Site) -> None:
        """The HMAC over the raw body, under any secret that holds."""
        secrets = site.accepted("shopify", call.now_ms)
        if not secrets:
            fix = f"`kairos sites connect {site.site} shopify` first"
            raise NotTaken(403, "site", f"no Shopify secret is known; {fix}")
        try:
            sent = b64decode(call.headers.get("X-Shopify-Hmac-Sha256", ""), validate=True)
        except (binascii.Error, ValueError):
            sent = b""
        made = [hmac_digest(secret, call.data, "sha256") for secret in secrets]
        if not any(compare_digest(each, sent) for each in made):
            raise NotTaken(401, "X-Shopify-Hmac-Sha256", "the signature is not this app's")

    def told(self, call: Call, site: Site) -> list[Told | NotTaken]:
        """One event, or none for a topic kairos has no use for."""
        record = bodies.parse(call.data)
        topic = call.headers.get("X-Shopify-Topic", "")
        if topic == "orders/create":
            return [_purchase(record)]
        if topic == "carts/update":
            return [_cart(record, call.now_ms)]
        kind = CHECKOUTS.get(topic)
        return [_checkout(record, kind)] if kind else []


def _purchase(order: dict[str, Any]) -> Told:
    number = text(order.get("id"), 40)
    if not number.isdigit():
        raise NotTaken(400, "id", "an order needs its id")
    event = {
        "event_id": f"shopify-order-{number}",
        "session_index": 0,
        "type": "purchase",
        "ts": _ms(order.get("created_at")),
        "value": _money(order.get("total_price")),
        "properties": {"order_id": number, "lines": len(items(order.get("line_items")))},
    }
    return _told(event, order, f"order-{number}")


def _cart(cart: dict[str, Any], now_ms: int) -> Told:
    """The cart as it is now. Its webhook has no time of the change and may come twice."""
    token = text(cart.get("token") or cart.get("id"), 64)
    if not token:
        raise NotTaken(400, "token", "a cart needs its token")
    lines = items(cart.get("line_items"))
    micros = sum(_micros(each.get("line_price")) for each in lines)
    state = f"{token} {cart.get('updated_at')} {micros} {len(lines)}"
    ts_ms = _ms(cart.get("updated_at"), now_ms)
    event = {
        "event_id": "shopify-cart-" + _short(state),
        "session_index": ts_ms // 1000 % 2**31,
        "type": "cart_view",
        "ts": ts_ms,
        "value": _text(micros),
        "properties": {"lines": len(lines)},
    }
    return _told(event, cart, "cart-" + _short(token))


def _checkout(checkout: dict[str, Any], kind: str) -> Told:
    token = text(checkout.get("token"), 64)
    if not token:
        raise NotTaken(400, "token", "a checkout needs its token")
    ts_ms = _ms(checkout.get("updated_at") or checkout.get("created_at"))
    event = {
        "event_id": f"shopify-{kind}-" + _short(f"{token} {ts_ms}"),
        "session_index": ts_ms // 1000 % 2**31,
        "type": kind,
        "ts": ts_ms,
        "value": _money(checkout.get("total_price")),
    }
    return _told(event, checkout, "checkout-" + _short(token))


def _told(event: dict[str, Any], record: dict[str, Any], tab_id: str) -> Told:
    """Whose the record is, by the best that it says."""
    named = {
        text(each.get("name")): text(each.get("value"))
        for each in items(record.get("note_attributes"))
    }
    attributes = mapping(record.get("attributes"))
    token = named.get(ATTRIBUTE) or text(attributes.get(ATTRIBUTE)) or None
    customer = text(mapping(record.get("customer")).get("id"), 40)
    seed = text(record.get("cart_token") or record.get("token") or record.get("id"), 64)
    # An answer at the checkout is about messages; the page's own choice travels in the token.
    return Told(event, SESSION, tab_id, token, customer or None, _short(seed))


def _ms(value: Any, default_ms: int | None = None) -> int:
    try:
        return int(datetime.fromisoformat(text(value)).timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        if default_ms is None:
            raise NotTaken(400, "created_at", "want an ISO 8601 time with its zone") from None
        return default_ms


def _micros(value: Any) -> int:
    try:
        return to_micros(text(value))
    except BadMoney:
        return 0


def _money(value: Any) -> str | None:
    return _text(_micros(value))


def _text(micros: int) -> str:
    return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"


def _short(value: str) -> str:
    return blake2b(value.encode(), digest_size=16).hexdigest()
