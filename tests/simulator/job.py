"""The job: the real hop over the log in memory, with checkpoints, crashes and a late watermark.

A checkpoint is what Flink's would be: state bytes, timers and offsets. Neither the watermark nor
the control records are in it: the one starts anew, the others are read again before the first
record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.routes import Origin, read_routed
from gateway.tail import Record
from jobs.settings import GRACE_MS
from operators.hop import Out
from operators.local import LocalJob
from schemas.topics import DECISIONS
from tests.simulator.log import PARTITIONS
from tests.simulator.shop import empty_context, hop_codecs

if TYPE_CHECKING:
    from tests.simulator.world import World

CHECKPOINT_MS = 1_000
RESTART_MS_MAX = 1_000
POLL_MAX = 12
CRASHES_MAX = 8
"""A job that dies faster than it can take a checkpoint gets nowhere; that world never ends."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What survives a crash."""

    states: dict[str, bytes]
    timers: list[tuple[int, str]]
    offsets: list[int]


class Job:
    """Reads `events` from its offsets on and writes `decisions`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.decisions: list[Record] = []
        self.crashes = 0
        self._checkpoints = [Checkpoint({}, [], [0] * PARTITIONS)]
        self._awake = False
        self.up = False
        self._restore(self._checkpoints[-1])

    def _restore(self, checkpoint: Checkpoint) -> None:
        context = empty_context()
        for topic, record in self.world.control:
            self.world.take_control(context, topic, record)
        self.local = LocalJob(context, hop_codecs(), "simulated")
        self.local.states = dict(checkpoint.states)
        self.local.timers = list(checkpoint.timers)
        self.offsets = list(checkpoint.offsets)
        self._newest = [-1] * PARTITIONS
        self._checkpoint_ms = self.world.scheduler.now_ms
        self.up = True
        self.wake()

    def lag(self) -> int:
        """Records that wait to be read."""
        ends = self.world.log.ends()
        return sum(end - at for end, at in zip(ends, self.offsets, strict=True))

    def wake(self) -> None:
        """There may be something to read."""
        if self._awake or not self.up:
            return
        self._awake = True
        stalled = self.world.faults.hit("job.stall")
        delay_ms = self.world.scheduler.between(1, 2_000 if stalled else 8)
        self.world.scheduler.later(delay_ms, self._poll, idle=True)

    def _poll(self) -> None:
        """Some records of one partition, then perhaps the watermark, then perhaps a crash."""
        self._awake = False
        if not self.up:
            return
        faults, scheduler = self.world.faults, self.world.scheduler
        behind = [
            p for p in range(PARTITIONS) if self.offsets[p] < len(self.world.log.partitions[p])
        ]
        if not behind:
            return
        partition = scheduler.chance.choice(behind)
        limit = scheduler.between(1, POLL_MAX)
        for origin in self.world.log.read(partition, self.offsets[partition], limit):
            if self._dies("job.crash_between"):
                return
            self._read(origin)
        if not faults.hit("job.watermark_held"):
            self._advance()
        if self._dies("job.crash"):
            return
        if scheduler.now_ms - self._checkpoint_ms >= CHECKPOINT_MS:
            self._checkpoint()
        self.wake()

    def _read(self, origin: Origin) -> None:
        self.offsets[origin.partition] += 1
        self._newest[origin.partition] = max(self._newest[origin.partition], origin.timestamp_ms)
        out = self.local.record(origin)
        self._emit(out)
        self.world.checks.applied(origin, out, self.local)

    def _advance(self) -> None:
        newest = min(self._newest)
        if newest < 0:
            return
        watermark_ms = newest - GRACE_MS - 1
        out = self.local.advance(watermark_ms)
        self._emit(out)
        self.world.checks.timed(out, self.local)

    def catch_up(self) -> None:
        """The watermark follows at once: nothing is held back any more."""
        self._advance()

    def _emit(self, out: Out) -> None:
        found = False
        for key, payload in out:
            topic, headers, frame = read_routed(payload)
            if topic == DECISIONS:
                self.decisions.append(Record(key.encode(), frame, headers))
                found = True
        if found:
            self.world.tell_gateways()

    def _checkpoint(self) -> None:
        self._checkpoint_ms = self.world.scheduler.now_ms
        made = Checkpoint(dict(self.local.states), list(self.local.timers), list(self.offsets))
        self._checkpoints = [*self._checkpoints, made][-2:]

    def _dies(self, fault: str) -> bool:
        """Die now, restart a little later from the last checkpoint or the one before."""
        if self.crashes == CRASHES_MAX or not self.world.faults.hit(fault):
            return False
        self.crashes += 1
        self.up = False
        if len(self._checkpoints) > 1 and self.world.faults.hit("checkpoint.lost"):
            self._checkpoints.pop()
        checkpoint = self._checkpoints[-1]
        self.world.scheduler.say(f"job dies at {self.offsets}, goes on from {checkpoint.offsets}")
        delay_ms = self.world.scheduler.between(50, RESTART_MS_MAX)
        self.world.scheduler.later(delay_ms, lambda: self._restore(checkpoint))
        return True
