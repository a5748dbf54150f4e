"""Segment's calls in bulk, what they tell of people, and a browser's own signals."""

from __future__ import annotations

import gzip
import json
import time
from random import Random
from typing import Any

import pytest

from tests.gateway.conftest import Gateway
from tests.gateway.samples import ORIGIN
from tests.gateway.test_inbound import KEY, gateway, message, segment

__all__ = ["gateway"]


def long_text(number: int) -> dict[str, str]:
    """Half a kilobyte that packs badly, so that no bound on bombs is met."""
    return {"text": Random(number).randbytes(128).hex(), "more": "y" * 250}


async def test_a_batch_larger_than_a_browsers_is_taken_whole(gateway: Gateway) -> None:
    """By number and by bytes, packed or not; Segment's libraries send up to 500 KB at once."""
    batch = [
        {**message(messageId=f"m-{n}", event="Read", properties=long_text(n)), "type": "track"}
        for n in range(300)
    ]
    status, said = await segment(gateway, "batch", {"batch": batch})
    assert (status, said["accepted"], said["rejected"]) == (200, 300, 0)
    packed = gzip.compress(json.dumps({"batch": batch, "writeKey": KEY}).encode(), 1)
    response = await gateway.client.post(
        "/v1/in/segment/v1/batch?site=demo",
        data=packed,
        headers={"Content-Encoding": "gzip"},
    )
    assert (response.status, (await response.json())["duplicates"]) == (200, 300)


async def test_one_bad_call_of_a_batch_costs_no_other(gateway: Gateway) -> None:
    """Alone it is refused; a call that tells no time is of now."""
    bad = {**message(messageId=""), "type": "track"}
    late = {**message(timestamp="yesterday", messageId="m-9"), "type": "track"}
    good = {**message(timestamp=None), "type": "track"}
    status, said = await segment(gateway, "batch", {"batch": [bad, good, late]})
    assert (status, said["accepted"], said["rejected"]) == (200, 1, 2)
    (event,) = gateway.log.events
    assert abs(event.ts_ms - time.time() * 1000) < 60_000
    assert (await segment(gateway, "batch", {"batch": [bad]}))[0] == 400


TRACKED: list[tuple[str, Any, bool]] = [
    ("email", "ann", False),
    ("Email", "ann", False),
    ("e-mail", "ann", False),
    ("first_name", "Ann", False),
    ("firstName", "Ann", False),
    ("customerLastName", "Bee", False),
    ("name", "Ann", False),
    ("phoneNumber", "0301", False),
    ("billing_address", "Road 1", False),
    ("contact", "ann@x.example", False),
    ("product_name", "Lamp", True),
    ("headphones", "red", True),
    ("plan", "pro", True),
    ("seats", 3, True),
]


@pytest.mark.parametrize(("name", "value", "kept"), TRACKED)
async def test_a_tracked_property_is_kept_unless_it_names_a_person(
    gateway: Gateway, name: str, value: Any, kept: bool
) -> None:
    await segment(gateway, "track", message(event="Signed Up", properties={name: value}))
    (event,) = gateway.log.events
    assert event.properties == {"type": "Signed Up"} | ({name: value} if kept else {})


async def test_a_page_is_told_without_its_query(gateway: Gateway) -> None:
    page = {"url": "https://shop.example/p?email=ann", "path": "/p?email=ann", "title": "P"}
    await segment(gateway, "page", message(context={"page": page}))
    told = gateway.log.events[0].page
    assert told is not None and (told.url, told.path) == ("https://shop.example/p", "/p")


BROWSERS: list[tuple[dict[str, str], str, bool]] = [
    ({"Origin": ORIGIN, "Sec-GPC": "1"}, "p", False),
    ({"Origin": ORIGIN}, "v", False),
    ({"Origin": ORIGIN, "User-Agent": "Googlebot/2.1"}, "v", True),
    ({"User-Agent": "some-bot/1"}, "v", False),
]


@pytest.mark.parametrize(("headers", "kind", "bot"), BROWSERS)
async def test_a_browsers_segment_call_is_heard_like_its_events(
    gateway: Gateway, headers: dict[str, str], kind: str, bot: bool
) -> None:
    """A server's own user agent says nothing of the visitor."""
    response = await gateway.client.post(
        "/v1/in/segment/v1/track?site=demo", json=message(writeKey=KEY), headers=headers
    )
    assert response.status == 200
    (event,) = gateway.log.events
    assert (event.user_key.split(":")[1], event.bot) == (kind, bot)


async def test_what_segment_says_of_consent_is_said(gateway: Gateway) -> None:
    granted = {"consent": {"categoryPreferences": {"personalization": True}}}
    await segment(gateway, "track", message(context=granted))
    await segment(gateway, "track", message(messageId="m-2"))
    assert [each.consent_unsaid for each in gateway.log.events] == [False, True]
