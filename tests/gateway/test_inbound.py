"""/v1/in/<system>: only who proves to be the site's system is heard; an order counts once."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import pytest

from gateway.settings import Settings
from gateway.systems import ADAPTERS
from models.context import Context
from models.user import step
from schemas.ids import known_key
from schemas.site import SiteSecret
from tests.gateway.conftest import Gateway, start_gateway
from tests.gateway.samples import make_batch, make_event, make_site

SECRET, SALT, KEY = b"whsec", b"s" * 32, "pk_demo"
CUSTOMER = "115310627314723954"
ORDER: dict[str, Any] = {
    "id": 820982911946154508,
    "created_at": "2026-11-25T01:10:00-05:00",
    "total_price": "403.00",
    "cart_token": "c1-abc",
    "buyer_accepts_marketing": True,
    "customer": {"id": int(CUSTOMER), "email": "jon@shop.example"},
    "line_items": [{"id": 1, "price": "199.00", "quantity": 2}],
    "note_attributes": [],
}
CART = {
    "id": "c1-abc",
    "token": "c1-abc",
    "updated_at": "2026-11-25T06:09:00.000Z",
    "line_items": [{"id": 1, "line_price": "19.90"}, {"id": 2, "line_price": "5.10"}],
}
CHECKOUT = {
    "token": "ck-1",
    "cart_token": "c1-abc",
    "created_at": "2026-11-25T06:09:30Z",
    "updated_at": "2026-11-25T06:09:31Z",
    "total_price": "25.00",
}


@pytest.fixture
async def gateway(settings: Settings) -> Any:
    """A gateway whose site knows both systems and implies consent."""
    secrets = (SiteSecret("shopify", SECRET, 0),)
    site = make_site(consent="implied", site_key=KEY, salt=SALT, secrets=secrets)
    started = await start_gateway(settings, site, make_site(site="bare"))
    yield started
    await started.close()


def signature(data: bytes, secret: bytes = SECRET) -> str:
    """What Shopify sends."""
    return base64.b64encode(hmac.digest(secret, data, "sha256")).decode()


async def webhook(
    gateway: Gateway, topic: str, record: Any, site: str = "demo", **headers: str
) -> tuple[int, dict[str, Any]]:
    """Shopify calls."""
    data = json.dumps(record).encode()
    sent = {"X-Shopify-Topic": topic, "X-Shopify-Hmac-Sha256": signature(data), **headers}
    response = await gateway.client.post(f"/v1/in/shopify?site={site}", data=data, headers=sent)
    return response.status, await response.json()


async def segment(
    gateway: Gateway, path: str, message: Any, key: str = KEY, **query: str
) -> tuple[int, dict[str, Any]]:
    """A Segment library calls."""
    basic = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
    response = await gateway.client.post(
        f"/v1/in/segment/v1/{path}",
        json=message,
        params=query or {"site": "demo"},
        headers={"Authorization": basic},
    )
    return response.status, await response.json()


def message(**changes: Any) -> dict[str, Any]:
    """A good call of a Segment library."""
    made = {
        "messageId": "m-1",
        "anonymousId": "anon-1",
        "timestamp": "2026-11-25T06:09:00.120Z",
        "event": "Product Added",
        "properties": {"product_id": "p1", "price": 19.9, "quantity": 2, "name": "Lamp"},
    }
    return {**made, **changes}


@pytest.mark.promise("C69")
async def test_an_order_is_a_purchase_however_often_its_webhook_comes(gateway: Gateway) -> None:
    """Its value is exact, its customer a known key, and no name of a person is kept."""
    assert await webhook(gateway, "orders/create", ORDER) == (
        200,
        {"accepted": 1, "duplicates": 0, "rejected": 0, "ignored": False},
    )
    again = await webhook(gateway, "orders/create", ORDER)
    assert again[1]["duplicates"] == 1
    (event,) = gateway.log.events
    assert (event.type, event.value_micros) == ("purchase", 403_000_000)
    assert event.user_key == known_key("demo", SALT, CUSTOMER)
    assert (event.session_id, event.tab_id) == ("shopify", f"order-{ORDER['id']}")
    assert "jon@" not in repr(event)


async def test_an_order_belongs_to_the_browser_that_the_cart_names(gateway: Gateway) -> None:
    """The theme extension keeps the visitor's token in the cart; it outranks the customer."""
    first = await (await gateway.client.post("/v1/events", json=make_batch())).json()
    attributes = [{"name": "_kairos", "value": first["visitor_token"]}]
    status, _ = await webhook(gateway, "orders/create", {**ORDER, "note_attributes": attributes})
    assert status == 200 and gateway.log.events[-1].user_key == first["user_key"]


