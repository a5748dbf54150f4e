"""The SHA-256 chain of each key over its decisions: two runs of one log agree, or they do not."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from schemas.ids import joined

START = bytes(32)
"""What the first link of every key continues."""


class Chain:
    """Links h = SHA256(h | key | body) over the first record of each slot, in log order.

    `body` is the Avro body without its registry frame, so that ids given by another registry
    change nothing. A later record of a slot is counted in `superseded`; one that carries the same
    decision_id with another body is a fault, kept in `conflicts` by its slot_id.
    """

    def __init__(self) -> None:
        self.superseded = 0
        self.conflicts: list[str] = []
        self._heads: dict[str, bytes] = {}
        self._slots: dict[str, tuple[str, bytes]] = {}

    def add(self, key: bytes, slot_id: str, decision_id: str, body: bytes) -> bool:
        """Link one record; False when its slot was decided before."""
        digest = sha256(body).digest()
        seen = self._slots.get(slot_id)
        if seen is not None:
            self.superseded += 1
            if seen[0] == decision_id and seen[1] != digest:
                self.conflicts.append(slot_id)
            return False
        self._slots[slot_id] = (decision_id, digest)
        name = key.decode("utf-8", "backslashreplace")
        head = self._heads.get(name, START)
        self._heads[name] = sha256(head + key + body).digest()
        return True

    def heads(self) -> dict[str, str]:
        """Key -> hex digest of its last link, in the order of keys."""
        return {name: self._heads[name].hex() for name in sorted(self._heads)}


def total(heads: Mapping[str, str]) -> str:
    """One digest over all keys' heads, in the order of keys: what two runs compare first."""
    links = (joined(name, heads[name]) for name in sorted(heads))
    return sha256(b"".join(links)).hexdigest()
