"""3 Identity of windows: what either profile has seen is no news to the merged one."""

from __future__ import annotations

from models.dedup import CONFLICTS_MAX, HASHED, WINDOW_BITS
from schemas.profile import TOMBSTONES_MAX, WINDOWS_MAX, Profile, Window

_ALL = (1 << WINDOW_BITS) - 1


def merged_windows(
    own: Profile, given: Profile, now_ms: int
) -> tuple[list[Window], list[tuple[int, int]]]:
    """(windows, tombstones) of both: what either has seen is seen, what it gave up stays late."""
    found: dict[int, Window] = {each.key: each for each in own.windows}
    for each in given.windows:
        known = found.get(each.key)
        found[each.key] = each if known is None else merged_window(known, each)
    newest = sorted(found.values(), key=lambda each: (each.last_ms, each.key))
    kept, gone = newest[-WINDOWS_MAX:], newest[:-WINDOWS_MAX]
    dead = dict(own.tombstones)
    for key, died_ms in given.tombstones:
        dead[key] = max(died_ms, dead.get(key, died_ms))
    dead.update((each.key, now_ms) for each in gone)
    # A window that lives in either profile is not dead.
    alive = {each.key for each in kept}
    stones = sorted((died_ms, key) for key, died_ms in dead.items() if key not in alive)
    return kept, [(key, died_ms) for died_ms, key in stones[-TOMBSTONES_MAX:]]


def merged_window(own: Window, given: Window) -> Window:
    """What either window has seen."""
    newest = max(own.newest, given.newest)
    mask, hashes = 0, bytearray(HASHED * 2)
    for each in (own, given):
        behind = newest - each.newest
        if behind < WINDOW_BITS:
            mask |= int.from_bytes(each.mask, "little") << behind
        for index in range(max(newest - HASHED + 1, 0), each.newest + 1):
            at = index % HASHED * 2
            if each.newest - index < HASHED and each.hashes[at : at + 2] != b"\0\0":
                hashes[at : at + 2] = each.hashes[at : at + 2]
    mask &= _ALL
    conflicts = sorted({*own.conflicts, *given.conflicts})[-CONFLICTS_MAX:]
    data = mask.to_bytes((mask.bit_length() + 7) // 8, "little")
    last_ms = max(own.last_ms, given.last_ms)
    return Window(own.key, newest, data, bytes(hashes), conflicts, last_ms)
