"""The shop's HTML: every value that is not written here goes through escape."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from infra.demo.shop.products import ShopProduct

NAME = "Fern & Harbour"
CURRENCY = "EUR"


@dataclass(frozen=True, slots=True)
class Frame:
    """What surrounds every page."""

    gateway: str
    categories: list[str]

    def page(
        self, kind: str, title: str, body: str, query: str = "", *, personal: bool, seed: str = ""
    ) -> str:
        """A whole page; `kind` is the page type that events carry, `personal` the consent held.

        `seed` is for a browser that has none; empty leaves it to the SDK.
        """
        menu = "".join(
            f'<a href="/c/{quote(name)}">{escape(name.capitalize())}</a>'
            for name in self.categories
        )
        return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · {escape(NAME)}</title>
<link rel="icon" href="/img/favicon.svg"><link rel="stylesheet" href="/static/shop.css">
<link rel="stylesheet" href="/static/cart.css">
<link rel="stylesheet" href="/static/drawer.css">
<link rel="preload" as="script" href="{escape(self.gateway)}/sdk/kairos-render.js">
<script src="/static/first.js" data-seed="{escape(seed)}" defer></script>
<script src="/static/drawer.js" defer></script>
<script src="{escape(self.gateway)}/sdk/kairos.js" data-site="demo"
 data-consent="{"granted" if personal else "denied"}" defer></script>
<script src="/static/shop.js" defer></script>
</head><body>
<header class="top"><a class="brand" href="/">{escape(NAME)}</a><nav>{menu}</nav>
<form role="search" action="/search"><input name="q" type="search" aria-label="Search the shop"
 placeholder="Search" value="{escape(query)}"></form>
<a class="bag" href="/cart">Cart <b data-cart-count>0</b></a></header>
<main data-kairos-page="{escape(kind)}">{body}</main>
<footer><p>{escape(NAME)} is a demo shop. Nothing is sold or sent.</p>{_privacy(personal)}</footer>
</body></html>
"""


def _privacy(personal: bool) -> str:
    """The visitor's choice, changed on every page."""
    state = "The shop remembers your visit." if personal else "The shop forgets your visit."
    label, choice = ("Forget me", "denied") if personal else ("Remember me", "granted")
    return (
        f'<form class="privacy" method="post" action="/privacy"><span>{state}</span>'
        f'<button class="quiet" name="choice" value="{choice}">{label}</button></form>'
    )


def money(price: str) -> str:
    """A price as the shop writes it."""
    return f"€{escape(price)}"


def facts(product: ShopProduct) -> str:
    """A product as the SDK's attribute."""
    fields = {
        "id": product.id,
        "name": product.title,
        "category": product.category,
        "price": product.price,
        "currency": CURRENCY,
    }
    return escape(json.dumps(fields), quote=True)


def card(product: ShopProduct) -> str:
    """A product in a grid."""
    return (
        f'<a class="card" href="/p/{quote(product.id)}" data-kairos-product="{facts(product)}">'
        f'<img src="/img/{quote(product.id)}.svg" width="480" height="480" alt="">'
        f'<span class="name">{escape(product.title)}</span>'
        f'<span class="price">{money(product.price)}</span></a>'
    )


def grid(products: list[ShopProduct]) -> str:
    """Products side by side."""
    return f'<div class="grid">{"".join(card(product) for product in products)}</div>'


def home(products: list[ShopProduct]) -> str:
    """Landing page: some of everything, and a place that the shop reserved for an inline action."""
    return (
        '<section class="hero"><div><p class="over">New this season</p>'
        "<h1>Things that age well, indoors and out.</h1>"
        f'<a class="button" href="/p/{quote(products[0].id)}">See the favourite</a></div>'
        f'<img src="/img/{quote(products[0].id)}.svg" width="480" height="480" alt=""></section>'
        '<div class="slot" data-kairos-slot="page"></div>'
        f"<h2>Chosen for you to look at</h2>{grid(products[1::3])}"
    )


def category(name: str, products: list[ShopProduct]) -> str:
    """One category."""
    slot = '<div class="slot" data-kairos-slot="page"></div>'
    return f"<h1>{escape(name.capitalize())}</h1>{slot}{grid(products)}"


def product(product: ShopProduct, related: list[ShopProduct]) -> str:
    """One product with its button; the event is the button's, so that no page script is needed."""
    left = "" if product.stock is None else f"{product.stock} in stock"
    sold_out = product.stock == 0
    button = (
        '<button class="button" disabled>Sold out</button>'
        if sold_out
        else '<button class="button" data-kairos-event="add_to_cart" data-add>Add to cart</button>'
    )
    return (
        f'<article class="product" data-kairos-product="{facts(product)}" data-kairos-view>'
        f'<img src="/img/{quote(product.id)}.svg" width="480" height="480" alt="">'
        f'<div><p class="over">{escape(product.category)}</p><h1>{escape(product.title)}</h1>'
        f'<p class="price big">{money(product.price)}</p>'
        "<p>Made in small runs, packed without plastic, repaired for as long as you own it. "
        "Thirty days to change your mind.</p>"
        f'{button}<p class="stock">{left}</p>'
        '<details data-track="details"><summary>Material and care</summary>'
        "<p>Wipe clean with a damp cloth. Keep it dry in winter.</p></details>"
        '<details data-track="delivery"><summary>Delivery and returns</summary>'
        "<p>Two to four working days. Returns are free within thirty days.</p></details>"
        '</div></article><div class="slot" data-kairos-slot="page"></div>'
        f"<h2>Goes well with</h2>{grid(related)}"
    )


def search(query: str, products: list[ShopProduct]) -> str:
    """Results, or a kind word when there are none."""
    if not products:
        return (
            f"<h1>Nothing found for “{escape(query)}”</h1>"
            "<p>Try one word, such as lamp, pack or cup.</p>"
        )
    return f"<h1>{len(products)} for “{escape(query)}”</h1>{grid(products)}"


def cart() -> str:
    """The cart; shop.js fills in its lines."""
    return (
        '<h1>Your cart</h1><div data-kairos-event="cart_view" class="cart" data-cart-lines></div>'
        '<div class="slot" data-kairos-slot="page"></div>'
        '<div class="total"><span>Total</span><b data-cart-total>€0.00</b>'
        '<a class="button" href="/checkout" data-cart-go>Checkout</a></div>'
    )


def checkout() -> str:
    """A short form; the order is placed in the browser alone."""
    return (
        '<div data-kairos-nodecide></div><h1>Checkout</h1><form class="checkout" data-checkout>'
        '<label>Name<input name="name" autocomplete="off" required></label>'
        '<label>Street and number<input name="street" autocomplete="off" required></label>'
        '<label>City<input name="city" autocomplete="off" required></label>'
        '<p class="total"><span>Total</span><b data-cart-total>€0.00</b></p>'
        '<button class="button">Place the order</button></form>'
    )


def thanks(products: list[ShopProduct]) -> str:
    """After an order."""
    return (
        "<h1>Thank you.</h1><p>Your order is on its way, in spirit. "
        f'<a href="/">Look around some more</a>.</p>{grid(products)}'
    )
