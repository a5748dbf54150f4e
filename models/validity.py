"""1 Validity: values no honest client sends, found before they touch state.

The gateway refuses most of these with a 4xx; this is the same bar for records written straight
into the topic, which end in dead-letters with the field named.
"""

from __future__ import annotations

from models.vocabulary import CODES
from schemas.event import HANDOFF, INTERNAL_KINDS, Event
from schemas.ids import USER_KEY

INDEX_MAX = (1 << 31) - 1
NAME_BYTES_MAX = 128
TEXT_BYTES_MAX = 2048
MICROS_MAX = 10**15
EARLIEST_MS = 946_684_800_000
LATEST_MS = 4_102_444_800_000
DURATION_MS_MAX = 24 * 3600 * 1000
PROPERTIES_MAX = 16
QUANTITY_MAX = 10_000

_RANGES = (
    ("session_index", 0, INDEX_MAX),
    ("received_at_ms", EARLIEST_MS, LATEST_MS),
    ("ts_ms", EARLIEST_MS, LATEST_MS),
    ("scroll_depth_ppm", 0, 1_000_000),
    ("tap_velocity_ms", 0, DURATION_MS_MAX),
    ("active_duration_ms", 0, DURATION_MS_MAX),
    ("value_micros", 0, MICROS_MAX),
)


def problem(event: Event, user_key: str) -> tuple[str, str] | None:
    """(reason, detail naming the field) of the first absurd value, or None."""
    if event.user_key != user_key:
        return "key_mismatch", "user_key: differs from the record key"
    if not user_key.startswith(event.site + ":"):
        return "key_mismatch", "site: differs from the site in user_key"
    if event.internal and event.internal not in INTERNAL_KINDS:
        return "unknown_kind", "internal: unknown kind"
    if not event.internal and event.type not in CODES:
        return "unknown_type", "type: not an event type"
    if event.internal == HANDOFF and not _hands_over(event, user_key):
        return "bad_handoff", "identity_ref: want a known user of the same site"
    for name, low, high in _RANGES:
        value = getattr(event, name)
        if value is not None and not low <= value <= high:
            if event.internal and name == "ts_ms":
                continue
            return "absurd_value", f"{name}: outside [{low}, {high}]"
    return _texts(event) or _product(event)


def _hands_over(event: Event, user_key: str) -> bool:
    """Only a lasting anonymous key is handed over, and only to a known one of its site."""
    receiver = event.identity_ref or ""
    known = USER_KEY.fullmatch(receiver) and receiver.startswith(f"{event.site}:u:")
    return bool(known) and user_key.startswith(f"{event.site}:v:")


def engine_ms(at_ms: int) -> int:
    """A record's time if it can be one, else 0: it then comes before every deadline."""
    return at_ms if EARLIEST_MS <= at_ms <= LATEST_MS else 0


def _texts(event: Event) -> tuple[str, str] | None:
    for name in ("event_id", "session_id", "tab_id"):
        value = getattr(event, name)
        if len(value) > NAME_BYTES_MAX or not (value or event.internal):
            return "absurd_value", f"{name}: needs 1 to {NAME_BYTES_MAX} characters"
    if len(event.properties) > PROPERTIES_MAX:
        return "absurd_value", f"properties: more than {PROPERTIES_MAX}"
    page = event.page
    if page is not None and max(len(page.url), len(page.path), len(page.title)) > TEXT_BYTES_MAX:
        return "absurd_value", f"page: text over {TEXT_BYTES_MAX} characters"
    return None


def _product(event: Event) -> tuple[str, str] | None:
    product = event.product
    if product is None:
        return None
    if not 0 <= product.price_micros <= MICROS_MAX:
        return "absurd_value", f"product.price_micros: outside [0, {MICROS_MAX}]"
    if not 0 <= product.quantity <= QUANTITY_MAX:
        return "absurd_value", f"product.quantity: outside [0, {QUANTITY_MAX}]"
    if max(len(product.id), len(product.name), len(product.category)) > TEXT_BYTES_MAX:
        return "absurd_value", f"product: text over {TEXT_BYTES_MAX} characters"
    return None
