"""Observed effects, several tabs, own components, preview, overlay and the kill switch."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import SDK, until
from tests.browser.decisions import carousel, decision, sale, shipping
from tests.browser.fixture_shop import FixtureShop

Visit = Callable[..., Page]
GRANT = "kairos.consent({analytics: true, personalization: true, marketing: false})"
REFUSE = "kairos.consent({analytics: false, personalization: false, marketing: false})"
POST = "await fetch('/api/{path}', {{method: 'POST'}});"
XHR = (
    "await new Promise((done) => {{ const asked = new XMLHttpRequest();"
    " asked.open('POST', '/api/{path}'); asked.onloadend = done; asked.send(); }});"
)
LAYER = (
    "dataLayer.push({event: 'add_to_cart', ecommerce: {currency: 'EUR', value: 19.9,"
    " items: [{item_id: 'p1', item_name: 'Cedar face oil', price: 19.9}]}});"
)
FORM = (
    "const form = document.createElement('form'); form.action = '/basket/add/1/';"
    "form.method = 'post'; form.target = 'nowhere'; document.body.append(form);"
)


@pytest.mark.promise("C18")
@pytest.mark.parametrize(
    ("deed", "added"),
    [
        (POST.format(path="cart/add.js"), 1),
        (POST.format(path="cart/add?x=refused").replace("add?x=", "add/"), 0),
        (XHR.format(path="cart/items"), 1),
        (XHR.format(path="cart/add/refused"), 0),
        ("await fetch('/api/other', {method: 'POST'});", 0),
        ("await fetch('/cart/add');", 0),
        (LAYER, 1),
        (LAYER + POST.format(path="cart/add.js"), 1),
        ("document.querySelector('#buy').click();" + POST.format(path="cart/add"), 1),
        (FORM + "form.onsubmit = (e) => e.preventDefault(); form.requestSubmit();", 0),
    ],
)
def test_a_cart_change_is_what_happened_not_what_was_clicked(
    visit: Visit, shop: FixtureShop, deed: str, added: int
) -> None:
    page = visit()
    page.evaluate(f"(async () => {{ {deed} kairos.track('ask'); }})()")
    until(lambda: shop.of("ask"), page)
    assert len(shop.of("add_to_cart")) == added
    assert all(event["product"]["id"] == "p1" for event in shop.of("add_to_cart"))


SHOPS = {
    "shopify": (
        "<script>window.ShopifyAnalytics = {meta: {currency: 'EUR', product: {id: 11,"
        " type: 'Skincare', variants: [{price: 1990, name: 'Cedar face oil'}]}}}</script>",
        {"id": "11", "name": "Cedar face oil", "category": "Skincare", "price": "19.90",
         "currency": "EUR"},
    ),
    "microdata": (
        '<div itemscope itemtype="https://schema.org/Product"><h1 itemprop="name">Cedar</h1>'
        '<meta itemprop="sku" content="c-1"><b itemprop="price" content="1299.5">1.299,50</b>'
        '<meta itemprop="priceCurrency" content="EUR"></div>',
        {"id": "c-1", "name": "Cedar", "price": "1299.5", "currency": "EUR"},
    ),
    "open graph": (
        '<meta property="og:type" content="og:product"><meta property="og:title" content="Cedar">'
        '<meta property="product:price:amount" content="1,299.00">'
        '<meta property="product:price:currency" content="USD">',
        {"id": "/markup", "name": "Cedar", "price": "1299.00", "currency": "USD"},
    ),
    "oscar": (
        '<article class="product_page"><div class="product_main"><h1>Cedar</h1>'
        '<p class="price_color">\u00a319.90</p></div>'
        '<form action="/en/basket/add/42/" method="post"></form></article>',
        {"id": "42", "name": "Cedar", "price": "19.90"},
    ),
    "two products": (
        '<i itemscope itemtype="https://schema.org/Product"></i>' * 2, None,
    ),
    "json-ld goes first": (
        '<script type="application/ld+json">{"@type": "Product", "sku": "ld-1", "name": "Cedar"}'
        '</script><meta property="og:type" content="product">',
        {"id": "ld-1", "name": "Cedar"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHOPS)
def test_an_adapter_reads_the_product_of_a_shop(page: Page, shop: FixtureShop, name: str) -> None:
    markup, product = SHOPS[name]
    shop.policy, shop.markup = "script-src 'self' 'unsafe-inline'", markup
    page.goto(shop.url + "/markup")
    until(lambda: page.evaluate("!!window.kairosMore"), page)
    page.evaluate("kairos.track('ask')")
    until(lambda: shop.of("ask"), page)
    assert [event["product"] for event in shop.of("product_view")] == ([product] if product else [])


def test_a_form_that_left_for_the_cart_is_an_addition(page: Page, shop: FixtureShop) -> None:
    page.goto(shop.url + "/session")
    until(lambda: page.evaluate("!!window.kairosMore"), page)
    page.evaluate(
        FORM.replace("form.target = 'nowhere';", "")
        + "const add = document.createElement('button'); add.id = 'add'; form.append(add);"
    )
    # A real click: a script that leaves its page may never be answered.
    page.click("#add")
    assert until(lambda: shop.of("add_to_cart"), page)


@pytest.mark.promise("C23")
def test_an_order_in_the_data_layer_is_a_purchase(visit: Visit, shop: FixtureShop) -> None:
    page = visit()
    page.evaluate(
        "dataLayer.push({event: 'purchase',"
        " ecommerce: {value: 59.8, transaction_id: 'o-1', items: []}})"
    )
    until(lambda: shop.of("purchase"), page)
    bought = shop.of("purchase")[0]
    assert (bought["value"], bought["properties"]) == ("59.80", {"order_id": "o-1"})


def test_a_choice_in_one_tab_holds_in_the_other(visit: Visit, shop: FixtureShop) -> None:
    first = visit()
    second = first.context.new_page()
    second.goto(shop.url + "/p/2")
    until(lambda: second.evaluate("!!window.kairosMore"), second)
    first.evaluate(GRANT)
    until(lambda: _says(second, shop, True), second)
    first.evaluate(REFUSE)
    until(lambda: _says(second, shop, False), second)
    assert second.evaluate("Object.keys(localStorage)") == []


def _says(page: Page, shop: FixtureShop, allowed: bool) -> bool:
    """The other tab's next event carries the choice."""
    page.evaluate("kairos.track('ask')")
    asked = [post for post in shop.posts if post["events"][-1]["type"] == "ask"]
    return bool(asked) and asked[-1].get("consent", {}).get("personalization") is allowed


