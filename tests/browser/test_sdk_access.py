"""Every action and the overlay, judged by axe-core and by a keyboard."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from playwright.sync_api import Page

from tests.browser.conftest import SDK, until
from tests.browser.decisions import carousel, decision, identity, sale, shipping
from tests.browser.fixture_shop import FixtureShop

Visit = Callable[..., Page]
AXE = SDK / "node_modules" / "axe-core" / "axe.min.js"
FRAMES: dict[str, dict[str, Any]] = {
    "discount modal with countdown": sale("s_1"),
    "banner": shipping("s_1"),
    "inline carousel": carousel("s_1", picture=False),
    "modal carousel": carousel("s_1", "modal", picture=False),
    "identity form": identity("s_1"),
    "cart save": decision("s_1", action_type="cart_save", render={
        "title": "Keep your cart for later", "body": "We save it for 14 days.",
        "cta": {"label": "Save my cart", "url": "/cart"}}),
}  # fmt: skip
CHECK = """async () => {
  const { violations } = await axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
  });
  return violations.flatMap((v) => v.nodes.map((n) => v.id + ' ' + n.target.flat(3).join(' ')));
}"""


def faults(page: Page) -> set[str]:
    """What axe finds in the page, shadow roots included, once motion has ended."""
    until(lambda: page.evaluate("document.getAnimations().length") == 0, page)
    page.wait_for_timeout(300)
    # Through the protocol, since the page's own policy allows no foreign script.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    return set(page.evaluate(CHECK))


def test_axe_finds_nothing_in_any_action(visit: Visit, shop: FixtureShop) -> None:
    page = visit()
    before = faults(page)
    for number, (name, frame) in enumerate(FRAMES.items()):
        shop.push(frame | {"slot_id": f"s_{number}"})
        until(partial(_shown, shop, number + 1), page)
        assert faults(page) - before == set(), name
        shop.push({"type": "cancel", "slot_id": f"s_{number}"})


def _shown(shop: FixtureShop, actions: int) -> bool:
    """So many actions were painted."""
    return len(shop.of("impression")) >= actions


def test_axe_finds_what_is_planted(visit: Visit, shop: FixtureShop) -> None:
    """Planted: a text of hardly any contrast, and a button without a name."""
    page = visit()
    page.evaluate("document.documentElement.style.setProperty('--kairos-text', '#ccc')")
    shop.push(sale("s_1"))
    until(lambda: shop.of("impression"), page)
    page.locator(".x").evaluate("(button) => button.removeAttribute('aria-label')")
    found = " ".join(sorted(faults(page)))
    assert "color-contrast" in found and "button-name" in found


def test_axe_finds_nothing_in_the_overlay(visit: Visit, shop: FixtureShop) -> None:
    page = visit()
    before = faults(page)
    page.evaluate("kairos.debug()")
    until(lambda: page.get_by_label("kairos debug").count() == 1, page)
    assert faults(page) - before == set()


def test_a_keyboard_stays_inside_a_modal_and_leaves_by_escape(
    visit: Visit, shop: FixtureShop
) -> None:
    page = visit()
    page.focus("#buy")
    shop.push(identity("s_1"))
    until(lambda: shop.of("impression"), page)
    inside = []
    for _ in range(6):
        page.keyboard.press("Tab")
        inside.append(page.evaluate("document.activeElement.id"))
    assert not {"buy", "next", "cart", "q"} & set(inside)
    page.keyboard.press("Escape")
    until(lambda: shop.of("dismiss"), page)
    assert page.evaluate("document.activeElement.id") == "buy"
