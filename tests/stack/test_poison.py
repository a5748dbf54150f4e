"""Poison: at the gateway a precise 4xx, in the topic a dead letter with the original bytes."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib import error, request

import pytest
from confluent_kafka import Producer

from connectors.avro import RegistryClient, codec
from connectors.topic_tail import TopicTail
from infra.local.layout import CHECKOUT
from infra.local.stack import Stack
from schemas.topics import DEAD_LETTERS, EVENTS
from tests import checks
from tests.stack.healing import await_that
from tests.stack.planted import code_with
from tests.stack.poison import RECORDS, REQUESTS, Bench, good_event

PER_CLASS = 20
SEED = 20


def restarts(stack: Stack) -> float:
    """Job restarts so far, from the JobManager's own metrics."""
    port = stack.state.ports["prometheus_jobmanager"]
    with request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found = re.findall(r"_job_numRestarts\{[^}]*\} ([0-9.eE+]+)", text)
    assert found, "the JobManager reports no restarts at all: nothing could be seen"
    return sum(map(float, found))


def test_poison_in_the_topic_ends_in_dead_letters_with_its_bytes(stack: Stack) -> None:
    """Twenty a class: dead letters by (partition, offset) = injected, no job restart."""
    registry = RegistryClient(stack.state.endpoints["registry"])
    events, letters = codec(EVENTS, registry), codec(DEAD_LETTERS, registry)
    brokers = stack.state.endpoints["brokers"]
    before = restarts(stack)
    seen: list = []
    tail = TopicTail(brokers, DEAD_LETTERS, seen.append).start()
    injected: dict[tuple[int, int], tuple[str, bytes | None, bytes | None]] = {}
    producer = Producer(
        {
            "bootstrap.servers": brokers,
            "partitioner": "murmur2_random",
            "message.max.bytes": 300_000,
            # The topic's limit holds for a batch: one record near it leaves room for no other.
            "batch.num.messages": 1,
            "log_level": 0,
        }
    )
    rng = random.Random(SEED)
    for number in range(PER_CLASS):
        for name, make in RECORDS.items():
            record = make(Bench(rng, events, good_event(number)))

            def written(failed, message, name=name, record=record) -> None:
                assert failed is None, f"{name}: {failed}"
                injected[message.partition(), message.offset()] = (name, record.key, record.value)

            producer.produce(
                EVENTS, record.value, record.key, timestamp=record.timestamp_ms, callback=written
            )
        producer.poll(0)
    assert producer.flush(60) == 0
    await_that("dead letters", lambda: len(seen) >= len(injected), 60)
    tail.stop()
    found = {}
    for each in seen:
        letter = letters.decode(each.value)
        found[letter.origin_partition, letter.origin_offset] = letter
    assert {letter.origin_topic for letter in found.values()} == {EVENTS}
    assert checks.poison(injected, found, restarts(stack) - before) == []


@pytest.mark.parametrize(
    ("defect", "says"),
    [
        ("", 0),
        ("dead letter dropped", len(RECORDS)),
        ("exception on a bad record", len(RECORDS) + 1),
    ],
)
def test_poison_that_is_lost_is_seen(
    defect: str, says: int, code: Path, env: Mapping[str, str], tmp_path: Path
) -> None:
    """planted: dead letter dropped, exception on a bad record; really run, without an engine."""
    broken = code_with(code, tmp_path, *([defect] if defect else []))
    path = os.pathsep.join([str(broken), str(CHECKOUT)])
    done = subprocess.run(
        [sys.executable, "-m", "tests.stack.poison_local"],
        cwd=broken,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        check=True,
    )
    assert len(json.loads(done.stdout)) == says, done.stdout


def post(stack: Stack, body: bytes) -> tuple[int, dict]:
    """Status and answer of one request."""
    address = stack.state.endpoints["gateway"] + "/v1/events"
    asked = request.Request(address, body, {"Content-Type": "application/json"})
    try:
        with request.urlopen(asked, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except error.HTTPError as refused:
        return refused.code, json.loads(refused.read())


@pytest.mark.parametrize("name", REQUESTS)
def test_rubbish_at_the_gateway_gets_a_precise_4xx(name: str, stack: Stack) -> None:
    """Twenty instances a class: a 4xx that says what is wrong, never a 5xx."""
    rng = random.Random(f"{SEED}-{name}")
    for _ in range(PER_CLASS):
        status, answer = post(stack, REQUESTS[name](rng))
        assert checks.refusal(status, answer) == [], answer
