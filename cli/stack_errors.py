"""Failures of the local stack as one sentence: what refused, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cli.output import CommandError
from infra.local.builds import BuildBroken
from infra.local.flink_rest import FlinkError
from infra.local.lock import StackBusy
from infra.local.ports import PortTaken
from infra.local.preflight import Refused
from infra.local.process import ProcessFailed
from infra.local.rollout import RolloutFailed
from infra.local.submission import SubmissionFailed
from infra.local.topics import TopicsError
from infra.local.valkey import ValkeyMissing

KNOWN = (
    BuildBroken,
    FlinkError,
    PortTaken,
    ProcessFailed,
    Refused,
    RolloutFailed,
    StackBusy,
    SubmissionFailed,
    TopicsError,
    ValkeyMissing,
)


@contextmanager
def told() -> Iterator[None]:
    """Turns the known failures into CommandError; any other is a bug and stays one."""
    try:
        yield
    except KNOWN as error:
        raise CommandError(str(error)) from error
