"""The abuse table: each thing an attacker may try, and the verdict it gets."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.settings import Rate, Settings
from gateway.tokens import mint
from schemas.ids import visitor_key
from tests.gateway.conftest import Gateway, start_gateway
from tests.gateway.samples import ORIGIN, make_batch, make_decision, make_event, make_site

EVIL = "https://evil.example"
TRICKS = [EVIL, "null", "https://shop.example.evil.example", "http://shop.example",
          "https://shop.example:8443", "https://SHOP.example", "https://shop.example/"]  # fmt: skip
VICTIM_SEED, OWN_SEED = "a" * 32, "b" * 32


async def post(gateway: Gateway, batch: Any, **headers: str) -> tuple[int, dict[str, Any]]:
    """One POST /v1/events."""
    data = batch if isinstance(batch, bytes) else json.dumps(batch).encode()
    sent = {"Content-Type": "text/plain", **headers}
    response = await gateway.client.post("/v1/events", data=data, headers=sent)
    return response.status, await response.json()


async def token_of(gateway: Gateway, seed: str, site: str = "demo") -> str:
    """A visitor's token, as its first post brings it."""
    batch = make_batch(make_event(event_id=seed), visitor_seed=seed, site=site)
    return str((await post(gateway, batch))[1]["visitor_token"])


async def close_code(gateway: Gateway, hello: Any, **headers: str) -> int | None:
    """The code with which the gateway ends a socket after this hello; None if it welcomes it."""
    ws = await gateway.client.ws_connect("/v1/stream", headers=headers)
    await ws.send_str(hello if isinstance(hello, str) else json.dumps(hello))
    message = await ws.receive(timeout=10)
    code = None if message.data and "welcome" in str(message.data) else ws.close_code
    await ws.close()
    return code


def hello(token: str, **changes: Any) -> dict[str, Any]:
    """A good hello."""
    made = {"type": "hello", "site": "demo", "visitor_token": token, "session_id": "s-91"}
    return {**made, "tab_id": "t1", **changes}


@pytest.mark.parametrize("origin", TRICKS)
async def test_a_foreign_page_can_neither_write_nor_listen(gateway: Gateway, origin: str) -> None:
    """403 and close 4003, without the header that would let its script read the answer."""
    token = await token_of(gateway, OWN_SEED)
    before = len(gateway.log.events)
    response = await gateway.client.post(
        "/v1/events", json=make_batch(), headers={"Origin": origin}
    )
    assert response.status == 403 and "Access-Control-Allow-Origin" not in response.headers
    asked = await gateway.client.options("/v1/events", headers={"Origin": origin})
    assert asked.status == 403
    assert await close_code(gateway, hello(token), Origin=origin) == 4003
    assert len(gateway.log.events) == before


async def test_another_visitors_stream_cannot_be_asked_for(gateway: Gateway) -> None:
    """A connection hears its token's visitor alone, whatever session and tab it claims."""
    victim = visitor_key("demo", b"m" * 32, VICTIM_SEED, lasting=True)
    own = await token_of(gateway, OWN_SEED)
    ws = await gateway.client.ws_connect("/v1/stream")
    await ws.send_json(hello(own))
    await ws.receive(timeout=10)
    gateway.decide(make_decision(victim))
    gateway.decide(make_decision(visitor_key("demo", b"m" * 32, OWN_SEED, lasting=True), 2))
    first = json.loads((await ws.receive(timeout=10)).data)
    assert first["slot_id"] == "s_2"
    await ws.close()


def _forged(token: str) -> str:
    return token[:-1] + ("A" if token[-1] != "A" else "B")


async def test_a_forged_or_foreign_token_opens_nothing(gateway: Gateway) -> None:
    """One changed character, another site's token, one of another secret: 401 and close 4001."""
    good = await token_of(gateway, OWN_SEED)
    foreign = await token_of(gateway, OWN_SEED, "full")
    other = mint("demo", b"z" * 32, "demo:v:" + "0a" * 16, now_ms=1_790_000_000_000)
    for token in (_forged(good), foreign, other, "A" * 60, "é"):
        batch = make_batch(make_event(event_id="x"), visitor_seed=None, visitor_token=token)
        assert (await post(gateway, batch))[0] == 401
        assert await close_code(gateway, hello(token)) == 4001


async def test_a_token_replayed_from_another_origin_is_refused(settings: Settings) -> None:
    """It is bound to the page it was given to; a stolen one is of no use on another site's page."""
    both = make_site(origins=(ORIGIN, EVIL))
    gateway = await start_gateway(settings, both)
    response = await gateway.client.post(
        "/v1/events", json=make_batch(), headers={"Origin": ORIGIN}
    )
    token = (await response.json())["visitor_token"]
    batch = make_batch(make_event(event_id="x"), visitor_seed=None, visitor_token=token)
    assert (await post(gateway, batch, Origin=EVIL))[0] == 401
    assert await close_code(gateway, hello(token), Origin=EVIL) == 4001
    await gateway.close()


