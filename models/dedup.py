"""2 Dedup: has this event been seen?

Each (session, tab) has an anti-replay window as in IPsec (RFC 4303, section 3.4.3):

1. `newest` is the largest index seen; bit i of `mask` says whether index newest - i was seen.
2. A larger index shifts the mask; one below the window's floor is late.
3. The last 64 indexes also keep a 16-bit hash of their event id, so that the same index with
   another id shows as a conflict (applied and counted) instead of being lost as a duplicate.

At most 8 windows a user. An evicted window leaves a tombstone for 24 h: its events are late.

An order that has a name is one event of a window of its own, whoever tells of it and in whatever
bytes: page, pixel and webhook of one order count once. The first telling counts, with its value.
"""

from __future__ import annotations

from hashlib import blake2b

from schemas.event import Event, order_of
from schemas.ids import short_hash
from schemas.profile import TOMBSTONES_MAX, WINDOWS_MAX, Profile, Window

FRESH, CONFLICT, DUPLICATE, LATE = "fresh", "conflict", "duplicate", "late"
WINDOW_BITS = 1024
HASHED = 64
CONFLICTS_MAX = 16
TOMBSTONE_MS = 24 * 3600 * 1000
ORDERS = "\0orders"
"""The session of all orders' windows; no client can name one so."""

_ALL = (1 << WINDOW_BITS) - 1


def place(event: Event) -> tuple[str, str, int, str]:
    """Session and tab of the window, index and id in it."""
    order = order_of(event)
    if order:
        return ORDERS, order, 0, order
    return event.session_id, event.tab_id, event.session_index, event.event_id


def check(
    profile: Profile, session_id: str, tab_id: str, index: int, event_id: str, now_ms: int
) -> str:
    """Verdict on one event, which this also records: FRESH, CONFLICT, DUPLICATE or LATE."""
    window = _window(profile, short_hash(session_id, tab_id), now_ms)
    if window is None:
        return LATE
    window.last_ms = now_ms
    return _record(window, index, id_hash(event_id))


def _window(profile: Profile, key: int, now_ms: int) -> Window | None:
    """The window of this key, made where missing; None if it was evicted within 24 h."""
    for window in profile.windows:
        if window.key == key:
            return window
    for tombstone, died_ms in profile.tombstones:
        if tombstone == key and now_ms - died_ms < TOMBSTONE_MS:
            return None
    if len(profile.windows) == WINDOWS_MAX:
        _evict(profile, now_ms)
    window = Window(key)
    profile.windows = [*profile.windows, window]
    return window


def _evict(profile: Profile, now_ms: int) -> None:
    oldest = min(profile.windows, key=lambda window: (window.last_ms, window.key))
    profile.windows = [window for window in profile.windows if window is not oldest]
    alive = [each for each in profile.tombstones if now_ms - each[1] < TOMBSTONE_MS]
    profile.tombstones = [*alive, (oldest.key, now_ms)][-TOMBSTONES_MAX:]


def _record(window: Window, index: int, id_hash: bytes) -> str:
    behind = window.newest - index
    if behind >= WINDOW_BITS:
        return LATE
    mask = int.from_bytes(window.mask, "little")
    if behind < 0:
        mask = (mask << -behind | 1) & _ALL if -behind < WINDOW_BITS else 1
        window.hashes = _advanced(window.hashes, window.newest, index)
        window.newest = index
    elif mask >> behind & 1:
        return _seen(window, index, behind, id_hash)
    else:
        mask |= 1 << behind
    if window.newest - index < HASHED:
        window.hashes = _with_hash(window.hashes, index, id_hash)
    window.mask = mask.to_bytes((mask.bit_length() + 7) // 8, "little")
    return FRESH


def _seen(window: Window, index: int, behind: int, id_hash: bytes) -> str:
    """The index is taken: by this event (duplicate) or by another one (conflict)."""
    if behind >= HASHED:
        return DUPLICATE
    at = index % HASHED * 2
    if window.hashes[at : at + 2] == id_hash:
        return DUPLICATE
    mark = (index & 0xFFFFFFFF) << 16 | int.from_bytes(id_hash, "big")
    if mark in window.conflicts:
        return DUPLICATE
    window.conflicts = [*window.conflicts, mark][-CONFLICTS_MAX:]
    return CONFLICT


def _advanced(hashes: bytes, newest: int, index: int) -> bytes:
    """Hashes with the slots of the indexes (newest, index] cleared."""
    if index - newest == 1:
        return hashes
    if index - newest >= HASHED:
        return b"\0" * (HASHED * 2)
    out = bytearray(hashes)
    for each in range(newest + 1, index + 1):
        at = each % HASHED * 2
        out[at : at + 2] = b"\0\0"
    return bytes(out)


def _with_hash(hashes: bytes, index: int, id_hash: bytes) -> bytes:
    at = index % HASHED * 2
    return hashes[:at] + id_hash + hashes[at + 2 :]


def id_hash(event_id: str) -> bytes:
    """16 bits of the id, never zero: zero marks an empty slot."""
    digest = blake2b(event_id.encode(), digest_size=2).digest()
    return b"\0\1" if digest == b"\0\0" else digest
