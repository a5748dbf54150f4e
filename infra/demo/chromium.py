"""A real Chromium in the demo shop: a new visitor for each visit, timed by the page's own clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from infra.setup.browser import FIX, find_chromium
from infra.setup.home import Home

QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update"
).split()
POLL_MS = 20.0
WATCH = """
window.watched = { violations: [], painted: [], frames: [] };
document.addEventListener('securitypolicyviolation', (e) =>
  watched.violations.push(e.violatedDirective + ' ' + e.blockedURI));
document.addEventListener('kairos:painted', (e) => watched.painted.push(e.detail));
document.addEventListener('kairos:ready', () => kairos.onFrame((frame) =>
  /^(decision|none)$/.test(frame.type) && watched.frames.push(frame)));
"""
ANSWER = """(kind) => {
  const frame = watched.frames.findLast((f) => f.explain && f.explain.trigger.kind === kind);
  const painted = watched.painted.find((p) => frame && p.slot_id === frame.slot_id);
  return frame ? { frame, painted: painted || null } : null;
}"""
Answer = dict[str, Any]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The installed browser. Raises RuntimeError, with the fix, when there is none."""
    found = find_chromium(Home.from_environment())
    if found is None:
        raise RuntimeError(f"no Chromium was found. {FIX}")
    with sync_playwright() as playwright:
        engine = playwright.chromium.launch(executable_path=str(found), args=QUIET)
        try:
            yield engine
        finally:
            engine.close()


@contextmanager
def visitor(browser: Browser) -> Iterator[Page]:
    """A page of somebody nobody has seen before."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(WATCH)
    try:
        yield context.new_page()
    finally:
        context.close()


def leave(page: Page) -> None:
    """The pointer leaves through the top edge: exit intent."""
    page.mouse.move(500, 200)
    page.mouse.move(500, -5)


def answer(page: Page, kind: str, within_ms: float) -> Answer | None:
    """The decision that an event of this type got: its frame, and `painted` once it is on screen.

    Returns at once for a none, else when the action is painted or the time is over; None when no
    decision came.
    """
    deadline_s = time.monotonic() + within_ms / 1000
    while True:
        found: Answer | None = page.evaluate(ANSWER, kind)
        if found and (found["painted"] or found["frame"]["type"] == "none"):
            return found
        if time.monotonic() > deadline_s:
            return found
        page.wait_for_timeout(POLL_MS)
