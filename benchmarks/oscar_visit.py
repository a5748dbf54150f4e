"""A guest's whole purchase on django-oscar in a real browser, and what the pages noticed of us."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page
from playwright.sync_api import TimeoutError as PlaywrightTimeout

TITLE, BUTTON = "Free shipping today", "To the checkout"
SHOWN_WITHIN_MS = 30_000
WATCH = """
window.watched = { ours: [], theirs: 0, shift: 0 };
document.addEventListener('securitypolicyviolation', (e) => {
  if (/\\/sdk\\/kairos/.test(e.sourceFile + e.blockedURI))
    watched.ours.push(`${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}`);
  else watched.theirs += 1;
});
new PerformanceObserver((list) => {
  for (const each of list.getEntries()) watched.shift += each.value;
}).observe({ type: 'layout-shift', buffered: true });
// Only so that this visit may find the button: the closed root of an action is opened.
const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (how) {
  return attach.call(this, { ...how, mode: 'open' });
};
"""
ANSWERED = (
    "(({ tracked, acked, duplicates, beaconed, rejected }) =>"
    " acked + duplicates + beaconed + rejected >= tracked)(kairos.debug.counts)"
)
ADDRESS = {
    "first_name": "Robin",
    "last_name": "Guest",
    "line1": "1 Any Street",
    "line4": "Anytown",
    "postcode": "10115",
}


@dataclass
class Visit:
    """What the visit saw: pages by path, reports of the policy, layout shift by path, the order."""

    pages: list[str] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    reports_of_the_shop: int = 0
    shifts: dict[str, float] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    rejected: int = 0
    order: str = ""
    paid: str = ""


def buy(browser: Browser, shop: str, pictures: Path, *, ours: bool) -> Visit:
    """Browse, put into the basket, order as a guest.

    `ours` is False for the shop by itself: our files are not let in, and the way to the till is
    the shop's own. Else it is the action's.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 860}, locale="en-GB")
    context.add_init_script(WATCH)
    page, seen = context.new_page(), Visit()
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    if not ours:
        page.route("**/sdk/*", lambda route: route.abort())
    try:
        for number, step in enumerate(STEPS if ours else ALONE):
            step(page, shop)
            # What a page moves by itself, it does while its letters and pictures come.
            page.wait_for_load_state("load")
            page.evaluate("document.fonts.ready.then(() => true)")
            if ours:
                settle(page)
            page.screenshot(path=pictures / f"{number}-{step.__name__}.png")
            if ours:
                seen.rejected += page.evaluate("kairos.debug.counts.rejected")
            look(page, seen)
        seen.order = page.locator(".lead strong").inner_text()
        seen.paid = page.locator("#basket_totals .price_color").inner_text()
    finally:
        context.close()
    return seen


def settle(page: Page) -> None:
    """Every file of the SDK runs and what was to be told at once has been answered."""
    page.wait_for_function("!!(window.kairosMore && window.kairosRender)")
    try:
        page.wait_for_function(ANSWERED, timeout=SHOWN_WITHIN_MS)
    except PlaywrightTimeout:
        counts = page.evaluate("kairos.debug.counts")
        raise RuntimeError(f"{page.url} was not answered: {counts}") from None


def look(page: Page, seen: Visit) -> None:
    """Keep what this page noticed."""
    found, path = page.evaluate("[watched, location.pathname]")
    seen.pages.append(path)
    seen.reports += found["ours"]
    seen.reports_of_the_shop += found["theirs"]
    seen.shifts[path] = seen.shifts.get(path, 0.0) + found["shift"]


# ---- the steps, each of which ends on another page or with the action ------------------------


def browse(page: Page, shop: str) -> None:
    """The catalogue."""
    page.goto(f"{shop}/catalogue/")


def choose(page: Page, shop: str) -> None:
    """The first product of it."""
    page.locator(".product_pod h3 a").first.click()
    page.wait_for_selector("#add_to_basket_form")


def add(page: Page, shop: str) -> None:
    """A form post that ends on the product's page again."""
    page.locator("#add_to_basket_form button[type=submit]").click()
    page.wait_for_selector("#messages .alert-success, .basket-mini .badge, .alert-success")


def basket(page: Page, shop: str) -> None:
    """The basket, and the action that it brings."""
    page.goto(f"{shop}/basket/")
    page.get_by_role("heading", name=TITLE).wait_for(timeout=SHOWN_WITHIN_MS)


def to_the_till(page: Page, shop: str) -> None:
    """A click on the action."""
    page.get_by_role("link", name=BUTTON, exact=True).click()
    page.wait_for_selector("#id_username")


def basket_alone(page: Page, shop: str) -> None:
    """The basket of a shop without us."""
    page.goto(f"{shop}/basket/")


def till_alone(page: Page, shop: str) -> None:
    """The shop's own way to the till."""
    page.goto(f"{shop}/checkout/")
    page.wait_for_selector("#id_username")


def who(page: Page, shop: str) -> None:
    """As a guest."""
    page.fill("#id_username", "guest@shop.example")
    page.check("input[name=options][value=anonymous]")
    submit(page, "#id_first_name")


def where(page: Page, shop: str) -> None:
    """The address; Oscar passes over the one way of shipping there is."""
    for name, value in ADDRESS.items():
        page.fill(f"#id_{name}", value)
    submit(page, "#view_preview")


def pay(page: Page, shop: str) -> None:
    """Oscar's page for the payment, which asks for nothing."""
    page.click("#view_preview")
    page.wait_for_selector("#place-order")


def place(page: Page, shop: str) -> None:
    """The order."""
    page.click("#place-order")
    page.wait_for_selector("#basket_totals")


def submit(page: Page, until: str) -> None:
    """Send the form of the page and wait for what the next one shows."""
    page.locator("form[method=post] button[type=submit]").last.click()
    page.wait_for_selector(until)


Steps = tuple[Callable[[Page, str], None], ...]
STEPS: Steps = (browse, choose, add, basket, to_the_till, who, where, pay, place)
ALONE: Steps = (browse, choose, add, basket_alone, till_alone, who, where, pay, place)
