"""Frames of a WebSocket (RFC 6455): a client's bytes to messages, messages to bytes for it.

1. A client's frame is masked, bears no extension bit, and if it is a control frame it is whole and
   short. Anything else is 1002.
2. Frames of one message are put together; control frames may come between them.
3. A message is as long as all its frames together, and no longer than `MESSAGE_BYTES_MAX`: 1009.
"""

from __future__ import annotations

from msgspec import Struct

from gateway.codes import PROTOCOL, TOO_LONG, Closing

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KINDS = frozenset((CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG))
FIN, MASKED, RESERVED = 0x80, 0x80, 0x70
SHORT, TWO_BYTES, EIGHT_BYTES = 125, 126, 127
MESSAGE_BYTES_MAX = 16 * 1024
HEAD_BYTES_MAX = 14
"""Two bytes, a length of eight, a mask of four."""


class Message(Struct, frozen=True, gc=False):
    """A whole message or a control frame."""

    kind: int
    data: bytes


class Messages:
    """What one client has sent and nobody has taken: `feed`, then `take` until it gives None."""

    __slots__ = ("_kind", "_left", "_parts")

    def __init__(self) -> None:
        self._left = self._parts = b""
        self._kind = CONTINUATION

    def feed(self, data: bytes) -> int:
        """So many more bytes; how many wait now."""
        self._left += data
        return len(self._left)

    def take(self) -> Message | None:
        """The next message that is there as a whole. Raises Closing."""
        while (found := self._frame()) is not None:
            final, kind, data = found
            if kind >= CLOSE:
                return Message(kind, data)
            if (kind == CONTINUATION) != (self._kind != CONTINUATION):
                raise Closing(PROTOCOL, "frames of two messages are mixed")
            self._kind = self._kind or kind
            self._parts += data
            if final:
                message = Message(self._kind, self._parts)
                self._kind, self._parts = CONTINUATION, b""
                return message
        return None

    def _frame(self) -> tuple[bool, int, bytes] | None:
        """Whether it is its message's last, its kind, its bytes."""
        left = self._left
        if len(left) < 2:
            return None
        first, second = left[0], left[1]
        final, kind, size = bool(first & FIN), first & 0x0F, second & 0x7F
        if first & RESERVED or kind not in KINDS or not second & MASKED:
            raise Closing(PROTOCOL, "no frame that a client may send")
        if kind >= CLOSE and (size > SHORT or not final):
            raise Closing(PROTOCOL, "a control frame is short and whole")
        starts = 2 + {TWO_BYTES: 2, EIGHT_BYTES: 8}.get(size, 0)
        if size > SHORT:
            # Of a length that is not there yet only its small beginning is known.
            size = int.from_bytes(left[2:starts]) if len(left) >= starts else 0
        if kind < CLOSE and len(self._parts) + size > MESSAGE_BYTES_MAX:
            raise Closing(TOO_LONG, f"at most {MESSAGE_BYTES_MAX} bytes")
        ends = starts + 4 + size
        if len(left) < ends:
            return None
        self._left = left[ends:]
        return final, kind, unmasked(left[starts : starts + 4], left[starts + 4 : ends])


def unmasked(mask: bytes, data: bytes) -> bytes:
    """The bytes under a mask of four, which is its own inverse."""
    size = len(data)
    cover = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data) ^ int.from_bytes(cover)).to_bytes(size)


def frame(kind: int, data: bytes) -> bytes:
    """One whole unmasked frame, as a server sends it."""
    size, first = len(data), bytes((FIN | kind,))
    if size <= SHORT:
        return first + bytes((size,)) + data
    if size < 1 << 16:
        return first + bytes((TWO_BYTES,)) + size.to_bytes(2) + data
    return first + bytes((EIGHT_BYTES,)) + size.to_bytes(8) + data


def close_frame(code: int, reason: str) -> bytes:
    """A goodbye; the reason is cut to what a control frame holds."""
    return frame(CLOSE, code.to_bytes(2) + reason.encode()[: SHORT - 2])
