"""Every message of a push connection as a type: what AsyncAPI is generated from, and checked with.

The gateway writes these as plain dictionaries; the tests hold each one it writes to its type.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from gateway.codes import CODES
from gateway.wire import Hello, Leave

Ms = Annotated[int, Meta(ge=0, description="milliseconds")]
Share = Annotated[float, Meta(ge=0, le=1)]
Epoch = int | str | None
CLASS = Literal["instant", "standard", "deadline"]


class Message(
    Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"class_": "class"}
):
    """What all of them have in common: a `type`."""


class Welcome(Message, frozen=True, tag_field="type", tag="welcome"):
    """The answer to a hello. `resumed` false: something since `last_seq` may be missing."""

    epoch: Epoch
    seq: Annotated[int, Meta(ge=0, description="the newest number known: no position yet")]
    resumed: bool
    heartbeat_s: Annotated[int, Meta(ge=1, description="a ping comes at least this often")]


class Decision(Message, frozen=True, tag_field="type", tag="decision"):
    """An action to show now, in this tab, once per `slot_id`, for `ttl_ms` after its arrival."""

    slot_id: str
    decision_id: str
    event_id: str | None
    seq: Annotated[int, Meta(ge=0, description="0 for a fallback: it moves no position")]
    epoch: int
    placement: str
    class_: CLASS
    source: Literal["model", "rule", "fallback"]
    ttl_ms: Ms
    campaign_id: str
    action_type: str
    render: dict[str, Any]


class Measured(Struct, frozen=True, kw_only=True):
    """What only a site with `push: full` gets beside a message."""

    latency_ms: float
    rtme_state: dict[str, Any]
    explain: dict[str, Any]
    scores: dict[str, Share | None]
    stage: str
    candidates: list[dict[str, Any]]
    nothing: dict[str, Any]
    explored: bool
    removed: dict[str, int]
    counts: dict[str, int]
    versions: dict[str, Any]
    ledger: dict[str, Any]


class Nothing(Message, frozen=True, tag_field="type", tag="none"):
    """Why nothing shows; only for a site with `push: full`. No `decision_id`: time was up."""

    slot_id: str
    decision_id: str | None
    event_id: str | None
    placement: str
    class_: CLASS
    reason: str
    campaign_id: str | None


class Cancel(Message, frozen=True, tag_field="type", tag="cancel"):
    """Take this slot off the page, or never show it."""

    slot_id: str
    seq: Annotated[int, Meta(ge=0, description="0 where more follows: it moves no position")]
    epoch: Epoch


class Ping(Message, frozen=True, tag_field="type", tag="ping"):
    """The connection lives; answer `{"type": "pong"}` on a socket."""


class Reconnect(Message, frozen=True, tag_field="type", tag="reconnect"):
    """The gateway goes away: come back after so long, to any other."""

    after_ms: Ms


class Close(Message, frozen=True, tag_field="type", tag="close"):
    """The last event of /v1/sse, and a guest's end; a socket gets the code in its close frame."""

    code: int
    reason: str


class Beside(Message, frozen=True, tag_field="type", tag="beside"):
    """A message for another tab on this socket, which said hello with `beside`."""

    tab_id: str
    message: Welcome | Decision | Nothing | Cancel | Ping | Close


SENT = (Welcome, Decision, Nothing, Cancel, Ping, Reconnect, Beside, Close)
FULL_ONLY = tuple(Measured.__struct_fields__)
CLOSE_CODES = {str(code): {"means": each.text, "back": each.back} for code, each in CODES.items()}
HEARD = (Hello, Leave)
