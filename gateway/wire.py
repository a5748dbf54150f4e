"""The public JSON of POST /v1/events as strict types: every field has a type and a bound.

Times are client epoch milliseconds, money is a decimal string in the site's currency.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Raw, Struct

from gateway.money import PATTERN as MONEY

BODY_BYTES_MAX = 64 * 1024
EVENTS_MAX = 100
PROPERTIES_MAX = 16
INDEX_MAX = 2**31 - 1
TS_MIN_MS, TS_MAX_MS = 946_684_800_000, 4_102_444_800_000
"""Years 2000 to 2100: recorded visits are old, a client's clock may be a day off."""

ONE_DAY_MS, ONE_DAY_S = 86_400_000, 86_400
ID = r"^[A-Za-z0-9_.:\-]{1,64}\Z"
Id = Annotated[str, Meta(pattern=ID, description="1-64 of A-Z a-z 0-9 _ . : -")]
SiteId = Annotated[str, Meta(pattern=r"^[a-z0-9\-]{1,32}\Z", description="Site id")]
Seed = Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{32}\Z", description="128 random bits in hex")]
Token = Annotated[str, Meta(min_length=1, max_length=256)]
ClientMs = Annotated[int, Meta(ge=TS_MIN_MS, le=TS_MAX_MS, description="Client clock, epoch ms")]
Index = Annotated[int, Meta(ge=0, le=INDEX_MAX)]
Money = Annotated[str, Meta(pattern=MONEY, max_length=19, description="Decimal string")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z", description="SHA-256 in hex")]
Text64 = Annotated[str, Meta(max_length=64)]
Text128 = Annotated[str, Meta(max_length=128)]
Text256 = Annotated[str, Meta(max_length=256)]
Text512 = Annotated[str, Meta(max_length=512)]
Link = Annotated[str, Meta(max_length=2048)]
PropertyName = Annotated[str, Meta(min_length=1, max_length=64)]
Property = Text256 | Annotated[float, Meta(ge=-1e15, le=1e15)] | bool
Vector = Annotated[float, Meta(ge=0, le=1_000_000)]


class WireConsent(Struct, frozen=True, gc=False):
    """A purpose not named is denied: the visitor spoke and did not allow it."""

    analytics: bool = False
    personalization: bool = False
    marketing: bool = False


class WirePage(Struct, frozen=True, gc=False):
    """The page the visitor is on."""

    url: Link = ""
    path: Link = ""
    type: Text64 = ""
    title: Text512 = ""


class WireProduct(Struct, frozen=True, gc=False):
    """The product an event is about; `price` is for one unit."""

    id: Annotated[str, Meta(min_length=1, max_length=128)]
    name: Text256 | None = None
    category: Text256 | None = None
    price: Money | None = None
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")] | None = None
    quantity: Annotated[int, Meta(ge=0, le=10_000)] | None = None


class WireSource(Struct, frozen=True, gc=False):
    """Where the visit came from."""

    referrer: Link | None = None
    utm_source: Text256 | None = None
    utm_medium: Text256 | None = None
    utm_campaign: Text256 | None = None


class WireVectors(Struct, frozen=True, gc=False):
    """Telemetry. `scroll_depth` is 0 to 1; `scroll_depth_hz` is a percentage, clipped."""

    scroll_depth: Annotated[float, Meta(ge=0, le=1)] | None = None
    scroll_depth_hz: Vector | None = None
    tap_velocity_ms: Annotated[float, Meta(ge=0, le=ONE_DAY_MS)] | None = None
    active_duration_s: Annotated[float, Meta(ge=0, le=ONE_DAY_S)] | None = None


class WireEvent(Struct, frozen=True, gc=False):
    """One event of a batch."""

    event_id: Id
    session_index: Index
    type: Annotated[str, Meta(min_length=1, max_length=64)]
    ts: ClientMs
    page: WirePage | None = None
    product: WireProduct | None = None
    source: WireSource | None = None
    vectors: WireVectors | None = None
    value: Money | None = None
    slot_id: Id | None = None
    decision_id: Id | None = None
    source_shown: Literal["model", "rule", "fallback"] | None = None
    painted_at_ms: ClientMs | None = None
    identity_ref: Digest | None = None
    properties: dict[PropertyName, Property] | None = None
    user_mode: Literal["anonymous", "authenticated"] | None = None


class Batch(Struct, frozen=True, gc=False):
    """The envelope; each event is judged on its own, so it stays raw here."""

    site: SiteId
    session_id: Id
    events: Annotated[list[Raw], Meta(min_length=1, max_length=EVENTS_MAX)]
    tab_id: Id = "0"
    visitor_token: Token | None = None
    visitor_seed: Seed | None = None
    sent_at: ClientMs | None = None
    consent: WireConsent | None = None


class BareEvent(Struct, frozen=True, gc=False):
    """One event without an envelope: site and session come from the query."""

    event_id: Id
    session_index: Index
    timestamp: ClientMs
    user_mode: Literal["anonymous", "authenticated"] = "anonymous"
    vectors: WireVectors | None = None


class Rejected(Struct, frozen=True, gc=False):
    """Why one event of a batch was not taken."""

    index: int
    field: str
    error: str


class Refused(Struct, frozen=True, gc=False, omit_defaults=True):
    """The body of a 4xx or 5xx answer."""

    error: str
    field: str = ""
    rejected: tuple[Rejected, ...] = ()


class Hello(Struct, frozen=True, gc=False):
    """The first frame of a push connection."""

    type: Literal["hello"]
    site: SiteId
    visitor_token: Token
    session_id: Id
    tab_id: Id = "0"
    last_seq: Annotated[int, Meta(ge=0)] | None = None
    epoch: int | str | None = None
    beside: Annotated[bool, Meta(description="another tab's, on the socket of this one")] = False


class Leave(Struct, frozen=True, gc=False):
    """A tab that shared the socket is gone."""

    type: Literal["leave"]
    tab_id: Id


INTERNAL_NAMES = frozenset(
    "internal user_key user_id visitor_id site session_id tab_id received_at received_at_ms "
    "accepted_at accepted_at_ms gateway_id conn_id bot pii traceparent consent "
    "consent_unsaid".split()
)
"""Names an event may not carry: they are the gateway's, or belong to the envelope."""
