"""Routes of the demo shop. Pages are plain HTML with the SDK's attributes on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from yarl import URL

from infra.demo.shop import pages
from infra.demo.shop.pictures import picture
from infra.demo.shop.products import ShopProduct, by_category, found

FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" '
    'rx="9" fill="#2f5d4a"/><path d="M9 23 Q9 9 24 9 Q24 23 9 23z" fill="#e8efe9"/></svg>'
)
CONSENT_COOKIE = "consent"
CHOICES = ("granted", "denied")
STATIC = Path(__file__).parent / "static"


def no_seed() -> str:
    """Leaves the seed of a new browser to the SDK."""
    return ""


def make_app(
    products: list[ShopProduct],
    gateway: str,
    seed: Callable[[], str] = no_seed,
    look: Callable[[], dict[str, Any]] | None = None,
) -> web.Application:
    """The shop over these products; its pages load the SDK from `gateway`.

    `seed` gives one for a browser that is new here (seeds.py), `look` what has been learned so far
    (infra/demo/insight.py).
    """
    shop = _Shop(products, pages.Frame(gateway, list(by_category(products))), seed)
    app = web.Application(middlewares=[_headers(gateway)])
    app.add_routes(
        [
            web.get("/", shop.home),
            web.get("/c/{category}", shop.category),
            web.get("/p/{id}", shop.product),
            web.get("/search", shop.search),
            web.get("/cart", shop.cart),
            web.get("/checkout", shop.checkout),
            web.get("/thanks", shop.thanks),
            web.post("/privacy", shop.privacy),
            web.get("/img/favicon.svg", shop.favicon),
            web.get("/img/{id}.svg", shop.image),
            web.static("/static", STATIC),
        ]
    )
    if look is not None:
        app.router.add_get("/insight.json", lambda _: _told(look))
    return app


async def _told(look: Callable[[], dict[str, Any]]) -> web.Response:
    return web.json_response(look())


def _headers(gateway: str) -> Any:
    socket = gateway.replace("http", "ws", 1)
    policy = (
        f"default-src 'none'; script-src 'self' {gateway}; style-src 'self'; img-src 'self'; "
        f"connect-src 'self' {gateway} {socket}; form-action 'self'; base-uri 'none'; "
        "require-trusted-types-for 'script'"
    )

    @web.middleware
    async def add(request: web.Request, handler: Any) -> web.StreamResponse:
        response: web.StreamResponse = await handler(request)
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        return response

    return add


class _Shop:
    """The handlers, over one assortment."""

    def __init__(
        self, products: list[ShopProduct], frame: pages.Frame, seed: Callable[[], str]
    ) -> None:
        self._products, self._frame, self._seed = products, frame, seed
        self._by_id = {product.id: product for product in products}

    async def home(self, request: web.Request) -> web.Response:
        """Landing page."""
        return self._page(request, "home", "Home & outdoor goods", pages.home(self._products))

    async def category(self, request: web.Request) -> web.Response:
        """One category."""
        name = request.match_info["category"]
        shown = by_category(self._products).get(name)
        if shown is None:
            raise web.HTTPNotFound(text="There is no such category.")
        return self._page(request, "category", name.capitalize(), pages.category(name, shown))

    async def product(self, request: web.Request) -> web.Response:
        """One product."""
        product = self._by_id.get(request.match_info["id"])
        if product is None:
            raise web.HTTPNotFound(text="There is no such product.")
        related = [p for p in self._products if p.category == product.category and p != product]
        return self._page(request, "product", product.title, pages.product(product, related[:4]))

    async def search(self, request: web.Request) -> web.Response:
        """Results of a search."""
        query = request.query.get("q", "")[:80]
        shown = found(self._products, query)
        return self._page(request, "search", "Search", pages.search(query, shown), query)

    async def cart(self, request: web.Request) -> web.Response:
        """The cart; its lines live in the browser."""
        return self._page(request, "cart", "Your cart", pages.cart())

    async def checkout(self, request: web.Request) -> web.Response:
        """Address and payment, of which nothing leaves the browser."""
        return self._page(request, "checkout", "Checkout", pages.checkout())

    async def thanks(self, request: web.Request) -> web.Response:
        """After an order."""
        return self._page(request, "thanks", "Thank you", pages.thanks(self._products[:4]))

    async def image(self, request: web.Request) -> web.Response:
        """A product picture."""
        product = self._by_id.get(request.match_info["id"])
        if product is None:
            raise web.HTTPNotFound(text="There is no such picture.")
        body = picture(product.id, product.category, product.title)
        return web.Response(text=body, content_type="image/svg+xml")

    async def favicon(self, _: web.Request) -> web.Response:
        """A leaf."""
        return web.Response(text=FAVICON, content_type="image/svg+xml")

    async def privacy(self, request: web.Request) -> web.Response:
        """The visitor allows a lasting profile, or wants none; back to where the choice was."""
        choice = (await request.post()).get("choice")
        if choice not in CHOICES:
            raise web.HTTPBadRequest(text=f"choice: want one of {', '.join(CHOICES)}")
        response = web.HTTPSeeOther(URL(request.headers.get("Referer", "/")).path)
        response.set_cookie(CONSENT_COOKIE, str(choice), samesite="Lax")
        return response

    def _page(
        self, request: web.Request, kind: str, title: str, body: str, query: str = ""
    ) -> web.Response:
        personal = request.cookies.get(CONSENT_COOKIE) != "denied"
        # Whoever asks for chance gets it: /?holdout=maybe
        seed = self._seed() if personal and "holdout" not in request.query else ""
        text = self._frame.page(kind, title, body, query, personal=personal, seed=seed)
        return web.Response(text=text, content_type="text/html")
