"""Other tabs of a browser that share one tab's WebSocket; each is a connection of its own here.

A guest says its own hello, with its own token and place. What it is told travels in an envelope
with its tab's id, so that the tab that holds the socket can pass it on unread.
"""

from __future__ import annotations

import os

import msgspec

from gateway.codes import TOO_MANY, Closing
from gateway.connections import Connection
from gateway.hello import Greeted
from gateway.outbox import Frame, frame_of
from gateway.stream import Streams
from gateway.wire import Hello

GUESTS_MAX = 16
_encode = msgspec.json.Encoder().encode


class Guest:
    """One tab beside the one that holds the socket."""

    __slots__ = ("_host", "conn_id", "session_id", "tab_id", "user_key")

    def __init__(self, host: Connection, tab_id: str) -> None:
        self._host, self.tab_id = host, tab_id
        self.user_key = self.session_id = ""
        self.conn_id = os.urandom(6).hex()

    def offer(self, frame: Frame) -> None:
        """Queue one frame at the host, where only a newer one of this tab may replace it."""
        name = _encode(self.tab_id).decode()
        text = f'{{"type":"beside","tab_id":{name},"message":{frame.text}}}'
        place = f"{name} {frame.place}" if frame.place else ""
        self._host.offer(Frame(text, place))


class Guests:
    """The guests of one socket, by tab."""

    def __init__(self, host: Connection, origin: str, streams: Streams) -> None:
        self._host, self._origin, self._streams = host, origin, streams
        self._by_tab: dict[str, Guest] = {}

    def seat(self, hello: Hello) -> tuple[Guest, Greeted] | None:
        """One more, or one that comes again, to be bound; None for one that was refused."""
        guest = Guest(self._host, hello.tab_id)
        self.dismiss(hello.tab_id)
        try:
            if len(self._by_tab) >= GUESTS_MAX:
                raise Closing(TOO_MANY, "too many tabs on one connection")
            greeted = self._streams.check(hello, self._origin)
        except Closing as closing:
            said = {"type": "close", "code": closing.code, "reason": closing.reason}
            guest.offer(frame_of(said))
            return None
        self._by_tab[hello.tab_id] = guest
        return guest, greeted

    def dismiss(self, tab_id: str) -> None:
        """This tab has left, if it was here."""
        guest = self._by_tab.pop(tab_id, None)
        if guest is not None:
            self._streams.unbind(guest)

    def clear(self) -> None:
        """The socket is over, and so are all its guests."""
        for tab_id in tuple(self._by_tab):
            self.dismiss(tab_id)
