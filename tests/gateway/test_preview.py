"""Preview links: what is signed is shown, whatever was changed is not."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec
import pytest

from cli.campaigns import preview_link
from gateway.preview import BadPreview, Preview, answered, frame, sign, verify
from schemas.campaign import Campaign
from schemas.render import Render
from schemas.site import Site

NOW_MS = 1_712_613_245_000
SECRET, OTHER = b"s" * 32, b"o" * 32
RENDER = Render(kind="modal", title="10 % off", cta_label="Use it", cta_url="/cart")
PREVIEW = Preview("WELCOME_10", "discount_popup", RENDER, NOW_MS + 1_000)
SITE = Site(site="demo", mint_secret=SECRET)
TOKEN = sign("demo", SECRET, PREVIEW)


def flipped(token: str, at: int) -> str:
    data = bytearray(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    data[at] ^= 1
    return urlsafe_b64encode(bytes(data)).decode().rstrip("=")


def test_a_signed_link_shows_its_campaign() -> None:
    shown = frame(verify("demo", SECRET, TOKEN, now_ms=NOW_MS))
    assert (shown["campaign_id"], shown["render"]["title"]) == ("WELCOME_10", "10 % off")
    assert shown["slot_id"].startswith("preview_")


@pytest.mark.parametrize("at", [0, 5, 40, -17, -1])
def test_a_changed_link_shows_nothing(at: int) -> None:
    with pytest.raises(BadPreview):
        verify("demo", SECRET, flipped(TOKEN, at), now_ms=NOW_MS)


@pytest.mark.parametrize(
    ("site", "secret", "token", "now_ms"),
    [
        ("other", SECRET, TOKEN, NOW_MS),
        ("demo", OTHER, TOKEN, NOW_MS),
        ("demo", b"", TOKEN, NOW_MS),
        ("demo", SECRET, TOKEN, NOW_MS + 1_000),
        ("demo", SECRET, "", NOW_MS),
        ("demo", SECRET, "\u00e4", NOW_MS),
        ("demo", SECRET, "A" * 9_000, NOW_MS),
    ],
)
def test_a_link_of_another_site_or_time_shows_nothing(
    site: str, secret: bytes, token: str, now_ms: int
) -> None:
    with pytest.raises(BadPreview):
        verify(site, secret, token, now_ms=now_ms)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (msgspec.json.encode({"site": "demo", "token": TOKEN}), 200),
        (msgspec.json.encode({"site": "nobody", "token": TOKEN}), 404),
        (msgspec.json.encode({"site": "demo", "token": flipped(TOKEN, 3)}), 403),
        (b"{", 403),
        (b'{"site": "demo"}', 403),
        (b"[" * 10_000, 403),
    ],
)
def test_the_answer_says_what_is_wrong(body: bytes, status: int) -> None:
    answer = answered(body, {"demo": SITE}.get, now_ms=NOW_MS)
    assert answer.status == status
    assert ("decision" if status == 200 else "error") in msgspec.json.decode(answer.body)


def test_the_command_links_to_a_page_of_the_shop() -> None:
    campaign = Campaign(id="WELCOME_10", action_type="discount_popup", render=RENDER)
    link = preview_link(SITE, campaign, "https://shop.example/?a=1", NOW_MS)
    address, _, token = link.partition("&kairos_preview=")
    assert address == "https://shop.example/?a=1"
    assert verify("demo", SECRET, token, now_ms=NOW_MS).render == RENDER