def test_a_hidden_tab_that_does_not_lead_gives_its_socket_back(
    visit: Visit, shop: FixtureShop
) -> None:
    page = visit()
    page.clock.install()
    visit("/p/2")
    other = page.context.new_page()
    other.goto(shop.url + "/p/3")
    until(lambda: len(shop.hellos) == 3 and shop.open_sockets == 2, page)
    _show(page, "hidden")
    page.clock.fast_forward(31_000)
    until(lambda: shop.open_sockets == 1, page)
    _show(page, "visible")
    assert until(lambda: shop.open_sockets == 2, page)


def _show(page: Page, state: str) -> None:
    """Chromium cannot hide a tab here, so the property is set and the event sent."""
    page.evaluate(
        "(state) => { Object.defineProperties(document, {"
        " visibilityState: {value: state, configurable: true},"
        " hidden: {value: state === 'hidden', configurable: true} });"
        " document.dispatchEvent(new Event('visibilitychange')); }",
        state,
    )


def test_a_component_of_the_shop_draws_and_reports(visit: Visit, shop: FixtureShop) -> None:
    page = visit()
    page.evaluate(
        "void kairos.render((decision, report) => { if (decision.action_type !== 'own') return;"
        " const mine = document.createElement('p'); mine.id = 'mine';"
        " mine.textContent = decision.render.title; document.body.append(mine);"
        " report.shown(); window.report = report; return () => mine.remove(); })"
    )
    shop.push(decision("s_1", "toast", action_type="own", render={"title": "Mine"}))
    until(lambda: shop.of("impression"), page)
    assert page.locator("#mine").inner_text() == "Mine" and page.locator(".k").count() == 0
    page.evaluate("report.shown(); report.clicked('go')")
    until(lambda: shop.of("action_click"), page)
    assert len(shop.of("impression")) == 1
    shop.push(shipping("s_2"))
    page.evaluate("report.dismissed()")
    until(lambda: shop.of("dismiss"), page)
    until(lambda: len(shop.of("impression")) == 2, page)


