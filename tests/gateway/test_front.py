"""The front door: a plain POST gets the answer aiohttp would give, and all else goes to aiohttp."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from gateway import front
from gateway.app import make_app
from gateway.front import LINE, read_head
from tests.gateway.conftest import Gateway
from tests.gateway.samples import ORIGIN, make_batch, make_event

HEARD_WITHIN_S = 10.0
BODY = json.dumps(make_batch()).encode()
HOST, JSON = b"Host: shop", b"Content-Type: application/json"


def request(*fields: bytes, body: bytes = BODY, line: bytes = LINE, length: bool = True) -> bytes:
    """A request with these header fields, and the body's length where it is wanted."""
    sized = [b"Content-Length: %d" % len(body)] if length else []
    return line + b"".join(field + b"\r\n" for field in (*fields, *sized)) + b"\r\n" + body


PLAIN = request(HOST, JSON)
FORMS = {
    "plain": PLAIN,
    "text": request(HOST, b"content-type:text/plain;charset=UTF-8"),
    "other type": request(HOST, b"Content-Type: text/html"),
    "origin": request(HOST, JSON, b"Origin: " + ORIGIN.encode()),
    "foreign origin": request(HOST, JSON, b"Origin: https://evil.example"),
    "no JSON": request(HOST, JSON, body=b"{"),
    "bad token": request(HOST, JSON, body=BODY.replace(b"visitor_seed", b"visitor_token")),
    "empty": request(HOST, JSON, body=b""),
    "gzip that is none": request(HOST, JSON, b"Content-Encoding: gzip"),
    "wait": request(HOST, JSON, line=b"POST /v1/events?wait=1 HTTP/1.1\r\n"),
    "crawler": request(HOST, JSON, b"User-Agent: Googlebot/2.1"),
}
TAKEN_BY_AIOHTTP = {
    "query": request(HOST, JSON, line=b"POST /v1/events?site=demo HTTP/1.1\r\n"),
    "long wait": request(HOST, JSON, line=b"POST /v1/events?wait=12345 HTTP/1.1\r\n"),
    "wait in words": request(HOST, JSON, line=b"POST /v1/events?wait=long HTTP/1.1\r\n"),
    "http 1.0": request(HOST, JSON, line=b"POST /v1/events HTTP/1.0\r\n"),
    "chunked": request(HOST, JSON, b"Transfer-Encoding: chunked", body=b"0\r\n\r\n", length=False),
    "length and chunks": request(HOST, JSON, b"Transfer-Encoding: chunked"),
    "two lengths": request(HOST, JSON, b"Content-Length: 3"),
    "two hosts": request(HOST, HOST, JSON),
    "signed length": request(HOST, JSON, b"Content-Length: +3", body=b"{}\n", length=False),
    "no length": request(HOST, JSON, body=b"", length=False),
    "hang up": request(HOST, JSON, b"Connection: close"),
    "upgrade": request(HOST, JSON, b"Upgrade: h2c"),
    "continue": request(HOST, JSON, b"Expect: 100-continue"),
    "space before colon": request(HOST, JSON, b"X-Trick : 1"),
    "folded": request(HOST, JSON, b"X-Fold: 1\r\n 2"),
    "control sign": request(HOST, JSON, b"X-Nul: \x00"),
    "latin": request(HOST, JSON, b"X-Name: caf\xe9"),
    "bare newline": request(HOST, JSON).replace(b"shop\r\n", b"shop\n"),
    "long head": request(HOST, JSON, b"Cookie: " + b"c" * 5_000),
    "long body": request(HOST, JSON, body=b"x" * 70_000),
    "other path": b"GET /healthz HTTP/1.1\r\nHost: shop\r\n\r\n",
    "other method": request(HOST, JSON, line=b"PUT /v1/events HTTP/1.1\r\n"),
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
}


@dataclass
class Two:
    """The same gateway behind two ports: with the front door, and aiohttp alone."""

    front: int
    alone: int


