"""9 Ledger: what attribution keeps of one decision key, as versioned bytes.

Magic and layout come first, so that a build which does not know a layout refuses it by name.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from schemas.outcome import Outcome

SLOTS_MAX = 48
"""Decisions of a key whose outcome is still open; one more closes the oldest at once."""

ORDERS_MAX, EARLY_MAX, CLOSED_MAX, NAMES_MAX = 16, 16, 64, 32
LEDGER_BYTES_MAX = 24 * 1024
MAGIC, LAYOUT = b"KL", 1
SILENT, NEGATIVE, POSITIVE = 0, 1, 2


class UnknownLedger(Exception):
    """State bytes of a layout that this build does not know."""


class Slot(Struct, array_like=True):
    """One decision that waits for its outcome; times are engine ms, 0 for never.

    `told` is SILENT until its reward is out, then NEGATIVE or POSITIVE. `values` are its concepts
    and scores in the order of the ledger's `names`, -1 where it has none. `charge_micros` is
    reserved while `charged`. `stand_in` is the campaign of the fallback that it carries. `counted`:
    learning was told of it when it was decided.
    """

    slot_id: str
    decision_id: str
    decided_ms: int
    closes_ms: int
    ends_ms: int
    campaign_id: str = ""
    placement: str = ""
    withheld: str = ""
    source: str = ""
    explored: bool = False
    propensity_ppm: int = 0
    policy_version: int = 0
    values: list[int] = []
    kind: str = ""
    margin_ppm: int = 0
    told: int = SILENT
    shown_ms: int = 0
    clicked_ms: int = 0
    dismissed_ms: int = 0
    converted_ms: int = 0
    converted_micros: int = 0
    lapses_ms: int = 0
    charge_micros: int = 0
    charged: bool = False
    stand_in: str = ""
    stand_in_placement: str = ""
    silent: bool = False
    counted: bool = False


class Ledger(Struct, array_like=True):
    """All that is open of one decision key; `closed` are hashes of slots and orders that are done.

    `early` are outcomes whose decision has not been read yet. `timer_ms` is the timer set last.
    """

    names: list[str] = []
    slots: list[Slot] = []
    orders: list[Outcome] = []
    early: list[Outcome] = []
    closed: list[int] = []
    timer_ms: int = 0
    forget_ms: int = 0


_decode = msgspec.msgpack.Decoder(Ledger).decode
_encode = msgspec.msgpack.Encoder().encode


def dump(ledger: Ledger) -> bytes:
    """The ledger's bytes. Raises ValueError beyond LEDGER_BYTES_MAX."""
    data = MAGIC + bytes((LAYOUT,)) + _encode(ledger)
    if len(data) > LEDGER_BYTES_MAX:
        raise ValueError(f"a ledger of {len(data)} bytes is larger than {LEDGER_BYTES_MAX}")
    return data


def load(data: bytes | None) -> Ledger:
    """The ledger in these bytes, a new one for None. Raises UnknownLedger."""
    if data is None:
        return Ledger()
    if data[:2] != MAGIC or data[2] != LAYOUT:
        raise UnknownLedger(f"a ledger begins with {data[:3].hex()}, this build reads layout 1")
    return _decode(data[3:])
