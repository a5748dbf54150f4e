"""Frames of a WebSocket: the examples of RFC 6455, and everything a client may not send."""

from __future__ import annotations

import random

import pytest

from gateway.codes import PROTOCOL, TOO_LONG, Closing
from gateway.upgrade import SWITCH, switch_of
from gateway.ws_frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    FIN,
    MESSAGE_BYTES_MAX,
    PING,
    PONG,
    TEXT,
    Message,
    Messages,
    close_frame,
    frame,
    unmasked,
)

MASK = bytes.fromhex("37fa213d")
SHORT, LONG = 126, 1 << 16


def sent(kind: int, data: bytes, *, final: bool = True, mask: bytes = MASK) -> bytes:
    """A frame as a client sends it."""
    whole = frame(kind, data)
    head = whole[: len(whole) - len(data)]
    first = head[0] if final else head[0] & ~FIN
    return bytes((first, head[1] | 0x80)) + head[2:] + mask + unmasked(mask, data)


def heard(*pieces: bytes) -> list[Message]:
    """The messages in these pieces of a stream."""
    messages, out = Messages(), list[Message]()
    for piece in pieces:
        messages.feed(piece)
        while (message := messages.take()) is not None:
            out.append(message)
    return out


def test_the_rfcs_masked_hello_is_read() -> None:
    """Section 5.7."""
    assert heard(bytes.fromhex("818537fa213d7f9f4d5158")) == [Message(TEXT, b"Hello")]


def test_the_rfcs_unmasked_hello_is_written() -> None:
    """Section 5.7: a text of five bytes, a binary of 256 and one of 65,536."""
    assert frame(TEXT, b"Hello") == bytes.fromhex("810548656c6c6f")
    assert frame(BINARY, bytes(256))[:4] == bytes.fromhex("827e0100")
    assert frame(BINARY, bytes(65_536))[:10] == bytes.fromhex("827f0000000000010000")


def test_the_rfcs_handshake_is_answered() -> None:
    """Section 1.3."""
    asked = {
        "Upgrade": "WebSocket",
        "Connection": "keep-alive, Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    assert switch_of(asked) == SWITCH % b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    for name in asked:
        assert switch_of({**asked, name: "x"}) is None


STORY = (
    sent(TEXT, b"one")
    + sent(TEXT, b"tw", final=False)
    + sent(PING, b"still there?")
    + sent(CONTINUATION, b"", final=False)
    + sent(CONTINUATION, b"o")
    + sent(TEXT, b"x" * SHORT, mask=bytes(4))
    + sent(BINARY, b"y" * 5_000)
    + sent(CLOSE, (1000).to_bytes(2))
)
TOLD = [
    Message(TEXT, b"one"),
    Message(PING, b"still there?"),
    Message(TEXT, b"two"),
    Message(TEXT, b"x" * SHORT),
    Message(BINARY, b"y" * 5_000),
    Message(CLOSE, b"\x03\xe8"),
]


def test_messages_are_the_same_however_the_bytes_arrive() -> None:
    """As one piece, byte by byte, and in a hundred random cuts."""
    chance = random.Random(1)
    cuts = [[], list(range(1, len(STORY)))]
    cuts += [sorted(chance.sample(range(1, len(STORY)), 6)) for _ in range(100)]
    for cut in cuts:
        pieces = [STORY[a:b] for a, b in zip([0, *cut], [*cut, len(STORY)], strict=True)]
        assert heard(*pieces) == TOLD


FORBIDDEN = [
    ("unmasked", frame(TEXT, b"Hello"), PROTOCOL),
    ("an extension's bit", bytes((0xC1,)) + sent(TEXT, b"Hello")[1:], PROTOCOL),
    ("an unknown kind", sent(3, b"Hello"), PROTOCOL),
    ("an unknown control kind", sent(11, b""), PROTOCOL),
    ("a ping in pieces", sent(PING, b"", final=False), PROTOCOL),
    ("a long pong", sent(PONG, b"x" * SHORT), PROTOCOL),
    ("a continuation of nothing", sent(CONTINUATION, b"x"), PROTOCOL),
    ("a message within another", sent(TEXT, b"", final=False) + sent(TEXT, b""), PROTOCOL),
    ("a long message", sent(TEXT, b"x" * (MESSAGE_BYTES_MAX + 1)), TOO_LONG),
    ("its head alone", sent(TEXT, b"x" * LONG)[:10], TOO_LONG),
    (
        "a message long in pieces",
        sent(TEXT, b"x" * MESSAGE_BYTES_MAX, final=False) + sent(CONTINUATION, b"x"),
        TOO_LONG,
    ),
]


@pytest.mark.parametrize(("why", "data", "code"), FORBIDDEN, ids=[each[0] for each in FORBIDDEN])
def test_what_a_client_may_not_send_ends_it(why: str, data: bytes, code: int) -> None:
    with pytest.raises(Closing) as raised:
        heard(data)
    assert raised.value.code == code, why


def test_the_longest_message_passes() -> None:
    assert heard(sent(TEXT, b"x" * MESSAGE_BYTES_MAX)) == [Message(TEXT, b"x" * MESSAGE_BYTES_MAX)]


def test_a_goodbye_is_as_long_as_a_control_frame_may_be() -> None:
    told = close_frame(4008, "slow" * 100)
    assert told[:4] == bytes((FIN | CLOSE, 125)) + (4008).to_bytes(2) and len(told) == 127
