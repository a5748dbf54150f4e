"""The learning job's hops: rewards become policies, poison stops nothing, a login loses nothing."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from connectors.avro import codec, register_all
from connectors.memory import MemoryRegistry
from connectors.routes import Origin
from models import moments, snapshots
from operators.local_learning import LocalLearning
from schemas.campaign import Campaign, Campaigns
from schemas.decision import Candidate, Decision
from schemas.event import Event
from schemas.handoff import ProfileMerge
from schemas.ledger import SLOTS_MAX
from schemas.lesson import seal_of
from schemas.policy import Policy
from schemas.products import CatalogueProduct, Products
from schemas.site import Site

REGISTRY = MemoryRegistry()
register_all(REGISTRY)
NOW = 1_795_000_000_000
ANN, KNOWN = "demo:v:" + "a" * 32, "demo:u:" + "b" * 32
WINDOW, HORIZON = 10_000, 60_000
SITE = Site(site="demo", version=1, reward_window_ms=WINDOW, reward_horizon_ms=HORIZON)
OFFER = Campaign(id="OFFER", margin_micros=10_000_000, base_ppm=50_000)
CATALOGUE = Campaigns(site="demo", version=1, campaigns=(OFFER,))


def record(topic: str, value: Any, key: str, at_ms: int, offset: int = 0) -> tuple[str, Origin]:
    """A record as Kafka holds it."""
    return topic, Origin(0, offset, at_ms, key.encode(), codec(topic, REGISTRY).encode(value))


def decision(number: int, at_ms: int, user: str = ANN, **fields: Any) -> tuple[str, Origin]:
    known: dict[str, Any] = {
        "site": "demo",
        "user_key": user,
        "slot_id": f"s_{number}",
        "decision_id": f"d_{number}",
        "decided_at_ms": at_ms,
        "campaign_id": "OFFER",
        "propensity_ppm": 500_000,
        "candidates": (Candidate("OFFER", bid_micros=10_000_000, quality_ppm=50_000),),
        "charge_micros": 400_000,
        "expires_at_ms": at_ms + 5_000,
        "source": "model",
        "scores": {"purchase_intent": 400_000},
    }
    return record("decisions", Decision(**known | fields), user, at_ms + 5, number)


def event(type_: str, at_ms: int, user: str = ANN, **fields: Any) -> tuple[str, Origin]:
    made = Event(
        event_id=f"{type_}{at_ms}", type=type_, site="demo", user_key=user, received_at_ms=at_ms
    )
    return record("events", replace(made, **fields), user, at_ms)


def control(catalogue: Campaigns = CATALOGUE) -> list[tuple[str, Origin]]:
    return [record("sites", SITE, "demo", 0), record("campaigns", catalogue, "demo", 0)]


def job(*records: tuple[str, Origin], until_ms: int = NOW + 100_000) -> LocalLearning:
    made = LocalLearning(REGISTRY).fold([*control(), *records])
    made.advance(until_ms)
    return made


BOUGHT = event("purchase", NOW + 3_000, value_micros=50_000_000)


def test_an_order_is_published_within_three_seconds_of_engine_time() -> None:
    """At the end of its epoch, in force a second later, under a version that is that end."""
    made = job(decision(1, NOW), BOUGHT)
    first = next(each for each in made.policies if each.rewards)
    assert [each.rewards for each in made.policies[:2]] == [0, 1], "the decision was told at once"
    assert first.learned_until_ms == snapshots.epoch_end_ms(NOW + 3_000) == first.version
    assert first.effective_at_ms == first.version + 1_000
    assert first.effective_at_ms - (NOW + 3_000) <= 3_000
    assert seal_of(first.snapshot).rewards == 1 and first.rewards == 1


def test_after_the_horizon_no_key_holds_anything() -> None:
    """State and timers are gone."""
    made = job(decision(1, NOW), BOUGHT, until_ms=NOW + 5 * 3_600_000)
    assert made.open_keys() == 0 and made.timers == []


def test_a_purchase_after_a_login_finds_the_decision_before_it() -> None:
    """Whether the merge record is read before the order or after it."""
    merge = ProfileMerge(site="demo", user_key=KNOWN, from_key=ANN, handoff_at_ms=NOW + 1_000)
    order = event("purchase", NOW + 3_000, KNOWN, value_micros=50_000_000)
    for at_ms in (NOW + 1_005, NOW + 3_005):
        merged = record("profiles", merge, KNOWN, at_ms)
        (got,) = job(decision(1, NOW), merged, order).rewards
        assert (got.user_key, got.converted, got.reward_micros) == (ANN, True, 15_000_000)
    (without,) = job(decision(1, NOW), order).rewards
    assert not without.converted


def test_poison_is_told_once_and_stops_nothing() -> None:
    """Of decisions, whose letters nobody else writes; events are the decision job's to tell of."""
    poison = ("decisions", Origin(0, 9, NOW, ANN.encode(), b"\x00\x00\x00\x00\x01rubbish"))
    stranger = decision(2, NOW, user=KNOWN)
    stranger = (stranger[0], stranger[1]._replace(key=ANN.encode()))
    bad_event = ("events", Origin(0, 9, NOW, ANN.encode(), b"rubbish"))
    made = job(poison, stranger, bad_event, decision(1, NOW), BOUGHT)
    assert len(made.letters) == 2 and made.meter.counts["unreadable"] == 1
    assert [each.converted for each in made.rewards] == [True]


def test_decisions_that_a_busy_key_has_no_room_for_are_counted() -> None:
    """What no order can credit any more does not vanish unseen."""
    many = [decision(number, NOW + number) for number in range(SLOTS_MAX + 3)]
    assert job(*many).meter.counts["crowded_out"] == 3
    assert job(*many[:SLOTS_MAX]).meter.counts["crowded_out"] == 0


def test_what_is_held_keeps_its_qualities_and_goes_on_pacing() -> None:
    """A command's record: learning carries it over until it is released."""
    bounded = replace(OFFER, budget_micros_day=1_000_000_000, pacing="asap")
    made = LocalLearning(REGISTRY)
    made.mirror.told["policy"] = made._learn.published
    held = Policy(site="demo", version=NOW + 7, held=True, learned_until_ms=NOW)
    made._learn.published(held)
    catalogue = replace(CATALOGUE, campaigns=(bounded,))
    made.fold([*control(catalogue), decision(1, NOW), BOUGHT]).advance(NOW + 5_000)
    assert made.policies and all(each.held for each in made.policies)
    assert all(each.qualities == {} for each in made.policies)
    assert made.policies[-1].pacing_ppm == {"OFFER": 1_000_000}
    assert all(each.version > held.version for each in made.policies)


def test_an_epoch_that_the_topic_holds_already_is_not_published_again() -> None:
    """A restart that comes to the same end again; versions stay derived from it."""
    once = job(decision(1, NOW), BOUGHT, until_ms=NOW + 6_000)
    again = LocalLearning(REGISTRY)
    for each in once.policies:
        again._learn.published(each)
    again.fold([*control(), decision(1, NOW), BOUGHT]).advance(NOW + 6_000)
    assert once.policies and again.policies == []
    assert once.lesson("demo").seal == again.lesson("demo").seal


def test_same_log_same_snapshots_whatever_the_order_within_an_epoch() -> None:
    """Byte for byte."""
    log = [decision(n, NOW + n, f"demo:v:{n:032x}") for n in range(40)]
    log += [
        event("purchase", NOW + 900, f"demo:v:{n:032x}", value_micros=9_000_000, event_id=f"p{n}")
        for n in range(0, 40, 3)
    ]
    one, other = job(*log), job(*reversed(log))
    assert one.policies == other.policies and one.policies[-1].rewards > 10


@pytest.mark.parametrize("planted", ["lost", "doubled", "not corrected"])
def test_the_seal_tells_a_reward_lost_doubled_or_left_wrong(planted: str) -> None:
    """planted: one defect a row; an equal fold has an equal seal, in any order."""
    late = event("purchase", NOW + 3_000 + WINDOW, value_micros=50_000_000)
    rewards = job(decision(1, NOW), decision(2, NOW + 1), late).rewards
    seal = snapshots.sealed(rewards)
    assert seal == snapshots.sealed(list(reversed(rewards)))
    assert (seal.rewards, seal.corrections) == (2, 2)
    wrong = {"lost": rewards[1:], "doubled": [*rewards, rewards[0]], "not corrected": rewards[:-1]}
    assert snapshots.sealed(wrong[planted]).digest != seal.digest


def test_a_decision_counts_at_once_as_one_that_brought_nothing() -> None:
    """Before any outcome; the order then adds what that lacked, so both ends learn the same."""
    open_ = job(decision(1, NOW), until_ms=NOW + 2_000)
    assert open_.rewards == [] and open_.lesson("demo").seal.rewards == 0
    state = moments.load(open_.lesson("demo").learner)
    assert state.weight == 1.0 and not any(each.sums.any() for each in state.arms.values())
    paid = moments.load(job(decision(1, NOW), BOUGHT, until_ms=NOW + 10_000).lesson("demo").learner)
    assert paid.weight == 1.0 and any(each.sums.any() for each in paid.arms.values())


def test_an_order_earns_what_its_products_earn() -> None:
    """Those in force at its time, through the hops."""
    lamp = CatalogueProduct(id="lamp", price_micros=20_000_000, margin_micros=8_000_000)
    feed = record("products", Products(site="demo", version=1, products=(lamp,)), "demo", 0)
    told = {"value_micros": 50_000_000, "properties": {"items": "lamp*2"}}
    (got,) = job(feed, decision(1, NOW), event("purchase", NOW + 3_000, **told)).rewards
    assert got.reward_micros == 2 * 8_000_000 + 3_000_000
    (without,) = job(decision(1, NOW), event("purchase", NOW + 3_000, **told)).rewards
    assert without.reward_micros == 15_000_000
