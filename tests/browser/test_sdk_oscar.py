"""How far a purchase is, read from the pages of a django-oscar shop."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import until
from tests.browser.fixture_shop import FixtureShop

OSCAR = (
    "<!doctype html><script>window.oscar = {};</script>"
    '<script src="/sdk/kairos.js" data-site="demo" data-consent="full" defer></script>'
    '<p class="lead">Your order number is <strong>100001</strong>.</p><div id="basket_totals">'
    '<table><tr><th class="text-right">€19.90</th></tr>'
    '<tr><td class="text-right"><h3 class="price_color">€1,024.50</h3></td></tr></table></div>'
)
VISIT = (
    ("/basket/", "cart_view"),
    ("/checkout/", "checkout_start"),
    ("/checkout/shipping-address/", "checkout_step"),
    ("/checkout/thank-you/", "purchase"),
)


def told(page: Page, shop: FixtureShop) -> list[str]:
    """Types of the steps so far, once this page has told its own."""
    asked = len(shop.of("ask"))
    until(lambda: page.evaluate("!!window.kairosMore"), page)
    page.evaluate("kairos.track('ask')")
    until(lambda: len(shop.of("ask")) > asked, page)
    return [event["type"] for event in shop.of(*dict(VISIT).values())]


@pytest.mark.promise("C18")
def test_each_page_of_a_purchase_is_told_once_and_a_reload_is_no_second_order(
    page: Page, shop: FixtureShop
) -> None:
    """A shop of another kind with the same addresses tells nothing."""
    shown = [OSCAR.replace("window.oscar = {};", "")]
    answer = {"content_type": "text/html; charset=utf-8"}
    page.route(re.compile(r"/(basket|checkout)/"), lambda r: r.fulfill(body=shown[0], **answer))
    page.goto(shop.url + "/basket/")
    assert told(page, shop) == []
    shown[0], before = OSCAR, shop.url + "/basket/"
    for number, (path, _) in enumerate(VISIT, start=1):
        page.goto(shop.url + path, referer=before)
        before = shop.url + path
        assert told(page, shop) == [kind for _, kind in VISIT[:number]]
    (order,) = shop.of("purchase")
    assert (order["value"], order["properties"]) == ("1024.50", {"order_id": "100001"})
    page.reload()
    assert len(told(page, shop)) == len(VISIT)
