"""Close codes of a push connection: what happened, and whether coming back helps.

Server-sent events know no such codes: before the stream begins the HTTP status says as much, and
afterwards the last message is `{"type": "close", "code", "reason"}`.
"""

from __future__ import annotations

from msgspec import Struct

BAD_FRAME, BAD_TOKEN, BAD_ORIGIN, NO_SITE, SLOW, TOO_MANY = 4000, 4001, 4003, 4004, 4008, 4029
DRAIN, TOO_LONG, PROTOCOL, GONE = 1012, 1009, 1002, 1006


class Code(Struct, frozen=True):
    """`back` is what a client does: never, with a new token, at once, or later."""

    text: str
    back: str
    status: int


CODES = {
    PROTOCOL: Code("no WebSocket as RFC 6455 has it", "never", 400),
    TOO_LONG: Code("a frame of more than 16 KiB", "never", 413),
    DRAIN: Code("the gateway goes away; a reconnect message came before", "as hinted", 503),
    BAD_FRAME: Code("not a text frame, no JSON object, or no hello", "never", 400),
    BAD_TOKEN: Code("the visitor token does not hold, or no hello came", "with a new token", 401),
    BAD_ORIGIN: Code("the origin is not one of the site's", "never", 403),
    NO_SITE: Code("no such site", "never", 404),
    SLOW: Code("the client does not read", "at once, and it resumes", 503),
    TOO_MANY: Code("too many frames or connections of one visitor", "after a pause", 429),
}


class Closing(Exception):
    """The connection has to end with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason
