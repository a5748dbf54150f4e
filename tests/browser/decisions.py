"""Decision frames as a gateway pushes them."""

from __future__ import annotations

from typing import Any

PRODUCTS = [
    ("p2", "Spruce hand cream", "€14.50", "158", "Often bought together"),
    ("p3", "Glacier night serum", "€38.00", "210", "You looked at it twice"),
    ("p4", "Heather cleansing milk", "€22.00", "282", ""),
    ("p5", "Cloudberry lip balm", "€9.80", "24", "New"),
    ("p6", "Juniper body oil", "€27.00", "96", ""),
]


def decision(slot_id: str, kind: str = "modal", **changes: Any) -> dict[str, Any]:
    """A complete frame; `render` and other fields by keyword."""
    render = {"kind": kind, "title": "Hello", "body": "World", "cta": None, "code": None}
    render |= {"countdown_s": None, "products": []} | changes.pop("render", {})
    frame: dict[str, Any] = {
        "type": "decision", "slot_id": slot_id, "decision_id": f"d_{slot_id}", "seq": 1,
        "placement": "page", "class": "standard", "source": "model", "ttl_ms": 30_000,
        "campaign_id": "WINTER_FLASH_SALE_15", "action_type": "discount_popup", "render": render,
    }  # fmt: skip
    return frame | changes


def carousel(slot_id: str, kind: str = "inline", picture: bool = True) -> dict[str, Any]:
    """Five recommended products."""
    products = [
        {"id": id_, "title": title, "url": f"/p/{id_}", "price": price, "reason": reason}
        | ({"image": f"/pic/{shade}.svg"} if picture else {})
        for id_, title, price, shade, reason in PRODUCTS
    ]
    render = {"title": "Goes well with Cedar face oil", "products": products}
    render["body"] = "Picked from what people with a similar basket kept."
    return decision(slot_id, kind, action_type="product_carousel", render=render)


def sale(slot_id: str) -> dict[str, Any]:
    """A discount with code and countdown."""
    render = {
        "title": "15 % off, just for today",
        "body": "You have had Cedar face oil in your hands twice. Take it home for a little less.",
        "cta": {"label": "Use it in my cart", "url": "/cart?code=W15"},
        "code": "WINTER15",
        "countdown_s": 599,
    }
    return decision(slot_id, render=render)


def shipping(slot_id: str) -> dict[str, Any]:
    """A free-shipping banner."""
    render = {
        "title": "Free shipping is €10.10 away",
        "body": "Add one more thing and we pay the parcel.",
        "cta": {"label": "See what fits", "url": "/p/2"},
    }
    return decision(slot_id, "banner", action_type="free_shipping_banner", render=render)


def identity(slot_id: str) -> dict[str, Any]:
    """An address form."""
    render = {
        "title": "Shall we keep your basket?",
        "body": "Leave your address and pick up on any device where you stopped. One mail only.",
        "cta": {"label": "Save my basket", "url": ""},
    }
    return decision(slot_id, action_type="identity_capture", render=render)
