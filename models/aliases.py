"""9 Aliases: which keys a known user had before, so that an order finds the decisions made there.

A merge record says that a key was handed to this user. What the user does from then on is told to
that key too: the decision's key owns the reward. Merge records travel through a topic of their own
and may be read after what they concern, so the newest outcomes and orders of a known user wait for
them; whoever hears something twice knows it by its event id.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from schemas.handoff import ProfileMerge
from schemas.outcome import Outcome

KEYS_MAX, RECENT_MAX = 8, 16
KEPT_MS = 3_600_000
HELD_MS = 7 * 24 * 3600 * 1000
"""How long after its handoff a key is told of its user: as long as the events topic is kept."""

MAGIC, LAYOUTS = b"KA", (1, 2)
"""Layout 1 knew no deadline: its bytes get one with the user's next outcome."""


class UnknownAliases(Exception):
    """State bytes of a layout that this build does not know."""


class Alias(Struct, array_like=True, frozen=True):
    """A key that was handed to this user at engine time `since_ms`."""

    key: str
    since_ms: int


class Aliases(Struct, array_like=True):
    """The keys of one known user, what it did lately, and its timer, 0 for none."""

    keys: list[Alias] = []
    recent: list[Outcome] = []
    timer_ms: int = 0


def heard(aliases: Aliases, outcome: Outcome) -> list[str]:
    """The keys that are to hear of this outcome besides the user's own."""
    recent = [each for each in aliases.recent if each.at_ms > outcome.at_ms - KEPT_MS]
    aliases.recent = [*recent, outcome][-RECENT_MAX:]
    kept = [each for each in aliases.keys if each.since_ms > outcome.at_ms - HELD_MS]
    aliases.keys = kept
    return [each.key for each in kept]


def joined(aliases: Aliases, merge: ProfileMerge) -> list[Outcome]:
    """What the key that was handed over is to hear now; nothing where it is known already."""
    if any(each.key == merge.from_key for each in aliases.keys):
        return []
    made = Alias(merge.from_key, merge.handoff_at_ms)
    aliases.keys = [*aliases.keys, made][-KEYS_MAX:]
    return list(aliases.recent)


def expire(aliases: Aliases, until_ms: int) -> None:
    """Forget what nothing may ask for any more at engine time `until_ms`."""
    aliases.keys = [each for each in aliases.keys if each.since_ms + HELD_MS > until_ms]
    aliases.recent = [each for each in aliases.recent if each.at_ms + KEPT_MS > until_ms]
    if aliases.timer_ms <= until_ms:
        aliases.timer_ms = 0


def next_ms(aliases: Aliases) -> int:
    """Engine time at which the next thing is too old, 0 where nothing is left."""
    times = [each.since_ms + HELD_MS for each in aliases.keys]
    return min([*times, *(each.at_ms + KEPT_MS for each in aliases.recent)], default=0)


_decode = msgspec.msgpack.Decoder(Aliases).decode
_encode = msgspec.msgpack.Encoder().encode


def dump(aliases: Aliases) -> bytes:
    """As versioned bytes."""
    return MAGIC + bytes((LAYOUTS[-1],)) + _encode(aliases)


def load(data: bytes | None) -> Aliases:
    """From `dump`; a user never seen before for None. Raises UnknownAliases."""
    if data is None:
        return Aliases()
    if data[:2] != MAGIC or data[2] not in LAYOUTS:
        raise UnknownAliases(f"aliases begin with {data[:3].hex()}, this build reads {LAYOUTS}")
    return _decode(data[3:])
