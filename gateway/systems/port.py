"""What every system's adapter does: prove who calls, and tell what happened in our words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct

from gateway.wire import WireConsent
from schemas.site import Site


class Call(Struct, frozen=True):
    """One request of a system; `headers` are looked up in any case, `path` follows its name."""

    path: str
    headers: Mapping[str, str]
    data: bytes
    now_ms: int


class Told(Struct, frozen=True):
    """One event in the JSON of POST /v1/events, and what is known of whose it is.

    `visitor_token` is the browser's, where the system carries it along; `known_id` is the system's
    own name of a customer; `seed` stands for a visitor nobody has named. `session_id` and `tab_id`
    place the event in a de-duplication window of its own. `consent` is what the visitor said; None
    where the system cannot know: a profile then keeps what it was told before.
    """

    event: dict[str, Any]
    session_id: str
    tab_id: str
    visitor_token: str | None = None
    known_id: str | None = None
    seed: str = ""
    consent: WireConsent | None = None


class NotTaken(Exception):
    """The request is not taken; `status` is the HTTP status that says so."""

    def __init__(self, status: int, field: str, error: str) -> None:
        super().__init__(error)
        self.status, self.field, self.error = status, field, error


class Adapter(Protocol):
    """One system. Both methods are pure and raise NotTaken."""

    name: str

    def site_of(self, call: Call) -> str:
        """The site id the request names, unproved; empty if it is told by ?site= alone."""

    def authenticate(self, call: Call, site: Site) -> None:
        """Prove that the request comes from this site's system."""

    def told(self, call: Call, site: Site) -> list[Told | NotTaken]:
        """The events of the request; none for what kairos has no use for.

        What is wrong with one of several is told in its place, so that the others are taken.
        """


def text(value: Any, limit: int = 256) -> str:
    """A value as bounded text; nothing for what is no text and no number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    # Half of a surrogate pair is no text that could be written anywhere.
    return str(value)[:limit].encode("utf-8", "replace").decode()


def mapping(value: Any) -> dict[str, Any]:
    """An object, or an empty one where the system sent something else."""
    return value if isinstance(value, dict) else {}


def items(value: Any, limit: int = 100) -> list[dict[str, Any]]:
    """The objects of a list, at most `limit`."""
    found = value if isinstance(value, list) else []
    return [each for each in found[:limit] if isinstance(each, dict)]
