"""The small HTTP client: answers in any pieces, a connection kept, every failure one error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from connectors.http1 import NoAnswer, Pool

ANSWER = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\ncontent-LENGTH: 4\r\n\r\nbody"
SOON_S = 5.0


@asynccontextmanager
async def server(*pieces: bytes, hang_up: bool = False) -> AsyncIterator[tuple[Pool, list[bytes]]]:
    """A server that answers each request with these pieces, one write each."""
    requests: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            requests.append(head + await reader.readexactly(length))
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if hang_up:
                break
        writer.close()

    async def forgiving(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    listening = await asyncio.start_server(forgiving, "127.0.0.1", 0)
    pool = Pool(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
    try:
        yield pool, requests
    finally:
        pool.close()
        listening.close()


@pytest.mark.parametrize("cut", range(0, len(ANSWER), 7))
async def test_an_answer_may_come_in_pieces(cut: int) -> None:
    async with server(ANSWER[:cut], ANSWER[cut:]) as (pool, _):
        assert await pool.post("/", b"{}", SOON_S) == (202, b"body")


async def test_one_connection_carries_one_request_after_the_other() -> None:
    async with server(ANSWER) as (pool, requests):
        for number in range(3):
            assert await pool.post("/v1/events", b"%d" % number, SOON_S) == (202, b"body")
        assert [request[-1:] for request in requests] == [b"0", b"1", b"2"]
        assert len(pool._all) == 1


async def test_requests_at_once_do_not_wait_for_each_other() -> None:
    async with server(ANSWER) as (pool, _):
        answers = await asyncio.gather(*(pool.post("/", b"{}", SOON_S) for _ in range(5)))
        assert answers == [(202, b"body")] * 5 and len(pool._all) == 5


@pytest.mark.parametrize(
    ("pieces", "hang_up", "timeout_s"),
    [
        ((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",), False, SOON_S),
        ((b"SSH-2.0 hello\r\n\r\n",), False, SOON_S),
        ((b"HTTP/1.1 xyz\r\nContent-Length: 0\r\n\r\n",), False, SOON_S),
        ((ANSWER + b"more",), False, SOON_S),
        ((b"x" * 20_000,), False, SOON_S),
        ((ANSWER[:-1],), True, SOON_S),
        ((), True, SOON_S),
        ((), False, 0.05),
    ],
    ids="chunked other-protocol no-status too-long endless cut-short hung-up late".split(),
)
async def test_what_is_no_answer_is_one_error(
    pieces: tuple[bytes, ...], hang_up: bool, timeout_s: float
) -> None:
    async with server(*pieces, hang_up=hang_up) as (pool, _):
        with pytest.raises(NoAnswer):
            await pool.post("/", b"{}", timeout_s)


async def test_nobody_there_is_no_answer() -> None:
    async with server() as (pool, _):
        pass
    with pytest.raises(NoAnswer):
        await pool.post("/", b"{}", SOON_S)
