"""A request's body -> checked JSON bytes: inflated within bounds, each key once."""

from __future__ import annotations

import json
import zlib
from typing import Any

from gateway.wire import BODY_BYTES_MAX

RATIO_MAX = 100
CONTENT_TYPES = frozenset(("application/json", "text/plain", ""))


class BadBody(Exception):
    """The body cannot be read; `status` is the HTTP status that says so."""

    def __init__(self, status: int, field: str, error: str) -> None:
        super().__init__(error)
        self.status, self.field, self.error = status, field, error


def inflate(data: bytes, encoding: str, most: int = BODY_BYTES_MAX) -> bytes:
    """The body after decompression, at most `most` bytes of it. Raises BadBody.

    The output is bounded before it is made, so that a bomb costs no memory.
    """
    if len(data) > most:
        raise _too_large(most)
    if encoding in ("", "identity"):
        return data
    if encoding != "gzip":
        raise BadBody(415, "Content-Encoding", "want gzip or none")
    stream = zlib.decompressobj(wbits=31)
    try:
        out = stream.decompress(data, most + 1)
    except zlib.error:
        raise BadBody(400, "body", "no gzip data; send it plain or compress it again") from None
    if len(out) > most or len(out) > RATIO_MAX * len(data):
        raise _too_large(most)
    if not stream.eof or stream.unused_data:
        raise BadBody(400, "body", "want exactly one complete gzip member")
    return out


def _too_large(most: int) -> BadBody:
    return BadBody(413, "body", f"at most {most} bytes uncompressed; send less at once")


def parse(data: bytes) -> dict[str, Any]:
    """The JSON object of a body, refused when any object names a key twice. Raises BadBody.

    Two parsers that pick different twins would see different events, so neither gets to pick.
    """
    try:
        value = _DECODER.decode(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise BadBody(400, "body", "the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise BadBody(400, "body", f"no JSON: {error.msg} at {where}") from None
    except RecursionError:
        raise BadBody(400, "body", "nested too deeply") from None
    except ValueError:
        # The standard library refuses integers of thousands of digits this way.
        raise BadBody(400, "body", "a number is out of range") from None
    if not isinstance(value, dict):
        raise BadBody(400, "body", "want a JSON object")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadBody(400, printable(twice), "this key appears twice in one object")
    return out


def _no_constant(_name: str) -> Any:
    raise BadBody(400, "body", "no JSON: NaN and Infinity are no numbers")


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)


def printable(name: str) -> str:
    """A name from outside, cut and without characters that could break a log or an answer."""
    return "".join(each if " " <= each <= "~" else "?" for each in name[:64])