def test_a_react_component_shows_its_placement(
    visit: Visit, shop: FixtureShop, tmp_path: Path
) -> None:
    page = visit()
    out = tmp_path / "example.js"
    contents = (
        "import { createRoot } from 'react-dom/client'; import { createElement } from 'react';"
        "import { OfferLine } from './examples/useAction.tsx';"
        "const root = document.createElement('div'); document.body.append(root);"
        "createRoot(root).render(createElement(OfferLine)); window.mounted = true;"
    )
    build = (
        "import { build } from 'esbuild'; await build({ stdin: { contents: process.argv.at(-2),"
        " resolveDir: '.' }, bundle: true, format: 'iife', jsx: 'automatic',"
        " define: { 'process.env.NODE_ENV': '\"production\"' },"
        " alias: { '@kairos/sdk': './test/contract/globalSdk.ts' }, outfile: process.argv.at(-1) })"
    )
    command = ["node", "--input-type=module", "-e", build, contents, str(out)]
    subprocess.run(command, cwd=SDK, check=True)
    page.evaluate(out.read_text(encoding="utf-8"))
    until(lambda: page.evaluate("window.mounted"), page)
    page.wait_for_timeout(50)
    shop.push(decision("s_1", render={"title": "For React", "cta": {"label": "Go"}}))
    until(lambda: shop.of("impression"), page)
    assert page.locator(".offer strong").inner_text() == "For React"
    page.click("text=No, thanks")
    until(lambda: shop.of("dismiss"), page)
    assert page.locator(".offer").count() == 0


def test_a_preview_is_drawn_and_books_nothing(visit: Visit, shop: FixtureShop) -> None:
    shop.previewed = sale("preview_1")
    page = visit("/p/1?kairos_preview=signed")
    until(lambda: page.locator(".k h2").count() == 1, page)
    page.click(".x")
    until(lambda: page.locator(".k").count() == 0, page)
    page.evaluate("kairos.track('ask')")
    until(lambda: shop.of("ask"), page)
    assert not shop.of("impression", "dismiss", "action_click")
    visit("/p/2?kairos_preview=forged")
    page.wait_for_timeout(100)
    assert page.locator(".k").count() == 0


def test_the_overlay_says_what_happened_to_events_and_why_nothing_shows(
    visit: Visit, shop: FixtureShop
) -> None:
    page = visit()
    page.evaluate("kairos.debug()")
    overlay = page.get_by_label("kairos debug")
    until(lambda: "page view" in overlay.inner_text(), page)
    assert "accepted" in overlay.inner_text() and "socket" in overlay.inner_text()
    shop.push({"type": "none", "slot_id": "s_0", "reason": "cap_day"})
    until(lambda: "cap day" in overlay.inner_text(), page)
    shop.push(carousel("s_1", picture=False) | {"ledger": {"us": {"intent": 48}}})
    until(lambda: "WINTER_FLASH_SALE_15" in overlay.inner_text(), page)
    assert "0.05 ms" in overlay.inner_text()
    page.evaluate("kairos.debug()")
    assert overlay.count() == 0


def test_the_kill_switch_takes_everything_away(visit: Visit, shop: FixtureShop) -> None:
    page = visit()
    shop.push(sale("s_1"))
    until(lambda: shop.of("impression"), page)
    sent = len(shop.events)
    page.evaluate("kairos.stop(); kairos.track('ask')")
    shop.push(shipping("s_2"))
    page.mouse.move(400, 200)
    page.mouse.move(400, -5)
    page.wait_for_timeout(150)
    assert page.locator(".k").count() == 0 and len(shop.events) == sent
    assert until(lambda: shop.open_sockets == 0, page)
