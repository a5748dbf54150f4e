"""Render: what the browser draws, as typed text and never as HTML."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import asdict


class RenderProduct(Struct, frozen=True, gc=False):
    """One product inside an action; `reason` says why it is there."""

    id: str = ""
    title: str = ""
    url: str = ""
    image: str = ""
    price: str = ""
    reason: str = ""


class Render(Struct, frozen=True, gc=False):
    """One creative: kind is modal, banner or inline; at most 12 products."""

    kind: str = ""
    title: str = ""
    body: str = ""
    cta_label: str = ""
    cta_url: str = ""
    code: str = ""
    countdown_s: int | None = None
    products: tuple[RenderProduct, ...] = ()

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Render:
        """From a decoded Avro record."""
        products = tuple(RenderProduct(**product) for product in record["products"])
        return cls(**{**record, "products": products})

    def to_record(self) -> dict[str, Any]:
        """The Avro record of this creative."""
        return {**asdict(self), "products": [asdict(product) for product in self.products]}

    def to_json(self) -> dict[str, Any]:
        """As a browser gets it (public interface, section 2)."""
        cta = {"label": self.cta_label, "url": self.cta_url} if self.cta_label else None
        return {
            "kind": self.kind,
            "title": self.title,
            "body": self.body,
            "cta": cta,
            "code": self.code or None,
            "countdown_s": self.countdown_s,
            "products": [asdict(product) for product in self.products],
        }
