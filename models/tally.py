"""3 The order-free part of a profile: equal under any permutation of a session's events.

Counts are sums, also those that fade (models/decay.py). The cart is the newest changes in the
client's own order, and preferences are last-writer-wins by the client's clock: the newest k of a
set do not depend on arrival.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

import msgspec

from models import decay
from models.loops import IN_PYTHON, Loops
from models.vocabulary import CODES, CUSTOM, EVENT_TYPES
from schemas.event import Event
from schemas.profile import CART_MAX, NAME_MAX, PREFERENCES_MAX, CartChange, Profile, Tally
from schemas.sections import buckets_of, packed

LOOKS, BUYS = "looks", "buys"
PACES = {
    LOOKS: "product_view zoom video_play view_3d compare wishlist_add".split(),
    BUYS: "add_to_cart remove_from_cart checkout_start checkout_step purchase".split(),
}
"""Pace -> the event types that it weighs at each half-life: interest in products, steps to buy."""

_PACE_OF = {type_: pace for pace, types in PACES.items() for type_ in types}
_encode = msgspec.msgpack.Encoder().encode


def update(tally: Tally, event: Event, loops: Loops = IN_PYTHON) -> None:
    """Count one event in; `event.received_at_ms` weighs it."""
    if not tally.by_type:
        tally.by_type = [0] * len(EVENT_TYPES)
        tally.activity = [[0, 0] for _ in decay.HALF_LIVES_MS]
    type_, at_ms = event.type, event.received_at_ms
    tally.by_type[CODES.get(type_, CUSTOM)] += 1
    loops.count(tally.activity, at_ms)
    pace = _PACE_OF.get(type_)
    if pace is not None:
        setattr(tally, pace, weighed(getattr(tally, pace), at_ms))
    fold = _FOLDS.get(type_)
    if fold is not None:
        fold(tally, event)


def weighed(section: bytes, at_ms: int) -> bytes:
    """A pace after one more event."""
    every = buckets_of(section) if section else [[0, 0] for _ in decay.HALF_LIVES_MS]
    decay.weigh(every, at_ms)
    return packed(every)


def decayed_milli(tally: Tally, which: int, now_ms: int) -> int:
    """Decayed number of events at `now_ms` under half-life `which`, in thousandths."""
    return decay.counted_milli(tally.activity[which], which, now_ms) if tally.activity else 0


def pace_milli(section: bytes, which: int, now_ms: int) -> int:
    """Decayed number of a pace's events at `now_ms` under half-life `which`, in thousandths."""
    return decay.weighed_milli(buckets_of(section)[which], which, now_ms) if section else 0


def _change_cart(tally: Tally, event: Event) -> None:
    product = event.product
    if product is None or event.ts_ms <= tally.bought_ts_ms:
        return
    sign = 1 if event.type == "add_to_cart" else -1
    change = CartChange(
        event.ts_ms,
        event.session_index,
        product.id[:NAME_MAX],
        sign * product.quantity,
        product.price_micros,
    )
    tally.cart = sorted([*tally.cart, change])[-CART_MAX:]


def _buy(tally: Tally, event: Event) -> None:
    tally.orders += 1
    tally.order_micros += event.value_micros or 0
    tally.bought_ts_ms = max(tally.bought_ts_ms, event.ts_ms)
    tally.cart = [change for change in tally.cart if change.ts_ms > tally.bought_ts_ms]


def _prefer(tally: Tally, event: Event) -> None:
    preferences = dict(tally.preferences)
    for name, value in event.properties.items():
        stated = (event.ts_ms, str(value)[:NAME_MAX])
        short = name[:NAME_MAX]
        if stated > preferences.get(short, (-1, "")):
            preferences[short] = stated
    newest = sorted(preferences.items(), key=lambda item: (item[1], item[0]))[-PREFERENCES_MAX:]
    tally.preferences = dict(sorted(newest))


_FOLDS: dict[str, Callable[[Tally, Event], None]] = {
    "add_to_cart": _change_cart,
    "remove_from_cart": _change_cart,
    "purchase": _buy,
    "preference": _prefer,
}


def cart_lines(tally: Tally) -> dict[str, tuple[int, int]]:
    """Product id -> (units, unit price in micros) of what is in the cart now."""
    lines: dict[str, tuple[int, int]] = {}
    for change in tally.cart:
        units, _ = lines.get(change.product_id, (0, 0))
        lines[change.product_id] = (max(units + change.quantity, 0), change.price_micros)
    return {product: line for product, line in lines.items() if line[0] > 0}


def cart_value_micros(tally: Tally) -> int:
    """Value of the cart in micros."""
    return sum(units * price for units, price in cart_lines(tally).values())


def digest(profile: Profile) -> str:
    """Hash of the order-free section, carried by every decision.

    Paces count from layout 2 on: a profile without them has the digest it had under layout 1.
    """
    tally = profile.tally
    counted = (
        tally.by_type,
        tally.activity,
        tally.cart,
        tally.bought_ts_ms,
        tally.orders,
        tally.order_micros,
        tally.preferences,
    )
    windows = sorted((w.key, w.newest, w.mask, w.hashes) for w in profile.windows)
    data = _encode((counted, windows, profile.applied, profile.duplicate, profile.conflict))
    if tally.looks or tally.buys:
        data += _encode((tally.looks, tally.buys))
    return blake2b(data, digest_size=8).hexdigest()