async def test_a_token_that_holds_no_more_does_not_cost_the_order(gateway: Gateway) -> None:
    """It is left out, and the customer's own key has the purchase."""
    attributes = [{"name": "_kairos", "value": "AAAA"}]
    status, said = await webhook(gateway, "orders/create", {**ORDER, "note_attributes": attributes})
    assert (status, said["accepted"]) == (200, 1)
    assert ":u:" in gateway.log.events[0].user_key


async def test_a_cart_and_a_checkout_say_what_they_are_worth(gateway: Gateway) -> None:
    for topic, record in (
        ("carts/update", CART),
        ("checkouts/create", CHECKOUT),
        ("checkouts/update", CHECKOUT),
    ):
        assert (await webhook(gateway, topic, record))[0] == 200
    kinds = [(each.type, each.value_micros) for each in gateway.log.events]
    assert kinds == [
        ("cart_view", 25_000_000),
        ("checkout_start", 25_000_000),
        ("checkout_step", 25_000_000),
    ]
    assert len({each.user_key for each in gateway.log.events}) == 1


async def test_a_topic_of_no_use_is_answered_and_ignored(gateway: Gateway) -> None:
    """Anything but a 200 would make Shopify try for two days and then unsubscribe."""
    status, said = await webhook(gateway, "products/update", {"id": 1})
    assert (status, said["ignored"], gateway.log.events) == (200, True, [])


DATA = json.dumps(ORDER).encode()
BAD_HOOKS: list[tuple[str, dict[str, str], str, int]] = [
    ("signed with another secret", {"X-Shopify-Hmac-Sha256": signature(DATA, b"x")}, "demo", 401),
    ("signed for another body", {"X-Shopify-Hmac-Sha256": signature(b"{}")}, "demo", 401),
    ("no signature", {"X-Shopify-Hmac-Sha256": ""}, "demo", 401),
    ("no base64", {"X-Shopify-Hmac-Sha256": "%%%"}, "demo", 401),
    ("a site without a secret", {}, "bare", 403),
    ("no such site", {}, "nobody", 404),
]


@pytest.mark.parametrize(("why", "headers", "site", "status"), BAD_HOOKS)
async def test_a_webhook_is_refused_if_it_is(
    gateway: Gateway, why: str, headers: dict[str, str], site: str, status: int
) -> None:
    got, _ = await webhook(gateway, "orders/create", ORDER, site, **headers)
    assert (got, gateway.log.events) == (status, []), why


@pytest.mark.parametrize(
    "record", [{}, {"id": None}, {"id": "x"}, {**ORDER, "created_at": "yesterday"}, [], "text"]
)
async def test_a_signed_body_that_makes_no_sense_is_a_400(gateway: Gateway, record: Any) -> None:
    assert (await webhook(gateway, "orders/create", record))[0] == 400


@pytest.mark.promise("C72")
async def test_segments_calls_become_events(gateway: Gateway) -> None:
    """page, track of the e-commerce names, identify; an order is one by its order id."""
    calls = [
        ("page", message(messageId="m-2", context={"page": {"url": "https://shop.example/p"}})),
        ("track", message()),
        ("track", message(messageId="m-3", event="Video Rated", properties={"stars": 5})),
        ("track", message(messageId="m-4", event="Order Completed", properties={
            "order_id": "o-1", "revenue": 59.8})),
        ("track", message(messageId="m-5", event="Order Completed", properties={
            "order_id": "o-1", "revenue": 59.8})),
        ("identify", message(messageId="m-6", userId="ann", traits={"email": "ann@x.example"})),
    ]  # fmt: skip
    answers = [await segment(gateway, *each) for each in calls]
    assert [status for status, _ in answers] == [200] * 6
    assert answers[4][1]["duplicates"] == 1
    kinds = [each.type for each in gateway.log.events]
    assert kinds == ["page_view", "add_to_cart", "custom", "purchase", "identify"]
    product = gateway.log.events[1].product
    assert product is not None and (product.price_micros, product.quantity) == (19_900_000, 2)
    assert gateway.log.events[3].value_micros == 59_800_000
    assert gateway.log.events[-1].user_key == known_key("demo", SALT, "ann")
    assert "ann@" not in repr(gateway.log.events)