async def test_a_token_in_an_address_is_not_read(gateway: Gateway) -> None:
    """Addresses end in logs and referrers, so nothing secret is taken from one."""
    token = await token_of(gateway, OWN_SEED)
    ws = await gateway.client.ws_connect(f"/v1/stream?visitor_token={token}")
    await ws.send_json(hello("x"))
    await ws.receive(timeout=10)
    assert ws.close_code == 4001


async def test_ground_ids_and_seeds_choose_no_key(gateway: Gateway) -> None:
    """A thousand seeds and names give keys under the site's secret, none of which was asked for."""
    for wanted in ("demo:v:" + "0" * 32, "demo:u:" + "0" * 32):
        batch = make_batch(make_event(event_id="g", user_key=wanted, user_id=wanted))
        status, said = await post(gateway, batch)
        assert status == 400 and said["rejected"][0]["field"] in ("user_id", "user_key")
    seeds = [f"{number:032x}" for number in range(1_000)]
    keys = {visitor_key("demo", b"m" * 32, seed, lasting=True) for seed in seeds}
    assert len(keys) == 1_000 and "demo:v:" + "0" * 32 not in keys


async def test_a_ground_event_id_takes_nobody_elses_place(gateway: Gateway) -> None:
    """The same id under two visitors is two events; under one, the first one's content stays."""
    ours = make_batch(make_event(event_id="same"), visitor_seed=OWN_SEED)
    theirs = make_batch(make_event(event_id="same"), visitor_seed=VICTIM_SEED)
    assert [(await post(gateway, each))[1]["accepted"] for each in (theirs, ours)] == [1, 1]
    changed = make_batch(make_event(event_id="same", session_index=7), visitor_seed=OWN_SEED)
    status, said = await post(gateway, changed)
    assert (status, said["rejected"][0]["field"]) == (400, "event_id")


async def test_ten_thousand_replays_write_one_event(gateway: Gateway) -> None:
    """A recorded request sent again is acknowledged and changes nothing."""
    batch = json.dumps(make_batch()).encode()
    answers = [await post(gateway, batch) for _ in range(200)]
    assert {status for status, _ in answers} == {202}
    assert sum(said["accepted"] for _, said in answers) == 1 == len(gateway.log.events)


