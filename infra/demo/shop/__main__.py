"""`python -m infra.demo.shop`: the demo shop on its port, until it is told to stop."""

from __future__ import annotations

import os

from aiohttp import web

from infra.demo.insight import Insight
from infra.demo.publish import SITE
from infra.demo.shop.app import make_app
from infra.demo.shop.products import read_products
from infra.demo.shop.seeds import demo_site, seeds_of
from infra.local.layout import read_layout

HOST = "127.0.0.1"


def main() -> None:
    """Serve; port and gateway come from the environment."""
    port = int(os.environ.get("KAIROS_PORT_SHOP", "18000"))
    gateway = os.environ.get("KAIROS_GATEWAY_URL", "http://127.0.0.1:18080")
    seed = seeds_of(demo_site(read_layout().stack))
    insight = Insight(os.environ["KAIROS_BROKERS"], os.environ["KAIROS_REGISTRY_URL"], SITE).start()
    try:
        app = make_app(read_products(), gateway, seed, insight.look)
        web.run_app(app, host=HOST, port=port, print=None)
    finally:
        insight.stop()


main()