async def test_a_batch_of_several_people_is_taken_apart(gateway: Gateway) -> None:
    """Each call goes under the key of its own visitor, in order; a call twice counts once."""
    batch = [
        {**message(messageId=f"m-{n}", anonymousId=f"a-{n % 2}"), "type": "track"} for n in range(6)
    ]
    status, said = await segment(gateway, "batch", {"batch": [*batch, batch[0]]})
    assert (status, said["accepted"], said["duplicates"]) == (200, 6, 1)
    assert len({each.user_key for each in gateway.log.events}) == 2


@pytest.mark.parametrize("granted", [True, False])
async def test_an_order_says_nothing_of_its_visitors_consent(
    gateway: Gateway, granted: bool
) -> None:
    """It stays under the key of its token, and the profile keeps what the page was told."""
    said = {"analytics": True, "personalization": granted, "marketing": False}
    first = await (await gateway.client.post("/v1/events", json=make_batch(consent=said))).json()
    attributes = [{"name": "_kairos", "value": first["visitor_token"]}]
    await webhook(gateway, "orders/create", {**ORDER, "note_attributes": attributes})
    page, order = gateway.log.events
    assert order.user_key == page.user_key
    assert (page.consent_unsaid, order.consent_unsaid) == (False, True)


@pytest.mark.parametrize("key", ["", "pk_other", "pk_demo2"])
async def test_a_wrong_write_key_is_refused(gateway: Gateway, key: str) -> None:
    assert (await segment(gateway, "track", message(), key))[0] == 401
    assert gateway.log.events == []


async def test_consent_of_the_calls_context_decides_the_key(gateway: Gateway) -> None:
    denied = {"consent": {"categoryPreferences": {"analytics": True}}}
    await segment(gateway, "track", message(context=denied))
    assert ":p:" in gateway.log.events[0].user_key


async def test_a_log_that_is_down_makes_the_system_come_again(gateway: Gateway) -> None:
    gateway.log.down = True
    assert (await webhook(gateway, "orders/create", ORDER))[0] == 503
    gateway.log.down = False
    assert (await webhook(gateway, "orders/create", ORDER))[1]["accepted"] == 1


async def test_an_unknown_system_names_those_there_are(gateway: Gateway) -> None:
    response = await gateway.client.post("/v1/in/prestashop?site=demo", data=b"{}")
    said = await response.json()
    assert response.status == 404
    assert all(each.name in said["error"] for each in ADAPTERS)


async def test_a_body_beyond_the_bound_is_not_read_to_its_end(gateway: Gateway) -> None:
    response = await gateway.client.post("/v1/in/shopify?site=demo", data=b" " * 600_000)
    assert response.status == 413


async def test_a_browsers_event_and_an_order_meet_in_one_log(gateway: Gateway) -> None:
    """Both go through the same door, so both carry the gateway's stamps."""
    await gateway.client.post("/v1/events", json=make_batch(make_event()))
    await webhook(gateway, "orders/create", ORDER)
    assert all(each.received_at_ms for each in gateway.log.events)


async def test_page_and_webhook_tell_of_one_order(gateway: Gateway) -> None:
    """Both are in the log, under one visitor, and the profile counts one order."""
    bought = make_event(
        event_id="by-page",
        type="purchase",
        value="403.00",
        properties={"order_id": str(ORDER["id"])},
    )
    response = await gateway.client.post("/v1/events", json=make_batch(bought))
    token = (await response.json())["visitor_token"]
    attributes = [{"name": "_kairos", "value": token}]
    status, said = await webhook(gateway, "orders/create", {**ORDER, "note_attributes": attributes})
    assert (status, said["accepted"]) == (200, 1)
    profile = None
    for each in gateway.log.events:
        profile, _, _ = step(profile, each, each.user_key, Context(lambda _: None))
    assert profile is not None
    assert (profile.applied, profile.duplicate, profile.tally.orders) == (1, 1, 1)
