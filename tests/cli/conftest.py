"""What tests of commands share: a broker of the client library, and a command with --json."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Producer

from cli import main
from schemas.topics import CONTROL_TOPICS


@pytest.fixture
def brokers() -> Iterator[str]:
    """Addresses of a broker that speaks the real protocol and has the control topics."""
    owner = Producer(
        {"bootstrap.servers": "127.0.0.1:1", "test.mock.num.brokers": 1, "log_level": 0}
    )
    for topic in CONTROL_TOPICS:
        owner.list_topics(topic, timeout=10)
    found = owner.list_topics(timeout=10).brokers.values()
    yield ",".join(f"{each.host}:{each.port}" for each in found)
    owner.flush(1)


@pytest.fixture
def kairos(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any, str]]:
    """Run a command with --json: (exit code, its object, what it said on stderr)."""

    def run(*arguments: str) -> tuple[int, Any, str]:
        capsys.readouterr()
        code = main.main([*arguments, "--json"])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else None, err

    return run
