"""Control topics are read whole, and each published version is one more than the last."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import Producer

from connectors.avro import codec, register_all
from connectors.control import EFFECTIVE_AFTER_MS, ControlLog, ControlUnavailable, ControlWriter
from connectors.memory import MemoryRegistry
from schemas.campaign import Campaigns
from schemas.model import Model
from schemas.policy import Policy
from schemas.products import Products
from schemas.site import Site
from schemas.topics import CONTROL_TOPICS
from tests.builders import BEGINNING, campaign

pytestmark = pytest.mark.long

REGISTRY = MemoryRegistry()
register_all(REGISTRY)
NOBODY = "127.0.0.1:1"


@pytest.fixture(scope="module")
def brokers():
    """The address of a broker inside librdkafka, which speaks the real protocol."""
    owner = Producer({"bootstrap.servers": NOBODY, "test.mock.num.brokers": 1, "log_level": 0})
    for topic in CONTROL_TOPICS:
        owner.list_topics(topic, timeout=10)
    found = owner.list_topics(timeout=10).brokers.values()
    yield ",".join(f"{each.host}:{each.port}" for each in found)
    owner.flush(1)


@pytest.fixture
def writer(brokers):
    """A writer whose clock stands at BEGINNING."""
    return ControlWriter(brokers, REGISTRY, clock_ms=lambda: BEGINNING, wait_s=20.0)


def test_versions_grow_by_one_for_each_site(writer):
    """Two shops count apart, and what was written is what a reader finds newest."""
    first = writer.publish_site(Site(site="a", currency="EUR"))
    second = writer.publish_site(Site(site="a", currency="CHF"))
    other = writer.publish_site(Site(site="b"))
    assert [first.version, second.version, other.version] == [1, 2, 1]
    assert writer.newest("sites", "a") == second
    assert writer.newest("sites", "nobody") is None


def test_a_version_is_in_force_a_second_after_publishing(writer):
    """By then every reader has it, so that all decide under the same versions."""
    made = writer.publish_campaigns(Campaigns(site="a", campaigns=(campaign(),)))
    assert made.effective_at_ms == BEGINNING + EFFECTIVE_AFTER_MS


def test_a_large_model_fits(writer):
    """Four MiB of ONNX are one record."""
    made = writer.publish_model(Model(onnx=b"\x07" * (4 * 1024 * 1024)))
    assert writer.newest("models", "default") == made


def test_the_log_is_read_in_order_with_its_origin(writer, brokers):
    """Every record, with the place that a dead letter would name."""
    writer.publish_products(Products(site="a"))
    writer.publish_products(Products(site="a"))
    read = ControlLog(brokers, wait_s=20.0).read(("products",))
    decode = codec("products", REGISTRY).decode
    assert [decode(each.origin.value).version for each in read][-2:] == [1, 2]
    assert [each.origin.offset for each in read] == sorted(each.origin.offset for each in read)
    assert {each.topic for each in read} == {"products"}


def test_empty_topics_are_fine(brokers):
    """A job without a site in force decides `no_site`; it still starts."""
    assert ControlLog(brokers, wait_s=20.0).read(("policy",)) == []
    assert len(CONTROL_TOPICS) == 5


def test_poison_does_not_stop_the_next_version(writer, brokers):
    """An unreadable record is passed over."""
    writer.publish_policy(Policy(site="a"))
    producer = Producer({"bootstrap.servers": brokers, "log_level": 0})
    producer.produce("policy", key=b"a", value=b"garbage")
    producer.flush(10)
    assert writer.publish_policy(Policy(site="a")).version == 2


def test_a_missing_topic_is_named(brokers):
    """It may be on its way, so it is waited for; then it is an error, not an empty topic."""
    with pytest.raises(ControlUnavailable, match=r"topic absent on .*topic was created"):
        ControlLog(brokers, wait_s=1.0).read(("absent",))


def test_a_silent_broker_is_named_within_the_wait():
    """No endless wait: the message names broker and topic and what to check."""
    begun = time.monotonic()
    with pytest.raises(ControlUnavailable, match=rf"topic sites on {NOBODY}.*broker runs"):
        ControlLog(NOBODY, wait_s=1.0).read()
    assert time.monotonic() - begun < 10
