"""A real Chromium in the demo shop: a new visitor for each visit, timed by the page's own clock."""

from __future__ import annotations

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
WATCH = """
window.watched = { violations: [], painted: [], frames: [], news: new EventTarget() };
const keep = (list, what) => {
  list.push(what);
  watched.news.dispatchEvent(new Event('kept'));
};
document.addEventListener('securitypolicyviolation', (e) =>
  watched.violations.push(e.violatedDirective + ' ' + e.blockedURI));
document.addEventListener('kairos:painted', (e) => keep(watched.painted, e.detail));
document.addEventListener('kairos:ready', () => kairos.onFrame((frame) =>
  /^(decision|none)$/.test(frame.type) && keep(watched.frames, frame)));
"""
ANSWER = """([kind, within_ms]) => new Promise((resolve) => {
  const found = () => {
    const frame = watched.frames.findLast((f) => f.explain && f.explain.trigger.kind === kind);
    const painted = watched.painted.find((p) => frame && p.slot_id === frame.slot_id);
    return frame ? { frame, painted: painted || null } : null;
  };
  const look = () => {
    const now = found();
    if (now && (now.painted || now.frame.type === 'none')) resolve(now);
  };
  watched.news.addEventListener('kept', look);
  setTimeout(() => resolve(found()), within_ms);
  look();
})"""
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
    # The page tells by itself: a question every few ms would take the time that is measured.
    found: Answer | None = page.evaluate(ANSWER, [kind, within_ms])
    return found
