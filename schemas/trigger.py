"""Trigger: a message outside the page, planned or withdrawn, for whatever sends it."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from schemas.ids import joined

MAIL, NO_SEND, UNMAILABLE, CANCEL = "mail", "no_send", "unmailable", "cancel"


class Trigger(Struct, frozen=True, kw_only=True):
    """One record of topic `triggers`; fields and units as in schemas/avro/trigger.avsc.

    A `cancel` bears the id of the `mail` that it withdraws. `no_send` is a visitor who is not sent
    anything so that the effect can be measured, `unmailable` one who cannot be.
    """

    trigger_id: str = ""
    kind: str = ""
    site: str = ""
    user_key: str = ""
    due_at_ms: int = 0
    campaign_id: str = ""
    reason: str = ""
    cause: str = ""
    rule: int = 0
    arm: str = ""
    timing: str = ""
    detected_at_ms: int = 0
    slot_id: str = ""
    fields: dict[str, str] = {}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Trigger:
        """From a decoded Avro record."""
        return cls(**record)

    def to_record(self) -> dict[str, Any]:
        """The Avro record."""
        return asdict(self)


def trigger_id(user_key: str, epoch_ms: int, burst: int) -> str:
    """The idempotency key: a burst of a profile has at most one message."""
    data = joined(user_key, str(epoch_ms), str(burst))
    return "t_" + blake2b(data, digest_size=16).hexdigest()
