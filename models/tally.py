"""3 The order-free part of a profile: equal under any permutation of a session's events.

Counts are sums. Activity is counted in buckets of one half-life, of which the newest 12 are kept,
so that forward decay (Cormode et al., ICDE 2009) needs integers only: a bucket of age a counts
for 2^-a. The cart is the newest changes in the client's own order, and preferences are
last-writer-wins by the client's clock: the newest k of a set do not depend on arrival.
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from models.vocabulary import CODES, CUSTOM, EVENT_TYPES
from schemas.event import Event
from schemas.profile import CART_MAX, NAME_MAX, PREFERENCES_MAX, CartChange, Profile, Tally

HALF_LIVES_MS = (60_000, 600_000, 86_400_000, 14 * 86_400_000)
BUCKETS = 12
_encode = msgspec.msgpack.Encoder().encode


def update(tally: Tally, event: Event) -> None:
    """Count one event in; `event.received_at_ms` weighs it."""
    if not tally.by_type:
        tally.by_type = [0] * len(EVENT_TYPES)
        tally.activity = [[0] for _ in HALF_LIVES_MS]
    tally.by_type[CODES.get(event.type, CUSTOM)] += 1
    for half_life, buckets in zip(HALF_LIVES_MS, tally.activity, strict=True):
        _count(buckets, event.received_at_ms // half_life)
    if event.type in ("add_to_cart", "remove_from_cart"):
        _change_cart(tally, event)
    elif event.type == "purchase":
        _buy(tally, event)
    elif event.type == "preference":
        _prefer(tally, event)


def _count(buckets: list[int], bucket: int) -> None:
    ahead = bucket - buckets[0]
    if ahead > 0:
        buckets[1:] = ([0] * min(ahead, BUCKETS) + buckets[1:])[:BUCKETS]
        buckets[0] = bucket
        buckets[1] = 1
        while not buckets[-1]:
            buckets.pop()
    elif -ahead < BUCKETS:
        while len(buckets) <= 1 - ahead:
            buckets.append(0)
        buckets[1 - ahead] += 1


def decayed_milli(tally: Tally, which: int, now_ms: int) -> int:
    """Decayed number of events at `now_ms` under half-life `which`, in thousandths."""
    if not tally.activity:
        return 0
    buckets = tally.activity[which]
    age = now_ms // HALF_LIVES_MS[which] - buckets[0]
    total = 0
    for back, count in enumerate(buckets[1:]):
        total += count * 1000 >> min(back + max(age, 0), 40)
    return total


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
    """Hash of the order-free section, carried by every decision."""
    tally = profile.tally
    windows = sorted((w.key, w.newest, w.mask, w.hashes) for w in profile.windows)
    data = _encode((tally, windows, profile.applied, profile.duplicate, profile.conflict))
    return blake2b(data, digest_size=8).hexdigest()
