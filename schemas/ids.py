"""Ids, keys and draws: every hash that names or chooses something, in one place.

Units are part of the types: `Micros` is a millionth of the site's currency, `Ppm` a millionth
of one, `EpochMs` milliseconds since 1970 (engine time unless a name says client).
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b, sha256
from hmac import new as new_hmac
from typing import NewType

SiteId = NewType("SiteId", str)
UserKey = NewType("UserKey", str)
SlotId = NewType("SlotId", str)
DecisionId = NewType("DecisionId", str)
CampaignId = NewType("CampaignId", str)
Micros = NewType("Micros", int)
Ppm = NewType("Ppm", int)
EpochMs = NewType("EpochMs", int)

MILLION = 1_000_000
HASHES_KEPT = 4096
TICK_KEY = UserKey("~tick")
SITE = re.compile(r"[a-z0-9-]{1,32}")
USER_KEY = re.compile(r"[a-z0-9-]{1,32}:[vpu]:[0-9a-f]{32,64}")
_SIZES = tuple(size.to_bytes(4, "big") for size in range(128))


def joined(*parts: str | bytes) -> bytes:
    """Length-prefixed concatenation, so that no two tuples of parts hash alike."""
    out = b""
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        size = len(data)
        out += (_SIZES[size] if size < len(_SIZES) else size.to_bytes(4, "big")) + data
    return out


def visitor_key(site: str, mint_secret: bytes, seed: str, *, lasting: bool) -> UserKey:
    """The key of an anonymous visitor: HMAC of the client's seed under the site's mint secret.

    The client supplies a seed and never a name, so a re-sent first post lands on the same
    visitor and nobody can choose a key. `lasting` is false without personalization consent.
    """
    digest = new_hmac(mint_secret, joined("visitor", site, seed), sha256).digest()
    return UserKey(f"{site}:{'v' if lasting else 'p'}:{digest[:16].hex()}")


def known_key(site: str, salt: bytes, known_id: str) -> UserKey:
    """The key of an identified user; the raw known id appears nowhere.

    Keyed by the site's salt, which is never rotated: a new signing secret must not make every
    known user a stranger.
    """
    digest = new_hmac(salt, joined("known", site, known_id), sha256).digest()
    return UserKey(f"{site}:u:{digest[:16].hex()}")


def identity_ref(site: str, salt: bytes, digest: str) -> str:
    """What the log keeps of a digest of an address: without the salt nobody can try addresses."""
    return new_hmac(salt, joined("identity", site, digest), sha256).hexdigest()


def slot_id(site: str, user_key: str, placement: str, kind: str, ref: str) -> SlotId:
    """Name of one decision slot. `ref` is an event_id, or `kind` + deadline ms for a deadline."""
    data = joined(site, user_key, placement, kind, ref)
    return SlotId("s_" + blake2b(data, digest_size=16).hexdigest())


def event_slot(site: str, user_key: str, placement: str, event_id: str) -> SlotId:
    """The slot an event asks for; gateways compute it to wait for its decision."""
    return slot_id(site, user_key, placement, "event", event_id)


def deadline_slot(site: str, user_key: str, placement: str, kind: str, deadline_ms: int) -> SlotId:
    """The slot a deadline asks for."""
    return slot_id(site, user_key, placement, kind, str(deadline_ms))


def decision_id(slot: str, versions: tuple[int, ...]) -> DecisionId:
    """Name of one decision: its slot under the versions in force (rules version included)."""
    data = joined(slot, _listed(versions))
    return DecisionId("d_" + blake2b(data, digest_size=16).hexdigest())


@lru_cache(256)
def _listed(versions: tuple[int, ...]) -> str:
    return ",".join(map(str, versions))


def draw_ppm(salt: bytes, purpose: str, *parts: str) -> int:
    """A draw in [0, 1,000,000) keyed by the site's secret salt, so that no client can grind it."""
    digest = blake2b(joined(purpose, *parts), key=salt[:64], digest_size=8).digest()
    return int.from_bytes(digest, "big") * MILLION >> 64


@lru_cache(HASHES_KEPT)
def short_hash(*parts: str) -> int:
    """A 48-bit hash for bounded sets in state; a tab's is asked for at each of its events."""
    return int.from_bytes(blake2b(joined(*parts), digest_size=6).digest(), "big")
