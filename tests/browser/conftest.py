"""Chromium, the built SDK and a scripted shop for the browser rules."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.fixture_shop import FixtureShop

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
SDK = ROOT / "sdk"
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update"
).split()
# Closed roots stay closed for the page; the test opens them to look inside and notes their mode.
LOOK_INSIDE = """
window.rootModes = []; window.violations = []; window.painted = []; window.pwned = false;
const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (options) {
  window.rootModes.push(options.mode);
  return attach.call(this, { ...options, mode: 'open' });
};
document.addEventListener('securitypolicyviolation', (e) =>
  window.violations.push(e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sample));
document.addEventListener('kairos:painted', (e) => window.painted.push(e.detail));
"""


def chromium() -> str | None:
    """The installed Chromium, or None for the one that playwright installs itself."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("KAIROS_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def until(probe: Callable[[], T], page: Page | None = None, deadline_s: float = 8.0) -> T:
    """The first true answer of `probe`; the page's events run meanwhile. Fails by deadline."""
    end_s = time.monotonic() + deadline_s
    while time.monotonic() < end_s:
        found = probe()
        if found:
            return found
        if page:
            page.wait_for_timeout(15)
    raise AssertionError(f"not true within {deadline_s} s: {probe.__doc__ or probe}")


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """sdk/dist, built once a run: the build itself refuses bundles over their size."""
    # The folder above a worker's own is the whole run's.
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    with (shared / "sdk-built").open("a+", encoding="utf-8") as built:
        fcntl.flock(built, fcntl.LOCK_EX)
        if built.tell() == 0:
            if not (SDK / "node_modules" / "axe-core").exists():
                subprocess.run(["npm", "ci"], cwd=SDK, check=True, capture_output=True)
            subprocess.run(["npm", "run", "-s", "build"], cwd=SDK, check=True)
            built.write("built\n")
    return SDK / "dist"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        engine = playwright.chromium.launch(executable_path=chromium(), args=QUIET)
        yield engine
        engine.close()


@pytest.fixture
def shop(dist: Path) -> Iterator[FixtureShop]:
    served = FixtureShop(dist)
    served.start()
    yield served
    served.stop()


@pytest.fixture
def page(browser: Browser, shop: FixtureShop) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.add_init_script(LOOK_INSIDE)
    opened = context.new_page()
    yield opened
    context.close()


@pytest.fixture
def visit(page: Page, shop: FixtureShop) -> Callable[..., Page]:
    """Opens a path and waits until the socket said hello and every file of the SDK runs."""

    def go(path: str = "/p/1") -> Page:
        hellos = len(shop.hellos)
        page.goto(shop.url + path)
        until(lambda: len(shop.hellos) > hellos, page)
        until(lambda: page.evaluate("!!(window.kairosMore && window.kairosRender)"), page)
        return page

    return go
