"""Records of the write-ahead log as bytes: u32 length | u32 crc32c | u64 seq | payload.

Integers are little-endian; the checksum covers seq and payload. Reading never believes a length
or a seq that its checksum does not confirm: what is between two good records is Damage.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from typing import NamedTuple

from google_crc32c import extend, value

_HEAD, _SEQ = struct.Struct("<IIQ"), struct.Struct("<Q")
HEAD_BYTES = _HEAD.size
PAYLOAD_BYTES_MAX = 256 * 1024
RECORD_BYTES_MAX = HEAD_BYTES + PAYLOAD_BYTES_MAX
FIXED_BYTES = 5
"""High bytes of a seq that a search holds on to; one segment has far fewer than 2**24 records."""


class Record(NamedTuple):
    """A record whose checksum holds; `end` is the offset behind it."""

    seq: int
    payload: bytes
    end: int


class Damage(NamedTuple):
    """A stretch without a good record, and how many seqs are missing there.

    `lost` is 0 at the end of the data, where nobody knows how many there were.
    """

    offset: int
    size: int
    seq: int
    lost: int


Found = Record | Damage


def encode(seq: int, payload: bytes) -> bytes:
    """One record."""
    assert len(payload) <= PAYLOAD_BYTES_MAX, "a body of 64 KiB makes no such payload"
    packed = _SEQ.pack(seq)
    return b"".join((_HEAD.pack(len(payload), extend(value(packed), payload), seq), payload))


def encode_all(seq: int, payloads: Iterable[bytes]) -> bytes:
    """Records with seqs from `seq` on, as one piece."""
    return b"".join([encode(number, payload) for number, payload in enumerate(payloads, seq)])


def record_at(data: bytes, at: int) -> Record | None:
    """The good record that begins at this offset, None if there is none."""
    if len(data) - at < HEAD_BYTES:
        return None
    size, crc, seq = _HEAD.unpack_from(data, at)
    end = at + HEAD_BYTES + size
    if size > PAYLOAD_BYTES_MAX or end > len(data):
        return None
    payload = data[at + HEAD_BYTES : end]
    return Record(seq, payload, end) if extend(value(_SEQ.pack(seq)), payload) == crc else None


def scan(data: bytes, seq: int, *, whole: bool = True) -> tuple[list[Found], int]:
    """What the data holds, whose first record should be `seq`; and the offset up to which.

    Data that is not `whole` ends anywhere: a record that may go on behind it is left for later.
    """
    found: list[Found] = []
    at = 0
    while at < len(data):
        record = record_at(data, at)
        if record is None or record.seq < seq:
            if not whole and _may_go_on(data, at):
                break
            record = next_record(data, at + 1, seq)
            if record is None and not whole:
                break
            begins = len(data) if record is None else record.end - HEAD_BYTES - len(record.payload)
            found.append(Damage(at, begins - at, seq, 0 if record is None else record.seq - seq))
        elif record.seq > seq:
            found.append(Damage(at, 0, seq, record.seq - seq))
        if record is None:
            return found, len(data)
        found.append(record)
        seq, at = record.seq + 1, record.end
    return found, at


def next_record(data: bytes, at: int, seq: int) -> Record | None:
    """The first good record from this offset on whose seq is `seq` or later."""
    for match in _candidates(seq).finditer(data, at):
        record = record_at(data, match.start())
        if record is not None and record.seq >= seq:
            return record
    return None


def _may_go_on(data: bytes, at: int) -> bool:
    """Whether what begins here could be a record that the data cuts off."""
    if len(data) - at < HEAD_BYTES:
        return True
    size: int = _HEAD.unpack_from(data, at)[0]
    return size <= PAYLOAD_BYTES_MAX and at + HEAD_BYTES + size > len(data)


def _candidates(seq: int) -> re.Pattern[bytes]:
    """Places that look like the head of a record near `seq`; zeroed stretches are no such places.

    A length has at most three bytes that are not zero, and a seq shares its high bytes with its
    neighbours, or is just past where they change.
    """
    low = 8 * (8 - FIXED_BYTES)
    highs = {_SEQ.pack(((seq >> low) + more) << low)[-FIXED_BYTES:] for more in (0, 1)}
    fixed = b"|".join(re.escape(each) for each in sorted(highs))
    return re.compile(rb"(?=(?!\0{16})..[\0-\4]\0.{7}(?:" + fixed + rb"))", re.DOTALL)