@pytest.fixture
async def two(gateway: Gateway) -> AsyncIterator[Two]:
    runner = web.AppRunner(make_app(gateway.parts), auto_decompress=False, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    alone = runner.addresses[0][1]
    yield Two(int(str(gateway.client._base_url).rpartition(":")[2].strip("/")), alone)
    await runner.cleanup()


async def said(
    port: int, *pieces: bytes, answers: int = 1
) -> list[tuple[int, dict[str, str], bytes]]:
    """Status, headers and body of each answer to these bytes, one write a piece."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    out = []
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        for _ in range(answers):
            async with asyncio.timeout(HEARD_WITHIN_S):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {
                    name.lower(): value.strip()
                    for name, _, value in (line.partition(":") for line in head[1:] if line)
                }
                body = await reader.readexactly(int(headers.get("content-length", 0)))
            out.append((int(head[0].split()[1]), headers, body))
    finally:
        writer.close()
    return out


@pytest.mark.parametrize("form", FORMS)
async def test_the_answer_is_the_one_aiohttp_gives(two: Two, form: str) -> None:
    """Status, body and every header but the server's own name and the time."""
    assert read_head(FORMS[form].partition(b"\r\n\r\n")[0] + b"\r\n\r\n") is not None
    await said(two.alone, PLAIN)  # From here on the sample is a duplicate for both.
    ((status, headers, body),) = await said(two.front, FORMS[form])
    ((status_alone, headers_alone, body_alone),) = await said(two.alone, FORMS[form])
    assert (status, body) == (status_alone, body_alone)
    assert headers.pop("date") and headers_alone.pop("date") and headers_alone.pop("server")
    assert headers == headers_alone


@pytest.mark.parametrize("form", TAKEN_BY_AIOHTTP)
async def test_what_is_not_plain_is_left_to_aiohttp(two: Two, form: str) -> None:
    data = TAKEN_BY_AIOHTTP[form]
    ((status, _, body),) = await said(two.front, data)
    ((status_alone, _, body_alone),) = await said(two.alone, data)
    assert status == status_alone
    assert body == body_alone or b'"accepted"' in body


@pytest.mark.parametrize("form", sorted(set(TAKEN_BY_AIOHTTP) - {"long head", "garbage"}))
def test_no_head_but_a_plain_one_is_read(form: str) -> None:
    assert read_head(TAKEN_BY_AIOHTTP[form].partition(b"\r\n\r\n")[0] + b"\r\n\r\n") is None


@pytest.mark.parametrize("cut", [1, 10, len(LINE), len(LINE) + 5, len(PLAIN) - len(BODY), -1])
async def test_a_request_may_come_in_pieces(two: Two, cut: int) -> None:
    ((status, _, _),) = await said(two.front, PLAIN[:cut], PLAIN[cut:])
    assert status == 202


async def test_a_connection_carries_many_requests_and_changes_hands_in_between(two: Two) -> None:
    """Two plain ones sent at once, then one that is aiohttp's, then a plain one again."""
    bodies = [
        json.dumps(make_batch(make_event(event_id=f"e{number}"))).encode() for number in range(3)
    ]
    plain = [request(HOST, JSON, body=body) for body in bodies]
    health = TAKEN_BY_AIOHTTP["other path"]
    out = await said(two.front, plain[0] + plain[1] + health + plain[2], answers=4)
    assert [status for status, _, _ in out] == [202, 202, 200, 202]
    assert [json.loads(body).get("accepted") for _, _, body in out] == [1, 1, None, 1]


async def test_a_silent_connection_ends_and_one_in_work_stays(
    gateway: Gateway, two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front, "IDLE_S", 0.0)
    monkeypatch.setattr(front, "SWEEP_S", 0.01)
    swept, _ = gateway.served
    swept._sweeping = asyncio.create_task(swept._sweep())
    gateway.log.hold = True
    reader, writer = await asyncio.open_connection("127.0.0.1", two.front)
    waiting = asyncio.create_task(said(two.front, PLAIN))
    async with asyncio.timeout(HEARD_WITHIN_S):
        assert await reader.read() == b""
        while not gateway.log.events:
            await asyncio.sleep(0.01)
    gateway.log.release()
    assert (await waiting)[0][0] == 202
    swept._sweeping.cancel()
    writer.close()


async def test_closing_finishes_what_is_in_work(gateway: Gateway, two: Two) -> None:
    gateway.log.hold = True
    waiting = asyncio.create_task(said(two.front, PLAIN))
    async with asyncio.timeout(HEARD_WITHIN_S):
        while not gateway.log.events:
            await asyncio.sleep(0.01)
    closing = asyncio.create_task(gateway.served[0].close(HEARD_WITHIN_S))
    await asyncio.sleep(0)
    gateway.log.release()
    assert (await waiting)[0][0] == 202
    await closing
    with pytest.raises(OSError):
        await said(two.front, PLAIN)


async def test_a_bug_ends_the_connection_and_quotes_nothing(
    gateway: Gateway, two: Two, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("canary")

    monkeypatch.setattr(gateway.parts.poster, "post", broken)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await said(two.front, PLAIN)
    assert "ZeroDivisionError" in caplog.text and "canary" not in caplog.text


@given(st.binary(max_size=200))
def test_a_head_is_read_or_refused_and_never_raises(rest: bytes) -> None:
    head = read_head(LINE + rest + b"\r\n\r\n")
    assert head is None or 0 <= head.length <= 65_536
