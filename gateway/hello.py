"""Hello: a push connection says whose it is and what it has seen; a signed token proves it."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from gateway import tokens
from gateway.catch_up import Epoch
from gateway.codes import BAD_FRAME, BAD_ORIGIN, BAD_TOKEN, NO_SITE, Closing
from gateway.sites import Sites
from gateway.visitor import verified
from gateway.wire import Hello
from schemas.ids import UserKey
from schemas.origins import allowed

_HELLO = msgspec.json.Decoder(Hello)
NEEDS = "hello needs site, visitor_token, session_id and tab_id"


class Greeted(Struct, frozen=True):
    """A hello that holds: the visitor the token names, the tab, and its position."""

    user_key: UserKey
    session_id: str
    tab_id: str
    last_seq: int
    epoch: Epoch


def read_hello(data: str | bytes) -> Hello:
    """A hello from its JSON. Raises Closing."""
    try:
        return _HELLO.decode(data)
    except (msgspec.DecodeError, RecursionError):
        raise Closing(BAD_FRAME, NEEDS) from None


def greet(hello: Hello, origin: str, sites: Sites, *, now_ms: int) -> Greeted:
    """Whose connection this is. Raises Closing."""
    site = sites.at(hello.site, now_ms)
    if site is None:
        raise Closing(NO_SITE, "no such site")
    if origin and not allowed(site.origins, origin):
        raise Closing(BAD_ORIGIN, "this origin is not one of the site's")
    try:
        visitor, _ = verified(site, hello.visitor_token, now_ms=now_ms, origin=origin)
    except tokens.BadToken:
        raise Closing(BAD_TOKEN, "the visitor token does not hold") from None
    key = visitor.user_key(site.site)
    return Greeted(key, hello.session_id, hello.tab_id, hello.last_seq or 0, hello.epoch)
