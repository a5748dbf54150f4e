"""Who tries the demo shop sees actions; simulated visitors make up its holdout."""

from __future__ import annotations

import re

import pytest
from aiohttp.test_utils import TestClient, TestServer
from msgspec.structs import replace

from gateway.visitor import consent_of, subject_of
from infra.demo.shop.app import make_app
from infra.demo.shop.products import read_products
from infra.demo.shop.seeds import seeds_of
from models.withholding import HOLDOUT, drawn, withheld
from schemas.ids import MILLION
from schemas.site import IMPLIED, LIVE, Site

SITE = Site(
    site="demo", mint_secret=b"m" * 32, salt=b"s" * 32, consent=IMPLIED, mode=LIVE,
    holdout_ppm=MILLION // 2,
)  # fmt: skip
SEED = re.compile(r'first\.js" data-seed="([0-9a-f]*)"')


def reason(site: Site, seed: str) -> str:
    """What the job withholds from the visitor that the gateway makes of a seed."""
    who = subject_of(
        site, consent_of(site, None), token=None, seed=seed, session_id="s", origin="", now_ms=1
    )
    return withheld(site.mode, drawn(site, who.user_key, None))


def test_a_seed_of_the_shop_is_never_held_out() -> None:
    """Half of all visitors are, so forty seeds of chance would all pass once in a million years."""
    seed = seeds_of(SITE)
    assert {reason(SITE, seed()) for _ in range(40)} == {""}
    assert HOLDOUT in {reason(SITE, f"{number:032x}") for number in range(40)}


def test_where_everybody_is_held_out_there_is_no_seed() -> None:
    assert seeds_of(replace(SITE, holdout_ppm=MILLION))() == ""


@pytest.mark.parametrize(
    ("path", "cookies", "given"),
    [
        ("/", {}, True),
        ("/cart", {}, True),
        ("/?holdout=maybe", {}, False),
        ("/", {"consent": "denied"}, False),
    ],
)
async def test_a_page_offers_a_seed_unless_chance_or_nothing_is_wanted(
    path: str, cookies: dict[str, str], given: bool
) -> None:
    app = make_app(read_products(), "http://127.0.0.1:1", seeds_of(SITE))
    async with TestClient(TestServer(app), cookies=cookies) as client:
        text = await (await client.get(path)).text()
    found = SEED.search(text)
    assert found and bool(found.group(1)) is given
