"""Product snapshots: same log, same bytes; bounded; few; a feed and learning never fight."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from models import product_snapshots as snapshots
from models.learned import with_known
from models.neighbours import BOUGHT, LOOKED
from models.product_snapshots import DAY_MS, EPOCH_MS, PARTNERS_MAX, PRODUCTS_MAX, Told, taken
from schemas import site_neighbours
from schemas.basket import Session
from schemas.products import CatalogueProduct, Products
from schemas.site_neighbours import SiteNeighbours

DAY = 20_000 * DAY_MS
NAMES = ("bulb", "lamp", "rope", "tent")
FEED = Products(
    site="demo",
    version=3,
    effective_at_ms=DAY,
    products=tuple(CatalogueProduct(id=name, title=name.title(), stock=5) for name in NAMES),
)


def session(*products: str, at_ms: int = DAY, weight: int = LOOKED) -> Session:
    return Session(at_ms, [(list(products), weight)])


def after(sessions: Iterable[Session], end_ms: int = DAY + EPOCH_MS) -> SiteNeighbours:
    return snapshots.counted(SiteNeighbours(), sessions, end_ms)


def made(kept: SiteNeighbours, told: Told, now_ms: int | None = None) -> Products:
    found = snapshots.snapshot(kept, told, now_ms or kept.until_ms)
    assert found is not None
    return found


def told_of(*records: Products) -> Told:
    told = None
    for each in records:
        told = taken(told, each)
    assert told is not None
    return told


@given(st.permutations([session(a, b) for a in NAMES for b in NAMES if a < b]))
def test_the_same_sessions_in_any_order_are_the_same_bytes(sessions: list[Session]) -> None:
    """Of one epoch; what is kept reads back as itself."""
    dumped = site_neighbours.dump(after(sessions))
    assert dumped == site_neighbours.dump(after(sorted(sessions, key=Session.dump)))
    assert site_neighbours.dump(site_neighbours.load(dumped)) == dumped


def test_a_snapshot_is_the_feed_with_neighbours_under_a_derived_version() -> None:
    """The feed's own words stay; the version is the end of the epoch."""
    kept = after([session("lamp", "bulb"), session("lamp", "bulb"), session("lamp", "rope")])
    found = made(kept, told_of(FEED), kept.until_ms + 40)
    by_id = {each.id: each for each in found.products}
    assert by_id["lamp"].neighbours == ("bulb", "rope") and by_id["tent"].neighbours == ()
    assert replace(by_id["lamp"], neighbours=()) == FEED.products[1]
    assert (found.version, found.learned_until_ms, found.feed_version) == (
        *(kept.until_ms, kept.until_ms),
        3,
    )
    assert found.effective_at_ms == kept.until_ms + 40 + snapshots.EFFECTIVE_AFTER_MS


def test_what_the_topic_holds_of_an_epoch_stands() -> None:
    """A restart that comes to the same end again, and an epoch that says nothing new."""
    kept = after([session("lamp", "bulb")])
    first = made(kept, told_of(FEED))
    assert snapshots.snapshot(kept, told_of(FEED, first), kept.until_ms) is None
    later = snapshots.counted(kept, [session("lamp", "bulb")], kept.until_ms + EPOCH_MS)
    assert snapshots.snapshot(later, told_of(FEED, first), later.until_ms) is None


