"""10 Crowd: no visitor teaches more than a small part, however often they come.

1. Visitors fall by hash into BUCKETS; each bucket holds the weight that its visitors have taught,
   discounted as the learner discounts.
2. A reward of a bucket that already holds more than ALLOWANCE rewards and SHARE times the mean
   bucket teaches nothing; any other teaches in full.

So a visitor holds at most ALLOWANCE, or SHARE / BUCKETS of all weight, whichever is more, and one
reward: the memory is fixed, and whoever shares a bucket with a robot is not heard for a while.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

from numpy import float64
from numpy.typing import NDArray

from schemas.ids import HASHES_KEPT

BUCKETS = 1_024
ALLOWANCE = 20.0
SHARE = 4.0

Held = NDArray[float64]


@lru_cache(HASHES_KEPT)
def bucket_of(user_key: str) -> int:
    """The bucket of a visitor."""
    digest = blake2b(user_key.encode(), digest_size=4, person=b"kairos.crowd").digest()
    return int.from_bytes(digest, "big") % BUCKETS


def heard(held: Held, user_key: str, total: float) -> bool:
    """Whether one more reward of this visitor teaches, where the crowd has taught `total`."""
    return float(held[bucket_of(user_key)]) < max(ALLOWANCE, SHARE * total / BUCKETS)
