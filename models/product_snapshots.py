"""10 Product snapshots: what goes with what on a site, and when a record says so.

1. An epoch ends at a multiple of EPOCH_MS of engine time. All sessions over by then are counted, in
   an order of their own: same log, same snapshot.
2. A snapshot is due when half as many sessions have come as the newest one was made of, a day after
   it where any came, and where somebody has published products since. So a site's records stay
   few: some thirty in the eight days that a topic keeps every one.
3. A feed says everything of a product but its neighbours; learning says these alone, of the newest
   feed as the log has it, and names its version. Without any record there is nothing to add to.
4. The version is the epoch's end, or one more than the newest, as in models/snapshots.py. What the
   topic holds of this epoch or a later one stands, and an epoch that is over long since is counted
   and not told.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from models.learned import with_neighbours
from models.neighbours import Neighbours
from schemas.basket import Session
from schemas.products import Products
from schemas.site_neighbours import SiteNeighbours

EPOCH_MS, DAY_MS = 600_000, 24 * 3_600_000
EFFECTIVE_AFTER_MS = 1_000
PRODUCTS_MAX, PARTNERS_MAX = 5_000, 64
"""What is counted of one site; `make prove archive` tells what such a bound costs."""


class Told(Struct):
    """What topic `products` says of one site: the newest record in force, and the newest feed."""

    newest: Products
    feed: Products


def taken(told: Told | None, record: Products) -> Told:
    """One more record, in the order of the log. Records of the past are known to be compacted."""
    feed = record if told is None or not record.learned_until_ms else told.feed
    if told is None or _place(told.newest) <= _place(record):
        return Told(record, feed)
    return Told(told.newest, feed)


def _place(record: Products) -> tuple[int, int]:
    return record.effective_at_ms, record.version


def epoch_end_ms(at_ms: int) -> int:
    """The end of the epoch in which engine time `at_ms` lies; a multiple ends its own."""
    return -(-at_ms // EPOCH_MS) * EPOCH_MS


def counted(kept: SiteNeighbours, sessions: Iterable[Session], end_ms: int) -> SiteNeighbours:
    """What is kept after one epoch; the order in which its sessions came does not matter."""
    counts, day, more = _counts(kept), end_ms // DAY_MS, 0
    if kept.day and day > kept.day:
        counts.fade(day - kept.day)
    for session in sorted(sessions, key=Session.dump):
        counts.count(session.groups)
        more += 1
    counts.shrink()
    made = _kept(counts)
    made.until_ms, made.day = max(kept.until_ms, end_ms), max(kept.day, day)
    made.sessions, made.told, made.told_ms = kept.sessions + more, kept.told, kept.told_ms
    return made


def has_grown(kept: SiteNeighbours) -> bool:
    """Whether a snapshot is due for what was counted."""
    new = kept.sessions - kept.told
    return new > 0 and (2 * new >= kept.told or kept.until_ms - kept.told_ms >= DAY_MS)


def is_fed(kept: SiteNeighbours, told: Told) -> bool:
    """Whether a snapshot is due since somebody published products."""
    made_of = 0 if _is_feed(told.newest) else told.newest.feed_version
    return kept.sessions > 0 and made_of != _version(told.feed)


def snapshot(kept: SiteNeighbours, told: Told, now_ms: int) -> Products | None:
    """The record to publish at engine time `now_ms`; None where it would say nothing new."""
    end_ms = kept.until_ms
    if told.newest.learned_until_ms >= end_ms:
        return None
    made = with_neighbours(told.feed, _counts(kept))
    if made.products == told.newest.products:
        return None
    return replace(
        made,
        version=max(end_ms, told.newest.version + 1, told.feed.version + 1),
        effective_at_ms=max(end_ms, now_ms) + EFFECTIVE_AFTER_MS,
        learned_until_ms=end_ms,
        feed_version=_version(told.feed),
    )


def _is_feed(record: Products) -> bool:
    return not record.learned_until_ms


def _version(feed: Products) -> int:
    """The feed that a record is of; where the log forgot that, a snapshot still names it."""
    return feed.feed_version or feed.version


def _counts(kept: SiteNeighbours) -> Neighbours:
    ids, shared = kept.ids, {}
    for name, partners in zip(ids, kept.shared, strict=True):
        places, counts = partners[::2], partners[1::2]
        shared[name] = {ids[at]: count for at, count in zip(places, counts, strict=True)}
    return Neighbours(dict(zip(ids, kept.own, strict=True)), shared, PRODUCTS_MAX, PARTNERS_MAX)


def _kept(counts: Neighbours) -> SiteNeighbours:
    """By id, so that the same counts are the same bytes."""
    ids = sorted(counts.own)
    place = {name: at for at, name in enumerate(ids)}
    shared = [
        [
            part
            for pair in sorted((place[a], n) for a, n in counts.shared[one].items())
            for part in pair
        ]
        for one in ids
    ]
    return SiteNeighbours(ids=ids, own=[counts.own[one] for one in ids], shared=shared)
