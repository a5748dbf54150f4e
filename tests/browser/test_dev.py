"""`kairos dev`: the demo shop with the real SDK against the provided script, no stack."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from playwright.sync_api import Browser, Page

from infra.demo.shop.app import make_app
from infra.demo.shop.products import read_products
from infra.dev.gateway import ScriptedGateway
from infra.dev.script import read_script
from tests.browser.conftest import LOOK_INSIDE, ROOT, until

PICTURES = Path(os.environ.get("KAIROS_SCREENSHOTS", ROOT / ".kairos" / "screenshots"))


@pytest.fixture(scope="module")
def address(dist: Path) -> Iterator[str]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    runners: list[web.AppRunner] = []

    async def listen(app: web.Application) -> str:
        runner = web.AppRunner(app)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def serve() -> str:
        gateway = await listen(ScriptedGateway(dist, read_script()).app())
        return await listen(make_app(read_products(), gateway))

    async def close() -> None:
        for runner in runners:
            await runner.cleanup()

    yield asyncio.run_coroutine_threadsafe(serve(), loop).result(10)
    asyncio.run_coroutine_threadsafe(close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


@pytest.fixture
def shopper(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1180, "height": 760})
    context.add_init_script(LOOK_INSIDE)
    context.add_init_script("localStorage.setItem('drawer.open', '0')")
    yield context.new_page()
    context.close()


def shows(page: Page, title: str, name: str) -> None:
    """The action is on screen and has come to rest; a picture of it is kept."""
    until(lambda: title in page.locator(".k h2").all_inner_texts(), page)
    until(lambda: page.evaluate("document.getAnimations().length") == 0, page)
    page.wait_for_timeout(350)
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"dev-{name}.png")


def test_every_step_of_the_script_shows_in_the_demo_shop(shopper: Page, address: str) -> None:
    shopper.goto(address + "/c/lights")
    shows(shopper, "You might like these too", "inline")
    shopper.goto(address + "/p/p12")
    until(lambda: shopper.evaluate("!!window.kairosMore"), shopper)
    shopper.click("[data-add]")
    shows(shopper, "Shipping is on us today", "banner")
    shopper.locator(".x").click()
    shopper.mouse.move(500, 200)
    shopper.mouse.move(500, -5)
    shows(shopper, "10 % off your first order", "modal")
    shopper.goto(address + "/cart")
    shows(shopper, "Keep your cart for later", "cart-save")
    shopper.keyboard.press("Escape")
    shopper.fill("[type=search]", "tent")
    shopper.press("[type=search]", "Enter")
    shows(shopper, "The trail letter", "identity")
    assert shopper.evaluate("violations") == []


def test_the_overlay_reads_on_the_demo_shop(shopper: Page, address: str) -> None:
    shopper.goto(address + "/c/lights")
    shows(shopper, "You might like these too", "inline")
    shopper.evaluate("kairos.debug()")
    overlay = shopper.get_by_label("kairos debug")
    assert until(lambda: "MORE_LIKE_THIS" in overlay.inner_text(), shopper)
    shopper.screenshot(path=PICTURES / "dev-debug.png")


def test_a_page_without_an_action_says_why(shopper: Page, address: str) -> None:
    shopper.goto(address + "/")
    shopper.evaluate("kairos.debug()")
    overlay = shopper.get_by_label("kairos debug")
    assert until(lambda: "no candidate" in overlay.inner_text(), shopper)
