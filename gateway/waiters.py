"""Requests that wait for the decision of their last event (`?wait=`)."""

from __future__ import annotations

from asyncio import Future, get_running_loop
from collections.abc import Collection
from typing import Any

from msgspec import Struct


class Reply(Struct, frozen=True):
    """What a request that waits is told: an action, or the reason for none."""

    frame: dict[str, Any] | None
    reason: str | None = None


class Waiters:
    """Who waits for which slot, by visitor."""

    def __init__(self) -> None:
        self._by_key: dict[str, list[tuple[str, Future[Reply]]]] = {}

    def expect(self, key: str, slot_id: str) -> Future[Reply]:
        """A future of the slot's answer; `forget` it afterwards."""
        future: Future[Reply] = get_running_loop().create_future()
        self._by_key.setdefault(key, []).append((slot_id, future))
        return future

    def reply(self, key: str, slots: Collection[str], reply: Reply) -> None:
        """Tell those who wait for one of these slots."""
        for slot_id, future in self._by_key.get(key, ()):
            if slot_id in slots and not future.done():
                future.set_result(reply)

    def waits(self, key: str, slots: Collection[str]) -> bool:
        """Whether anybody waits for one of these slots."""
        return any(slot_id in slots for slot_id, _ in self._by_key.get(key, ()))

    def forget(self, key: str, future: Future[Reply]) -> None:
        """This future's owner waits no more."""
        waiting = [each for each in self._by_key.get(key, ()) if each[1] is not future]
        if waiting:
            self._by_key[key] = waiting
        else:
            self._by_key.pop(key, None)

    def __contains__(self, key: str) -> bool:
        return key in self._by_key
