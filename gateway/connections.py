"""Who is here: the push connections of this process, by visitor."""

from __future__ import annotations

from collections import defaultdict
from typing import Protocol

from gateway.outbox import Frame


class Connection(Protocol):
    """One push connection after its hello."""

    user_key: str
    session_id: str
    tab_id: str
    conn_id: str

    def offer(self, frame: Frame) -> None:
        """Queue one frame; a full queue ends the connection, never blocks."""


class Connections:
    """Each visitor's connections."""

    def __init__(self) -> None:
        self._by_key: defaultdict[str, set[Connection]] = defaultdict(set)

    def add(self, connection: Connection) -> None:
        """One more is here."""
        self._by_key[connection.user_key].add(connection)

    def remove(self, connection: Connection) -> None:
        """It is gone."""
        left = self._by_key.get(connection.user_key)
        if left is not None:
            left.discard(connection)
            if not left:
                del self._by_key[connection.user_key]

    def __contains__(self, key: str) -> bool:
        return key in self._by_key

    def of(self, key: str) -> tuple[Connection, ...]:
        """All of a visitor."""
        return tuple(self._by_key.get(key, ()))

    def of_tab(self, key: str, session_id: str, tab_id: str) -> list[Connection]:
        """Those of one tab's visit: its decisions go there and nowhere else."""
        return [
            each
            for each in self._by_key.get(key, ())
            if each.session_id == session_id and each.tab_id == tab_id
        ]
