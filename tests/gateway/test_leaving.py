"""Goodbyes: whoever does not answer one is hung up, few at a time; whoever is silent is gone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway import leaving, websocket
from gateway.leaving import Leaving
from tests.gateway.conftest import Gateway
from tests.gateway.test_push import HEARD_WITHIN_S, metric, said, until

MANY = 50


class Hung:
    """A transport that notes in which turn of the loop it was hung up."""

    def __init__(self, turns: list[int], hung_up_in: list[int]) -> None:
        self._turns, self._hung_up_in = turns, hung_up_in

    def abort(self) -> None:
        self._hung_up_in.append(self._turns[0])


async def test_many_who_leave_at_once_are_hung_up_a_few_a_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All of them in one step of the loop held everybody else up for 260 ms."""
    monkeypatch.setattr(leaving, "CLOSE_TIMEOUT_S", 0.0)
    turns, hung_up_in = [0], list[int]()
    those = Leaving()
    for _ in range(MANY):
        those.add(Hung(turns, hung_up_in))  # type: ignore[arg-type]
    while len(hung_up_in) < MANY:
        turns[0] += 1
        await asyncio.sleep(0)
    most = max(hung_up_in.count(turn) for turn in set(hung_up_in))
    assert most <= leaving.AT_ONCE < MANY


async def test_a_client_that_answers_no_ping_is_gone(gateway: Gateway) -> None:
    """A browser answers pings by itself; a connection without a browser does not."""
    there = await said(gateway)
    await there.receive_json(timeout=HEARD_WITHIN_S)
    (line,) = gateway.parts.streams._open
    for _ in range(websocket.UNHEARD_BEATS_MAX):
        line.beat()
        await there.receive_json(timeout=HEARD_WITHIN_S)
    reading = asyncio.create_task(there.receive())
    await until(lambda: _unheard(line) == 0)
    assert gateway.parts.streams._open == {line}
    reading.cancel()
    line._transport.pause_reading()
    for _ in range(websocket.UNHEARD_BEATS_MAX + 1):
        line.beat()
    await until(lambda: not gateway.parts.streams._open)
    assert metric(gateway, "sockets_closed_total", code="1006") == 1
    await there.close()


def _unheard(line: Any) -> int:
    return int(line._unheard)
