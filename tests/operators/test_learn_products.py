"""What goes with what, through the hops of the learning job: bytes, restarts, state that ends."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from connectors.avro import codec
from connectors.routes import Origin
from models import product_snapshots
from models.aliases import HELD_MS, KEPT_MS
from models.baskets import GAP_MS
from models.product_snapshots import EPOCH_MS
from operators.local_learning import LocalLearning
from schemas.event import Product
from schemas.handoff import ProfileMerge
from schemas.products import CatalogueProduct, Products
from tests.operators.test_learning import ANN, KNOWN, NOW, REGISTRY, control, event, record

BOB = "demo:v:" + "c" * 32
FEED = Products(
    site="demo",
    version=1,
    products=tuple(CatalogueProduct(id=name, title=name) for name in ("bulb", "lamp", "tent")),
)


def looked(product: str, at_ms: int, user: str = ANN, **more: Any) -> tuple[str, Origin]:
    return event("product_view", at_ms, user, product=Product(product), session_id="s1", **more)


VISITS = (looked("lamp", NOW), looked("bulb", NOW + 1_000), looked("tent", NOW + 2_000, BOB))
OVER_MS = NOW + 2_000 + GAP_MS + 2 * EPOCH_MS


def job(*records: tuple[str, Origin], feed: Products | None = FEED) -> LocalLearning:
    given = [] if feed is None else [record("products", feed, "demo", 0)]
    made = LocalLearning(REGISTRY).fold([*control(), *given, *records])
    made.advance(OVER_MS)
    return made


def test_sessions_become_a_snapshot_at_a_multiple_of_engine_time() -> None:
    """Once they are over; nobody's decision is needed for it."""
    made = job(*VISITS)
    (found,) = made.products
    assert (
        found.learned_until_ms
        == found.version
        == product_snapshots.epoch_end_ms(NOW + 1_000 + GAP_MS)
    )
    assert {each.id: each.neighbours for each in found.products} == {
        "bulb": ("lamp",), "lamp": ("bulb",), "tent": ()
    }  # fmt: skip
    assert made.policies == [] and made.letters == [] and made.meter.counts["sessions"] == 2


def test_without_a_feed_there_is_nothing_to_add_to() -> None:
    """Visits are counted all the same, and told of once products are there."""
    made = job(*VISITS, feed=None)
    assert made.products == [] and made.meter.counts["sessions"] == 2


def test_same_log_same_snapshot_bytes_whoever_came_first() -> None:
    """Two visitors' events in either order of the partitions."""
    encode = codec("products", REGISTRY).encode
    one = [encode(each) for each in job(*VISITS).products]
    assert one == [encode(each) for each in job(*reversed(VISITS)).products] != []


def test_a_restart_that_comes_to_the_same_end_publishes_nothing_again() -> None:
    """What the topic holds stands."""
    (found,) = job(*VISITS).products
    again = LocalLearning(REGISTRY)
    again.mirror.take("products", record("products", FEED, "demo", 0)[1])
    again.mirror.take("products", record("products", found, "demo", 0, offset=1)[1])
    again.fold([*control(), *VISITS]).advance(OVER_MS)
    assert again.products == [] and again.meter.counts["sessions"] == 2


def test_the_baskets_of_a_user_end_with_the_session_or_the_user() -> None:
    """State and timers are gone; an erased user's look says nothing."""
    made = job(*VISITS)
    assert made._visits.kept == {} and made.timers == []
    gone = event("", NOW + 1_500, internal="erase", event_id="gone")
    erased = job(*VISITS, gone)
    assert erased.meter.counts["sessions"] == 1 and erased._visits.kept == {}


def test_a_known_user_who_never_comes_back_is_forgotten() -> None:
    """A week after the login, an hour after the last order; nothing is left to wake.

    Planted: without the timer the keys stay until the user is erased.
    """
    merge = ProfileMerge(site="demo", user_key=KNOWN, from_key=ANN, handoff_at_ms=NOW)
    order = event("purchase", NOW + 1_000, KNOWN, value_micros=1)
    made = LocalLearning(REGISTRY)
    made.fold([*control(), record("profiles", merge, KNOWN, NOW + 5), order])
    made.advance(NOW + 1_000 + KEPT_MS - 1)
    kept = len(made._people.kept[KNOWN])
    made.advance(NOW + 1_000 + KEPT_MS)
    assert 0 < len(made._people.kept[KNOWN]) < kept, "orders wait an hour"
    made.advance(NOW + HELD_MS - 1)
    assert KNOWN in made._people.kept
    made.advance(NOW + HELD_MS + KEPT_MS)
    assert made._people.kept == {} and made.timers == []


def test_a_snapshot_that_the_topic_would_not_take_is_told_and_not_written(monkeypatch) -> None:
    """A record larger than the topic's limit would stop the sink, and the job with it."""
    monkeypatch.setattr("operators.learn_products.RECORD_BYTES_MAX", 10)
    made = job(*VISITS)
    assert made.products == [] and made.meter.counts["products_too_large"] >= 1


def test_the_feed_of_the_moment_wins() -> None:
    """Products that went out of the feed go out of the snapshot."""
    (found,) = job(*VISITS, feed=replace(FEED, products=FEED.products[:2])).products
    assert [each.id for each in found.products] == ["bulb", "lamp"]
    assert job(*VISITS, feed=replace(FEED, products=FEED.products[1:])).products == []