def test_snapshots_are_few_however_many_visits_come() -> None:
    """With each half more, then once a day: eight busy days make some thirty records."""
    kept, count = SiteNeighbours(), 0
    for epoch in range(1, 8 * DAY_MS // EPOCH_MS):
        end_ms = DAY + epoch * EPOCH_MS
        kept = snapshots.counted(kept, [session("lamp", "bulb")] * 5, end_ms)
        if snapshots.has_grown(kept):
            count, kept.told, kept.told_ms = count + 1, kept.sessions, end_ms
    assert 15 <= count <= 40


def test_a_new_feed_keeps_its_neighbours_and_is_told_of_at_the_next_epoch() -> None:
    """What somebody publishes wins in everything that a feed says."""
    kept = after([session("lamp", "bulb")])
    first = made(kept, told_of(FEED))
    dearer = replace(FEED.products[1], price_micros=9_000_000)
    rest = (*FEED.products[:1], dearer)
    feed = replace(FEED, version=first.version + 1, products=rest, effective_at_ms=DAY + DAY_MS)
    feed = with_known(feed, first)
    assert [each.neighbours for each in feed.products] == [("lamp",), ("bulb",)]
    told = told_of(FEED, first, feed)
    assert told.newest == feed and snapshots.is_fed(kept, told)
    kept = snapshots.counted(kept, [session("lamp", "tent")], kept.until_ms + EPOCH_MS)
    assert snapshots.snapshot(kept, told, kept.until_ms) is None, "the feed has all of it"


def test_a_feed_that_a_snapshot_ran_into_comes_back() -> None:
    """Both were written in one second on the same version: learning tells the feed again.

    Planted: a snapshot of the newest record in force, instead of the newest feed, loses it.
    """
    kept = after([session("lamp", "bulb")])
    ran_into = made(kept, told_of(FEED), kept.until_ms)
    feed = replace(FEED, version=4, products=FEED.products[:2], effective_at_ms=kept.until_ms)
    told = told_of(FEED, feed, ran_into)
    assert told.newest == ran_into and told.feed == feed and snapshots.is_fed(kept, told)
    kept = snapshots.counted(kept, [], kept.until_ms + EPOCH_MS)
    found = made(kept, told)
    assert [each.id for each in found.products] == ["bulb", "lamp"]
    assert found.version > ran_into.version and found.feed_version == 4
    assert not snapshots.is_fed(kept, told_of(FEED, feed, ran_into, found))


def test_where_the_log_forgot_the_feed_its_snapshot_speaks_for_it() -> None:
    """Topics are compacted to one record a site."""
    kept = after([session("lamp", "bulb")])
    first = made(kept, told_of(FEED))
    assert not snapshots.is_fed(kept, told_of(first))
    kept = snapshots.counted(kept, [session("tent", "rope")] * 3, kept.until_ms + EPOCH_MS)
    found = made(kept, told_of(first))
    assert found.feed_version == 3 and found.products[3].neighbours == ("rope",)


def test_what_is_kept_is_bounded() -> None:
    """Products and partners by number, and therefore bytes."""
    wide = [
        session("lamp", *(f"{n:048d}" for n in range(at, at + 60))) for at in range(0, 9_000, 60)
    ]
    kept = after(wide)
    assert len(kept.ids) <= PRODUCTS_MAX
    assert max(len(each) for each in kept.shared) <= 2 * PARTNERS_MAX
    worst = SiteNeighbours(
        ids=["x" * 48] * PRODUCTS_MAX,
        own=[1 << 62] * PRODUCTS_MAX,
        shared=[[PRODUCTS_MAX, 1 << 62] * PARTNERS_MAX] * PRODUCTS_MAX,
    )
    assert len(site_neighbours.dump(worst)) <= 5 * 1024 * 1024


def test_what_nobody_looks_at_any_more_fades() -> None:
    """By half in 44 days; days without visits count, and in the end nothing is left."""
    kept = after([session("lamp", "bulb", weight=BOUGHT)])
    own = dict(zip(kept.ids, kept.own, strict=True))
    later = snapshots.counted(kept, [], kept.until_ms + 44 * DAY_MS)
    assert 0.48 <= later.own[0] / own["bulb"] <= 0.52
    daily = kept
    for day in range(1, 45):
        daily = snapshots.counted(daily, [], kept.until_ms + day * DAY_MS)
    assert abs(daily.own[0] - later.own[0]) <= 44
    assert snapshots.counted(kept, [], kept.until_ms + 900 * DAY_MS).ids == []
