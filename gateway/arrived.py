"""A record of topic `decisions` as a gateway reads it: the decision, and its stage times."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from connectors.avro import HEADER_BYTES
from gateway.tail import Record
from schemas.decision import Decision
from schemas.topics import SILENT

LEDGER = "kairos.ledger"
SLOT_AT = slice(HEADER_BYTES + 1, HEADER_BYTES + 35)
BEGINS_AT, SLOT_BEGINS = slice(HEADER_BYTES, HEADER_BYTES + 3), b"\x44s_"
"""A decision's first field is its slot: one byte of length, then 34 of name."""


class Arrived(Struct, frozen=True):
    """A decision with the stage times that travelled beside it."""

    decision: Decision
    ledger: dict[str, Any]


def slot_in(record: Record) -> str:
    """The slot of a record that is not decoded; empty where it does not begin with one."""
    value = record.value or b""
    if value[BEGINS_AT] != SLOT_BEGINS:
        return ""
    return value[SLOT_AT].decode("ascii", "replace")


def is_silent(record: Record) -> bool:
    """Whether it says that it shows and withdraws nothing."""
    return record.headers.get(SILENT) == b"1"


def ledger_of(record: Record) -> dict[str, Any]:
    """Stage times, or none where the header is missing or no JSON object."""
    try:
        return msgspec.json.decode(record.headers.get(LEDGER) or b"{}", type=dict[str, Any])
    except msgspec.DecodeError:
        return {}
