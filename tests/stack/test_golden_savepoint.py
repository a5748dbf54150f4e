"""Savepoints of every layout ever landed are restored by this build, with their log."""

from __future__ import annotations

import json
import shutil
import time
import uuid
from pathlib import Path

import pytest
from confluent_kafka import Producer

from connectors.avro import RegistryClient, codec
from connectors.topic_tail import Tailed, TopicTail
from infra.local.stack import Stack
from schemas.decision import Decision
from schemas.event import PROBE, Event
from schemas.topics import DECISIONS, EVENTS
from tests.stack.healing import await_that
from tests.stack.servers import Servers

GOLDEN = Path(__file__).parents[1] / "golden"
LAYOUTS = sorted(path.parent for path in GOLDEN.glob("layout_*/savepoint"))


def probe(stack: Stack, users: dict[str, dict]) -> dict[str, str]:
    """Ask every user for the counts; event id -> user key."""
    events = codec(EVENTS, RegistryClient(stack.state.endpoints["registry"]))
    producer = Producer(
        {
            "bootstrap.servers": stack.state.endpoints["brokers"],
            "partitioner": "murmur2_random",
        }
    )
    asked = {}
    for user in users:
        now, name = int(time.time() * 1000), str(uuid.uuid4())
        event = Event(
            event_id=name,
            internal=PROBE,
            site=user.split(":")[0],
            user_key=user,
            ts_ms=now,
            sent_at_ms=now,
            received_at_ms=now,
        )
        producer.produce(EVENTS, events.encode(event), user.encode(), timestamp=now)
        asked[name] = user
    assert producer.flush(30) == 0
    return asked


@pytest.mark.promise("D10")
@pytest.mark.parametrize("folder", LAYOUTS, ids=lambda folder: folder.name)
def test_a_golden_savepoint_is_restored(folder: Path, servers: Servers) -> None:
    """Every user's counts come back from the savepoint, and no event is read a second time."""
    users = json.loads((folder / "users.json").read_text())
    stack, _ = servers.holding(folder / "log")
    target = stack.layout.data / "flink" / "savepoints" / "golden"
    shutil.copytree(folder / "savepoint", target)
    where = stack.state.endpoints
    decisions = codec(DECISIONS, RegistryClient(where["registry"]))
    answers: list[Decision] = []

    def decoded(record: Tailed) -> None:
        answers.append(decisions.decode(record.value))

    tail = TopicTail(where["brokers"], DECISIONS, decoded).start()
    servers.decide()
    asked = probe(stack, users)
    await_that("probes", lambda: sum(a.reason == "probe" for a in answers) >= len(users), 60)
    tail.stop()
    probed = [each for each in answers if each.reason == "probe"]
    counts = {asked[each.trigger.event_id]: each.counts for each in probed}
    # Deadlines that were pending in the savepoint run now; no event is decided a second time.
    assert {each.trigger.kind for each in answers if each not in probed} <= {"dwell"}
    assert counts.keys() == users.keys()
    for user, known in users.items():
        for name in ("applied", "duplicate", "late", "dead_lettered"):
            assert getattr(counts[user], name) == known[name], user
