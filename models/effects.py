"""Effects as data: a stage returns them, only operators/ carries them out."""

from __future__ import annotations

from msgspec import Struct

from schemas.decision import Decision
from schemas.handoff import ProfileMerge
from schemas.trigger import Trigger


class Decide(Struct, frozen=True):
    """Write this decision to topic `decisions`, with the model's inputs where it is sampled."""

    decision: Decision
    inputs: bytes = b""


class Emit(Struct, frozen=True):
    """Write this trigger to topic `triggers`."""

    trigger: Trigger


class Merge(Struct, frozen=True):
    """Hand this profile to the user it is addressed to, through topic `profiles`."""

    record: ProfileMerge


class SetTimer(Struct, frozen=True):
    """Wake this user at an engine time; at most one timer a user is pending."""

    at_ms: int


class Forget(Struct, frozen=True):
    """Clear this user's state; unless `erase`, profiles on their way to this user still come."""

    erase: bool = False


class Reject(Struct, frozen=True):
    """Write the original record to topic `dead-letters`; `detail` names the field."""

    reason: str
    detail: str


class Lose(Struct, frozen=True):
    """Write the bytes of a profile that could not be taken in to topic `dead-letters`."""

    state: bytes
    at_ms: int
    detail: str


Effect = Decide | Emit | Merge | SetTimer | Forget | Reject | Lose
