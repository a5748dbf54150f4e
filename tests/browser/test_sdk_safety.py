"""What a decision can never do to a page, and what a page owes its visitor."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import LOOK_INSIDE, ROOT, until
from tests.browser.decisions import carousel, decision, identity, sale, shipping
from tests.browser.fixture_shop import WITH_PICTURES, FixtureShop

Visit = Callable[..., Page]
KINDS = ("modal", "banner", "inline")
HOSTILE = [
    '<img src=x onerror="window.pwned=true">',
    "<script>window.pwned=true</script>",
    "<svg/onload=window.pwned=true>",
    "\"><iframe srcdoc='<script>parent.pwned=true</script>'>",
    "{{constructor.constructor('window.pwned=true')()}}",
    "</style><style>*{display:none}</style>",
    "<a href='javascript:window.pwned=true'>x</a>",
    "\u202etext\u0000 & &lt;b&gt;",
]
BAD_LINKS = [
    "javascript:window.pwned=true",
    " java\tscript:window.pwned=true",
    "JaVaScRiPt://%0awindow.pwned=true",
    "data:text/html,<script>parent.pwned=true</script>",
    "vbscript:x",
    "//evil.example/",
    "https://evil.example/",
    "https://127.0.0.1@evil.example/",
    "file:///etc/hostname",
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_strict_policy_sees_no_violation(visit: Visit, shop: FixtureShop, kind: str) -> None:
    page = visit()
    frames = [
        sale("s_1"), shipping("s_2"), carousel("s_3", kind, picture=False), identity("s_4"),
    ]  # fmt: skip
    for frame in frames:
        frame["render"]["kind"] = kind
        shop.push(frame)
        _wait_seen(page, shop, frame["slot_id"])
        shop.push({"type": "cancel", "slot_id": frame["slot_id"]})
    assert page.evaluate("violations") == []
    assert set(page.evaluate("rootModes")) == {"closed"}


def test_the_watch_for_violations_sees_one(visit: Visit) -> None:
    page = visit()
    page.evaluate("document.body.append(document.createElement('style'))")
    page.evaluate("document.querySelector('style').textContent = 'b{}'")
    assert until(lambda: page.evaluate("violations"), page)


@pytest.mark.parametrize("kind", KINDS)
def test_markup_in_a_decision_is_text(visit: Visit, shop: FixtureShop, kind: str) -> None:
    page = visit()
    for number, text in enumerate(HOSTILE):
        product = {"id": "p", "title": text, "price": text, "reason": text, "url": "/"}
        render = {
            "title": text, "body": text, "code": text, "cta": {"label": text, "url": "/cart"},
            "products": [product],
        }  # fmt: skip
        shop.push(decision(f"s_{number}", kind, campaign_id=text, render=render))
        _wait_seen(page, shop, f"s_{number}")
        assert page.locator(".k h2").text_content() == text
        assert page.locator(".k .cta").text_content() == text
        assert page.locator(".k :is(script,iframe,style,svg:not([viewBox]))").count() == 0
        shop.push({"type": "cancel", "slot_id": f"s_{number}"})
    assert page.evaluate("pwned") is False
    assert page.evaluate("violations") == []


@pytest.mark.parametrize("link", BAD_LINKS)
def test_a_link_off_the_site_or_off_the_web_is_refused(
    visit: Visit, shop: FixtureShop, link: str
) -> None:
    page = visit()
    product = {"id": "p", "title": "T", "url": link}
    render = {"cta": {"label": "Go", "url": link}, "products": [product]}
    shop.push(decision("s_1", render=render))
    _wait_seen(page, shop, "s_1")
    assert page.locator(".k a").count() == 0
    assert page.locator(".k .cta").count() == 0
    assert page.evaluate("pwned") is False


@pytest.mark.parametrize("kind", ["unknown", "", "__proto__"])
def test_a_kind_nobody_knows_is_not_drawn(visit: Visit, shop: FixtureShop, kind: str) -> None:
    page = visit()
    shop.push(decision("s_0", kind), decision("s_1", render={"title": "Known"}))
    _wait_seen(page, shop, "s_1")
    assert page.locator(".k").count() == 1


def test_a_modal_takes_focus_and_gives_it_back(visit: Visit, shop: FixtureShop) -> None:
    page = visit()
    page.focus("#buy")
    shop.push(sale("s_1"))
    _wait_seen(page, shop, "s_1")
    assert page.evaluate("document.activeElement.id") != "buy"
    page.keyboard.press("Escape")
    until(lambda: shop.of("dismiss"), page)
    assert page.evaluate("document.activeElement.id") == "buy"


def test_a_banner_leaves_focus_where_it_is(visit: Visit, shop: FixtureShop) -> None:
    page = visit()
    page.focus("#q")
    shop.push(shipping("s_1"))
    _wait_seen(page, shop, "s_1")
    assert page.evaluate("document.activeElement.id") == "q"
    assert page.locator(".bar").get_attribute("role") == "region"


def test_a_modal_waits_until_typing_ends(visit: Visit, shop: FixtureShop) -> None:
    page = visit()
    page.focus("#q")
    shop.push(sale("s_1"), shipping("s_2"))
    _wait_seen(page, shop, "s_2")
    assert not _seen(shop, "s_1")
    page.locator(".x").click()
    page.evaluate("document.activeElement.blur()")
    _wait_seen(page, shop, "s_1")
    assert page.locator("dialog").is_visible()


def test_no_overlay_where_the_shop_says_so(visit: Visit, shop: FixtureShop) -> None:
    page = visit()
    page.evaluate("document.querySelector('main').dataset.kairosNodecide = ''")
    shop.push(sale("s_1"), shipping("s_2"), carousel("s_3", picture=False))
    _wait_seen(page, shop, "s_3")
    assert page.locator("dialog, .bar").count() == 0


def test_controls_are_large_enough_and_named(visit: Visit, shop: FixtureShop) -> None:
    page = visit()
    shop.push(sale("s_1"))
    _wait_seen(page, shop, "s_1")
    box = page.locator(".x").bounding_box()
    assert box and min(box["width"], box["height"]) >= 44
    assert page.get_by_role("dialog", name="15 % off, just for today").count() == 1
    assert page.get_by_role("button", name="Close").count() == 1


def test_overlays_shift_nothing(visit: Visit, shop: FixtureShop) -> None:
    page = visit()
    page.evaluate(
        "window.shifts = []; new PerformanceObserver((l) => shifts.push(...l.getEntries()"
        ".map((e) => e.value))).observe({type: 'layout-shift'})"
    )
    for frame in (sale("s_1"), shipping("s_2"), carousel("s_3", picture=False)):
        shop.push(frame)
        _wait_seen(page, shop, frame["slot_id"])
        shop.push({"type": "cancel", "slot_id": frame["slot_id"]})
    assert page.evaluate("shifts") == []


def test_who_wants_less_motion_gets_none(browser: Browser, shop: FixtureShop) -> None:
    context = browser.new_context(reduced_motion="reduce")
    context.add_init_script(LOOK_INSIDE)
    page = context.new_page()
    page.goto(shop.url + "/p/1")
    until(lambda: shop.hellos, page)
    shop.push(sale("s_1"))
    _wait_seen(page, shop, "s_1")
    motion = page.locator("dialog").evaluate("(e) => getComputedStyle(e).animationName")
    context.close()
    assert motion == "none"


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        ("modal", sale("s_1")),
        ("banner", shipping("s_1")),
        ("inline", carousel("s_1")),
        ("identity", identity("s_1")),
        ("modal-carousel", carousel("s_1", "modal")),
    ],
)
@pytest.mark.parametrize("width", [1280, 390])
def test_every_template_is_drawn_inside_the_window(
    page: Page, visit: Visit, shop: FixtureShop, name: str, frame: dict[str, object], width: int
) -> None:
    shop.policy = WITH_PICTURES
    page.set_viewport_size({"width": width, "height": 860})
    visit()
    shop.push(frame)
    _wait_seen(page, shop, "s_1")
    drawn = page.locator(".k").first
    drawn.scroll_into_view_if_needed()
    until(lambda: page.evaluate("document.getAnimations().length") == 0, page)
    page.wait_for_timeout(450)
    folder = Path(os.environ.get("KAIROS_SCREENSHOTS", ROOT / ".kairos" / "screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}-{width}.png")
    box = drawn.bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= width
    assert page.evaluate("violations") == []


def _seen(shop: FixtureShop, slot_id: str) -> bool:
    """The slot's impression arrived."""
    return any(event["slot_id"] == slot_id for event in shop.of("impression"))


def _wait_seen(page: Page, shop: FixtureShop, slot_id: str) -> None:
    """Until the slot's impression arrived."""
    until(lambda: _seen(shop, slot_id), page)
