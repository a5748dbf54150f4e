"""10 Lessons: what learning keeps of one site between two epochs, as versioned bytes.

Between the hops travel msgpack values behind one byte that says which: an outcome or order of a
user, a reward, the bills of a slot, the opening of one, or a session's baskets.
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec
from msgspec import Struct

from schemas.ids import joined
from schemas.reward import Reward

OUTCOME, REWARD, BILLS, OPENING, SESSION = b"\xfe", b"\xfd", b"\xfc", b"\xfb", b"\xfa"
"""First byte of what a hop sends on; a record from Kafka begins with its partition, below 0x80."""

MAGIC, LAYOUT = b"KS", 1


class Bill(Struct, array_like=True, frozen=True, gc=False):
    """What one slot means for one campaign's budget: micros charged, impressions, worth bid for.

    `decided_ms` is the engine time of its decision, which says on what day it counts.
    """

    campaign_id: str
    decided_ms: int
    micros: int = 0
    impressions: int = 0
    worth_micros: int = 0


class Account(Struct, array_like=True):
    """One campaign's sums in micros; `day` counts from 1970.

    `epochs` are (end ms, charged, worth), `multipliers` (published ms, ppm), the newest of both.
    """

    day: int = 0
    spent_day: int = 0
    spent: int = 0
    impressions: int = 0
    worth_max: int = 0
    epochs: list[tuple[int, int, int]] = []
    multipliers: list[tuple[int, int]] = []


class UnknownLesson(Exception):
    """State bytes of a layout that this build does not know."""


class Seal(Struct, array_like=True, frozen=True):
    """What was learned so far, whatever the order: slots, corrections, and a sum of hashes.

    `digest` sums 64-bit hashes of each slot's newest reward, so that two folds of one log agree in
    it if and only if they learned the same rewards. A policy carries it as its `snapshot`.
    """

    rewards: int = 0
    corrections: int = 0
    digest: int = 0

    def of(self, reward: Reward) -> Seal:
        """The seal with one more reward."""
        digest = self.digest + _hash(reward.slot_id, reward.converted, reward.reward_micros)
        if reward.correction:
            digest -= _hash(reward.slot_id, False, 0)
        return Seal(
            self.rewards + (not reward.correction),
            self.corrections + reward.correction,
            digest % (1 << 64),
        )


def _hash(slot_id: str, converted: bool, micros: int) -> int:
    data = joined(slot_id, str(int(converted)), str(micros))
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big")


class Lesson(Struct, array_like=True):
    """One site: the learner's own bytes, accounts by campaign, the epoch up to which it learned."""

    learner: bytes = b""
    accounts: dict[str, Account] = {}
    until_ms: int = 0
    seal: Seal = Seal()


_decode = msgspec.msgpack.Decoder(Lesson).decode
_encode = msgspec.msgpack.Encoder().encode
seal_of = msgspec.msgpack.Decoder(Seal).decode
seal_dump = _encode
bills_of = msgspec.msgpack.Decoder(list[Bill]).decode


def bills_dump(bills: list[Bill]) -> bytes:
    """The bills of a slot as bytes."""
    return _encode(bills)


def dump(lesson: Lesson) -> bytes:
    """As versioned bytes."""
    return MAGIC + bytes((LAYOUT,)) + _encode(lesson)


def load(data: bytes | None) -> Lesson:
    """From `dump`; a site never seen before for None. Raises UnknownLesson."""
    if data is None:
        return Lesson()
    if data[:2] != MAGIC or data[2] != LAYOUT:
        raise UnknownLesson(f"a lesson begins with {data[:3].hex()}, this build reads layout 1")
    return _decode(data[3:])
