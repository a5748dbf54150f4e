"""What users complain about in other SDKs, SDK-1 to SDK-10: none of it happens here.

SDK-4 and SDK-7 are held by the contract, which runs without a browser and in one
(test_sdk_contract.py); here are the sides of them that only a browser has.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import until
from tests.browser.decisions import carousel, identity, sale, shipping
from tests.browser.fixture_shop import STRICT, FixtureShop

Visit = Callable[..., Page]
GRANT = "kairos.consent({analytics: true, personalization: true, marketing: false})"


@pytest.mark.parametrize(("name", "limit"), [("kairos.js", 8_192), ("kairos-render.js", 6_144)])
def test_sdk_1_size_is_a_gate(dist: Path, name: str, limit: int) -> None:
    assert len(gzip.compress((dist / name).read_bytes(), 9)) <= limit


def test_sdk_2_every_file_and_template_runs_under_a_strict_policy(
    visit: Visit, shop: FixtureShop
) -> None:
    page = visit()
    assert "require-trusted-types-for 'script'" in STRICT and shop.policy == STRICT
    for frame in (sale("s_1"), shipping("s_2"), carousel("s_3", picture=False), identity("s_4")):
        shop.push(frame)
        until(partial(_seen, shop, frame["slot_id"]), page)
        shop.push({"type": "cancel", "slot_id": frame["slot_id"]})
    page.evaluate("kairos.debug()")
    until(lambda: page.get_by_label("kairos debug").count() == 1, page)
    assert page.evaluate("violations") == []


def test_sdk_3_a_click_whose_page_is_gone_at_once_arrives_exactly_once(
    visit: Visit, shop: FixtureShop
) -> None:
    page = visit()
    page.evaluate(
        "() => { document.querySelector('#dead').onclick = () => {"
        " kairos.track('add_to_cart', {value: '1.00'}); location.href = '/cart'; }; }"
    )
    page.click("#dead")
    page.wait_for_url("**/cart")
    until(lambda: shop.of("cart_view"), page)
    assert len({event["event_id"] for event in shop.of("add_to_cart")}) == 1


def test_sdk_4_nothing_leaves_or_is_stored_before_the_choice(page: Page, shop: FixtureShop) -> None:
    page.goto(shop.url + "/pending")
    page.evaluate("kairos.track('search', {properties: {query: 'cedar'}})")
    until(lambda: page.evaluate("!!window.kairosMore"), page)
    made_ms = page.evaluate("performance.timeOrigin + performance.now()")
    page.wait_for_timeout(120)
    assert not shop.posts and not shop.hellos
    assert page.evaluate("Object.keys(localStorage).length + document.cookie.length") == 0
    page.evaluate(GRANT)
    until(lambda: shop.of("search") and shop.of("consent"), page)
    assert shop.of("search")[0]["ts"] <= made_ms < shop.of("consent")[0]["ts"]
    assert shop.posts[0]["consent"]["personalization"] is True


def test_sdk_5_a_change_of_storage_keeps_the_session_and_the_index(
    visit: Visit, shop: FixtureShop
) -> None:
    page = visit()
    page.evaluate(GRANT)
    visit("/p/2")
    until(lambda: len(shop.of("page_view")) == 2, page)
    assert len({post["session_id"] for post in shop.posts}) == 1
    # What the first page had in flight is posted again by the second, under the same ids.
    indices = list({event["event_id"]: event["session_index"] for event in shop.events}.values())
    assert indices == list(range(1, len(indices) + 1))


def test_sdk_6_no_active_time_leaks_into_the_next_virtual_page(
    visit: Visit, shop: FixtureShop
) -> None:
    page = visit()
    page.evaluate("document.hasFocus = () => true")
    for step in range(12):
        page.mouse.move(100 + step, 100)
        page.wait_for_timeout(15)
    page.evaluate("history.pushState({}, '', '/p/7')")
    until(lambda: len(shop.of("page_view")) == 2, page)
    last = [event for event in shop.of("scroll") if event["page"]["path"] == "/p/1"][-1]
    view = shop.of("page_view")[1]
    assert last["vectors"]["active_duration_s"] > 0
    assert view["vectors"]["active_duration_s"] == 0
    assert all(post["tab_id"] for post in shop.posts)


def test_sdk_7_a_reset_leaves_nothing_of_the_visitor_before(
    visit: Visit, shop: FixtureShop
) -> None:
    page = visit()
    page.evaluate(GRANT)
    until(lambda: shop.of("consent"), page)
    before = shop.posts[0]
    page.evaluate("kairos.reset(); kairos.track('ask')")
    until(lambda: shop.of("ask"), page)
    after = shop.posts[-1]
    assert after["session_id"] != before["session_id"]
    assert after.get("visitor_seed") not in (None, before["visitor_seed"])


@pytest.mark.parametrize("where", ["#plus", "input[type=date]", "#words"])
def test_sdk_8_steppers_date_pickers_and_selected_text_are_no_rage(
    visit: Visit, shop: FixtureShop, where: str
) -> None:
    page = visit()
    page.evaluate(
        "document.querySelector('main').insertAdjacentElement('beforeend',"
        " Object.assign(document.createElement('input'), {type: 'date'}));"
        "document.querySelector('main p').id = 'words'"
    )
    page.click(where, click_count=3, delay=10)
    page.evaluate("getSelection().empty()")
    page.click("#dead", click_count=3, delay=10)
    until(lambda: shop.of("rage_click"), page)
    targets = [event["properties"]["target"] for event in shop.of("rage_click")]
    assert targets == ["button#dead"]


def test_sdk_9_the_path_is_first_party_neutral_and_configurable(
    page: Page, shop: FixtureShop
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(shop.url + "/elsewhere")
    until(lambda: any("/v1/e?" in url or url.endswith("/v1/e") for url in asked), page)
    words = ("beacon", "track", "collect", "analytics", "pixel", "event")
    assert not [url for url in asked if any(word in url for word in words)]


def test_sdk_10_without_lasting_consent_local_storage_is_empty(
    page: Page, shop: FixtureShop
) -> None:
    page.goto(shop.url + "/session")
    until(lambda: shop.hellos, page)
    page.evaluate("kairos.track('search', {properties: {query: 'secret'}})")
    until(lambda: shop.of("search"), page)
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    assert page.evaluate("Object.keys(localStorage)") == []
    kept = page.evaluate("JSON.stringify(sessionStorage)")
    assert "secret" not in kept and "seed" not in kept and "token" not in kept
    assert json.loads(kept)["kairos.t"]


def _seen(shop: FixtureShop, slot_id: str) -> bool:
    return any(event["slot_id"] == slot_id for event in shop.of("impression"))
