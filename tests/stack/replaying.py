"""A replay of recorded visitors that runs beside a test, and what it told at its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from infra.local.layout import CHECKOUT
from infra.local.stack import Stack
from schemas.topics import DECISIONS
from tests.stack.healing import await_that, job

DECIDED_BEFORE = 100
DECIDED_AGAIN_MIN = 20


def recorded() -> str:
    """The folder of recorded visitors; a run without it must not pass."""
    path = Path(os.environ.get("KAIROS_DATA", CHECKOUT.parent / "shared" / "data"))
    assert path.is_dir(), f"KAIROS_DATA: no recorded visitors at {path}; name their folder"
    return str(path.resolve())


def end_offset(stack: Stack, topic: str) -> int:
    """Records ever written to a topic, over its partitions."""
    consumer = Consumer(
        {"bootstrap.servers": stack.state.endpoints["brokers"], "group.id": "test-ends"}
    )
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        places = [TopicPartition(topic, number) for number in partitions]
        return sum(int(consumer.get_watermark_offsets(each, timeout=10)[1]) for each in places)
    finally:
        consumer.close()


def between_checkpoints(stack: Stack) -> None:
    """Wait until a crash has something to decide again: a checkpoint, and decisions after it."""
    await_decisions(stack, DECIDED_BEFORE)
    done = stack.rest.completed_checkpoints(job(stack))
    await_that("checkpoint", lambda: stack.rest.completed_checkpoints(job(stack)) > done, 60)
    await_decisions(stack, DECIDED_AGAIN_MIN)


def await_decisions(stack: Stack, count: int) -> None:
    """Wait until so many more decisions were written."""
    end = end_offset(stack, DECISIONS) + count
    await_that(f"{count} decisions", lambda: end_offset(stack, DECISIONS) >= end, 60)


def replayed(
    env: Mapping[str, str], *options: str, meanwhile: Callable[[], None] = lambda: None
) -> dict:
    """The result of `kairos replay` with these options, while `meanwhile` goes on."""
    argv = [sys.executable, "-m", "cli.main", "replay", recorded(), *options, "--json"]
    process = subprocess.Popen(
        argv, cwd=CHECKOUT, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        meanwhile()
        out, told = process.communicate(timeout=300)
    finally:
        process.kill()
        process.wait()
    assert out, told.decode(errors="replace")
    return dict(json.loads(out))
