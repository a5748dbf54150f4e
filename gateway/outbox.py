"""What a connection was offered and has not taken yet: bounded in frames and in bytes.

A frame may have a place, such as `decision page`: the newest of a place replaces one that still
waits, since only the newest would be shown. Whatever has no place is kept until it is taken.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import msgspec
from msgspec import Struct

FRAMES_MAX, BYTES_MAX = 64, 256 * 1024


class Frame(Struct, frozen=True, gc=False):
    """One message as JSON text.

    `place` is empty where nothing may replace it; `mark` is the position it brings a client to,
    `seq/epoch`, empty where it brings it nowhere.
    """

    text: str
    place: str = ""
    mark: str = ""

    @property
    def size_bytes(self) -> int:
        """What it weighs on the wire, without the few bytes around it."""
        return len(self.text) if self.text.isascii() else len(self.text.encode())


_encode = msgspec.json.Encoder().encode


def frame_of(told: dict[str, Any]) -> Frame:
    """A message as it travels: of the actions of a placement only the newest matters."""
    placement, seq, epoch = told.get("placement"), told.get("seq"), told.get("epoch")
    place = f"{told['type']} {placement}" if placement else ""
    mark = f"{seq}/{epoch}" if seq and epoch is not None else ""
    return Frame(_encode(told).decode(), place, mark)


class Outbox:
    """Frames in the order they go out."""

    __slots__ = ("_bytes", "_frames", "_number", "replaced")

    def __init__(self) -> None:
        self._frames: OrderedDict[str | int, Frame] = OrderedDict()
        self._bytes = self._number = 0
        self.replaced = 0

    def put(self, frame: Frame) -> bool:
        """Keep one more; False when it does not fit, which is the client's end."""
        if frame.place in self._frames:
            self._bytes -= self._frames.pop(frame.place).size_bytes
            self.replaced += 1
        if len(self._frames) >= FRAMES_MAX or self._bytes + frame.size_bytes > BYTES_MAX:
            return False
        self._number += 1
        self._frames[frame.place or self._number] = frame
        self._bytes += frame.size_bytes
        return True

    def pop(self) -> Frame | None:
        """The next frame to send."""
        if not self._frames:
            return None
        _, frame = self._frames.popitem(last=False)
        self._bytes -= frame.size_bytes
        return frame

    def __len__(self) -> int:
        return len(self._frames)