BOMB = gzip.compress(b" " * 10_000_000)
DEEP = b'{"site":"demo","events":' + b"[" * 30_000 + b"]" * 30_000 + b"}"
WIDE = b'{"site":"demo","session_id":"s","events":[{"event_id":"e","properties":{'
WIDE += b",".join(b'"k%d":1' % n for n in range(5_000)) + b"}}]}"
BODIES: list[tuple[str, bytes, dict[str, str], int]] = [
    ("65 KiB", b" " * 66_000, {}, 413),
    ("a gzip bomb", BOMB, {"Content-Encoding": "gzip"}, 413),
    ("a bomb in a bomb", gzip.compress(BOMB), {"Content-Encoding": "gzip"}, 400),
    ("gzip cut short", BOMB[:500], {"Content-Encoding": "gzip"}, 413),
    ("JSON 30,000 deep", DEEP, {}, 400),
    ("5,000 properties", WIDE, {}, 400),
    ("a key twice", b'{"site":"demo","site":"full"}', {}, 400),
    ("a number of 5,000 digits", b'{"ts":' + b"9" * 5_000 + b"}", {}, 400),
    ("half a surrogate", b'{"site":"\\ud800"}', {}, 400),
    ("no UTF-8", b'{"site":"\xff"}', {}, 400),
    ("another encoding", b"{}", {"Content-Encoding": "br"}, 415),
    ("a form", b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
]


@pytest.mark.parametrize(("why", "data", "headers", "status"), BODIES, ids=[b[0] for b in BODIES])
async def test_a_hostile_body_is_refused_within_bounds(
    gateway: Gateway, why: str, data: bytes, headers: dict[str, str], status: int
) -> None:
    assert (await post(gateway, data, **headers))[0] == status, why
    assert gateway.log.events == []


RAW: list[tuple[str, bytes, tuple[bytes, ...]]] = [
    ("both lengths", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     (b"400",)),
    ("two lengths", b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x", (b"400",)),
    ("a length that is none", b"Content-Length: -1\r\n\r\n", (b"400",)),
    ("a header of 64 KiB", b"X-A: " + b"a" * 65_536 + b"\r\n\r\n", (b"400", b"431")),
    ("a thousand headers", b"X-%d: a\r\n" * 1 % 1 + b"".join(b"X-%d: a\r\n" % n for n in
     range(1_000)) + b"\r\n", (b"400", b"411", b"413", b"415", b"431")),
    ("a header folded", b"X-A: a\r\n b\r\nContent-Length: 2\r\n\r\n{}", (b"400",)),
    ("a null byte", b"X-A: a\0b\r\nContent-Length: 2\r\n\r\n{}", (b"400",)),
    ("a bare line feed", b"X-A: a\nX-B: b\r\nContent-Length: 2\r\n\r\n{}", (b"400",)),
]  # fmt: skip


@pytest.mark.parametrize(("why", "head", "statuses"), RAW, ids=[each[0] for each in RAW])
async def test_an_ambiguous_request_is_refused_by_the_only_parser(
    gateway: Gateway, why: str, head: bytes, statuses: tuple[bytes, ...]
) -> None:
    """Nothing that a proxy might read another way is read at all."""
    port = gateway.client._base_url.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + head)
    line = await asyncio.wait_for(reader.readline(), 10)
    assert line.split(b" ")[1] in statuses, (why, line)
    writer.close()
    assert gateway.log.events == []


FRAMES: list[tuple[str, str, int]] = [
    ("no JSON", "hello", 4000),
    ("a list", "[]", 4000),
    ("deep JSON", "[" * 8_000, 4000),
    ("no token", '{"type":"hello","site":"demo"}', 4000),
    ("a frame over 16 KiB", '{"type":"hello","a":"' + "x" * 20_000 + '"}', 1009),
    ("no such site", json.dumps(hello("x", site="nobody")), 4004),
]


@pytest.mark.parametrize(("why", "frame", "code"), FRAMES, ids=[each[0] for each in FRAMES])
async def test_a_hostile_frame_ends_its_own_connection(
    gateway: Gateway, why: str, frame: str, code: int
) -> None:
    assert await close_code(gateway, frame) == code, why


LIMITS: list[tuple[str, dict[str, Rate], Callable[[int], dict[str, Any]]]] = [
    ("a visitor", {"visitor_rate": Rate(0.001, 3)}, lambda _: {}),
    ("an address", {"ip_rate": Rate(0.001, 3)}, lambda n: {"visitor_seed": f"{n:032x}"}),
    ("a site", {"site_rate": Rate(0.001, 3)}, lambda n: {"visitor_seed": f"{n:032x}"}),
]


@pytest.mark.parametrize(("who", "rates", "changes"), LIMITS, ids=[each[0] for each in LIMITS])
async def test_a_flood_is_limited_by(
    who: str, rates: dict[str, Rate], changes: Callable[[int], dict[str, Any]]
) -> None:
    """The fourth gets 429 and is told when to come back; another site goes on where it may."""
    settings = replace(Settings(), **rates)
    gateway = await start_gateway(settings, make_site(), make_site(site="full"))
    statuses = []
    for number in range(4):
        batch = make_batch(make_event(event_id=f"e{number}"), **changes(number))
        response = await gateway.client.post("/v1/events", json=batch)
        statuses.append(response.status)
    assert statuses == [202, 202, 202, 429] and int(response.headers["Retry-After"]) >= 1
    other, _ = await post(gateway, make_batch(site="full", visitor_seed="f" * 32))
    assert other == (429 if who == "an address" else 202)
    await gateway.close()


@pytest.mark.parametrize(
    ("header", "agent", "bot"),
    [("1", "", False), ("0", "Mozilla/5.0 (compatible; Googlebot/2.1)", True), ("0", "", False)],
)
async def test_what_a_browser_says_of_itself_is_kept_as_a_flag(
    gateway: Gateway, header: str, agent: str, bot: bool
) -> None:
    """Sec-GPC takes implied consent away; a crawler is marked, and the rules decide."""
    gateway.parts.sites.add(make_site(version=2, consent="implied"))
    batch = make_batch(consent=None)
    await post(gateway, batch, **{"Sec-GPC": header, "User-Agent": agent or "Mozilla/5.0"})
    event = gateway.log.events[0]
    assert (event.consent.personalization, event.bot) == (header != "1", bot)


async def test_no_log_line_holds_a_secret_or_a_token(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is sent and whatever fails: neither secrets of a site nor tokens of visitors."""
    caplog.set_level(logging.DEBUG)
    token = await token_of(gateway, OWN_SEED)
    tries: list[Awaitable[Any]] = [
        post(gateway, make_batch(visitor_seed=None, visitor_token=token), Origin=EVIL),
        post(gateway, b"{" + token.encode()),
        gateway.client.post("/v1/identify", json={"site": "demo", "visitor_token": token}),
        gateway.client.post("/v1/in/shopify?site=demo", data=token),
        gateway.client.get(f"/nothing?visitor_token={token}"),
        close_code(gateway, hello(_forged(token))),
    ]
    for each in tries:
        await each
    ours = [each for each in caplog.records if each.name != "aiohttp.client"]
    said = "\n".join(each.getMessage() for each in ours)
    assert token not in said and "m" * 32 not in said and OWN_SEED not in said
