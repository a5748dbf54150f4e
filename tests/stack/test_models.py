"""Models in the running job: what nobody trusted signed is refused aloud, and going back works."""

from __future__ import annotations

import json
import time

import pytest

from connectors.avro import RegistryClient, codec
from connectors.control import ControlWriter
from connectors.topic_tail import Tailed, TopicTail
from infra.local.stack import Stack
from infra.model import load
from schemas.dead_letter import DeadLetter
from schemas.decision import Decision
from schemas.topics import DEAD_LETTERS, DECISIONS
from tests.stack.conftest import Kairos
from tests.stack.healing import await_that
from tests.stack.test_golden_savepoint import probe

ASKED = {"demo:v:" + "7" * 32: {}}


def model_in_force(stack: Stack) -> int:
    """The version that a decision of now is taken under."""
    where = stack.state.endpoints
    reader = codec(DECISIONS, RegistryClient(where["registry"]))
    answers: list[Decision] = []

    def keep(record: Tailed) -> None:
        answers.append(reader.decode(record.value))

    tail = TopicTail(where["brokers"], DECISIONS, keep).start()
    (name,) = probe(stack, ASKED)

    def answered() -> list[int]:
        return [each.versions.model for each in answers if each.trigger.event_id == name]

    await_that("the probe", lambda: bool(answered()), 30)
    tail.stop()
    return answered()[0]


@pytest.mark.promise("M29")
def test_an_unsigned_model_is_refused_and_the_one_before_stays(
    stack: Stack, kairos: Kairos
) -> None:
    """A dead letter with its bytes; a rollback by the stack's own key is taken."""
    where = stack.state.endpoints
    registry = RegistryClient(where["registry"])
    writer = ControlWriter(where["brokers"], registry)
    letters: list[DeadLetter] = []
    reader = codec(DEAD_LETTERS, registry)

    def keep(record: Tailed) -> None:
        letters.append(reader.decode(record.value))

    before = model_in_force(stack)
    tail = TopicTail(where["brokers"], DEAD_LETTERS, keep).start()
    forged = writer.publish_model(load())
    await_that("the dead letter", lambda: any(e.reason == "model_refused" for e in letters), 30)
    tail.stop()
    (letter,) = [each for each in letters if each.reason == "model_refused"]
    assert letter.origin_topic == "models" and "not signed" in letter.detail
    assert codec("models", registry).decode(letter.value) == forged
    await_that("its time", lambda: time.time() * 1000 > forged.effective_at_ms, 10)
    assert model_in_force(stack) == before < forged.version
    done = kairos("model", "rollback", str(before), "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["effective_at_ms"] > forged.effective_at_ms
    await_that("the older model", lambda: model_in_force(stack) == made["version"], 30)
