"""The same log decided twice more, by other means: what the world's job did must come out again."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from connectors.avro import HEADER_BYTES
from connectors.routes import read_routed
from jobs.settings import GRACE_MS
from models import user
from models.effects import Forget
from operators.hop import Out
from operators.local import LocalJob
from schemas.chain import Chain, total
from schemas.ids import TICK_KEY
from schemas.profile import dump, load
from schemas.topics import DECISIONS, TRIGGERS
from tests.simulator.invariants import Checks, Violation, decoded, fingerprint, one_trigger
from tests.simulator.shop import hop_codecs

if TYPE_CHECKING:
    from tests.simulator.world import World


def check_replay(world: World, seed: int) -> None:
    """I4: from empty state, partitions interleaved otherwise, the watermark as late as chance has.

    The last watermark is the world's, so that the same deadlines have run.
    """
    chance = Random(seed)
    job = LocalJob(world.context(), hop_codecs(), "replayed")
    chain, triggers = Chain(), dict[tuple[str, str], bytes]()
    offsets = [0] * len(world.log.partitions)
    newest = [-1] * len(offsets)
    while behind := [p for p, end in enumerate(world.log.ends()) if offsets[p] < end]:
        partition = chance.choice(behind)
        for origin in world.log.read(partition, offsets[partition], chance.randint(1, 40)):
            offsets[partition] += 1
            newest[partition] = max(newest[partition], origin.timestamp_ms)
            _take(chain, triggers, job.record(origin))
        if min(newest) >= 0 and chance.random() < 0.3:
            _take(chain, triggers, job.advance(min(newest) - GRACE_MS - 1))
    _take(chain, triggers, job.advance(min(newest) - GRACE_MS - 1))
    ours, theirs = world.checks.chain.heads(), chain.heads()
    for key in sorted(ours.keys() | theirs.keys()):
        if ours.get(key) != theirs.get(key):
            raise Violation("I4 replayed", f"the chain of {key} differs when replayed")
    if triggers != world.checks.triggers:
        raise Violation("I4 replayed", "messages outside the page differ when replayed")
    ended = {key: fingerprint(data) for key, data in job.states.items()}
    if ended != {key: fingerprint(data) for key, data in world.job.local.states.items()}:
        raise Violation("I5 folded", "state at the end differs from the replay's")


def _take(chain: Chain, triggers: dict[tuple[str, str], bytes], out: Out) -> None:
    for key, payload in out:
        topic, _, frame = read_routed(payload)
        if topic == TRIGGERS:
            one_trigger(triggers, frame)
        if topic == DECISIONS:
            decision = hop_codecs().decisions.decode(frame)
            body = frame[HEADER_BYTES:]
            chain.add(key.encode(), decision.slot_id, decision.decision_id, body)


def check_fold(world: World) -> None:
    """I5: a plain fold by visitor, no hop, no timers, no watermark: the rules alone."""
    context, checks = world.context(), world.checks
    states: dict[str, bytes] = {}
    for records in world.log.partitions:
        for origin in records:
            key = (origin.key or b"").decode("utf-8", "replace")
            place = (origin.partition, origin.offset)
            if key == TICK_KEY or not world.is_user(key):
                continue
            if place in checks.letters:
                before = load(states.get(key))
                states[key] = dump(user.reject(before, origin.timestamp_ms, key, context)[0])
                _compare(checks, place, states[key])
                continue
            event = decoded(origin)
            assert event is not None, "an unreadable record became no dead letter"
            after, effects, _ = user.step(load(states.get(key)), event, key, context)
            if after is None or any(isinstance(each, Forget) for each in effects):
                states.pop(key, None)
            else:
                states[key] = dump(after)
            _compare(checks, place, states.get(key))


def _compare(checks: Checks, place: tuple[int, int], data: bytes | None) -> None:
    if checks.states.get(place) != fingerprint(data):
        raise Violation("I5 folded", f"state after {place} is no fold of the log")


def digest(world: World) -> str:
    """One number for all that a world decided."""
    return total(world.checks.chain.heads())
