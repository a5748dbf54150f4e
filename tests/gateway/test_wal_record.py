"""The bytes of the write-ahead log: whatever is torn or flipped is found, nothing else is lost."""

from __future__ import annotations

from itertools import takewhile
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.wal_record import HEAD_BYTES, Damage, Record, encode, encode_all, record_at, scan

PAYLOADS = st.lists(st.binary(max_size=60), min_size=1, max_size=12)
SEQS = st.sampled_from((1, 255, 2**16 - 3, 2**24 - 4, 2**40))


def records(found: list[Record | Damage]) -> list[tuple[int, bytes]]:
    return [(each.seq, each.payload) for each in found if isinstance(each, Record)]


def damage(found: list[Record | Damage]) -> list[Damage]:
    return [each for each in found if isinstance(each, Damage)]


def crc32c(data: bytes) -> int:
    """The checksum bit by bit, from its published polynomial."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def test_a_record_is_what_it_is_said_to_be() -> None:
    """Length, checksum over seq and payload, seq, payload; integers little-endian."""
    tail = bytes.fromhex("0100000000000000") + b"abc"
    made = encode(1, b"abc")
    assert made == bytes.fromhex("03000000") + crc32c(tail).to_bytes(4, "little") + tail
    assert record_at(made, 0) == Record(1, b"abc", 19) and crc32c(b"123456789") == 0xE3069283


@given(PAYLOADS, SEQS)
def test_what_was_written_is_read(payloads: list[bytes], first: int) -> None:
    data = encode_all(first, payloads)
    found, used = scan(data, first)
    assert records(found) == list(enumerate(payloads, first)) and used == len(data)
    assert damage(found) == []


@settings(max_examples=300)
@given(PAYLOADS, SEQS, st.data())
def test_a_torn_tail_costs_no_whole_record(
    payloads: list[bytes], first: int, draw: st.DataObject
) -> None:
    """Cut anywhere, with any rubbish behind: what was whole is there, and the rest is named."""
    data = encode_all(first, payloads)
    cut = draw.draw(st.integers(0, len(data)))
    rubbish = draw.draw(st.binary(max_size=40))
    torn = data[:cut] + rubbish
    if torn == data[: len(torn)]:
        return
    # Rubbish may begin as the lost bytes did, and so complete a record.
    pairs = zip(torn, data, strict=False)
    kept = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    whole, size = 0, 0
    while whole < len(payloads) and size + HEAD_BYTES + len(payloads[whole]) <= kept:
        size += HEAD_BYTES + len(payloads[whole])
        whole += 1
    found, used = scan(torn, first)
    assert records(found) == list(enumerate(payloads[:whole], first)) and used == len(torn)
    assert damage(found) == ([Damage(size, len(torn) - size, first + whole, 0)])


@settings(max_examples=500)
@given(PAYLOADS, SEQS, st.data())
def test_one_flipped_bit_costs_one_record_and_is_reported(
    payloads: list[bytes], first: int, draw: st.DataObject
) -> None:
    """Any bit of any record: in its length, its checksum, its seq or its payload."""
    data = bytearray(encode_all(first, payloads))
    bit = draw.draw(st.integers(0, len(data) * 8 - 1))
    data[bit // 8] ^= 1 << bit % 8
    ends = [len(encode_all(first, payloads[: n + 1])) for n in range(len(payloads))]
    hit = next(n for n, end in enumerate(ends) if bit // 8 < end)
    found, _ = scan(bytes(data), first)
    kept = [(seq, payload) for seq, payload in enumerate(payloads, first) if seq != first + hit]
    assert records(found) == kept
    (named,) = damage(found)
    begins = ends[hit] - HEAD_BYTES - len(payloads[hit])
    lost = 0 if hit == len(payloads) - 1 else 1
    assert named == Damage(begins, ends[hit] - begins, first + hit, lost)


def test_a_sector_of_zeros_costs_what_lay_in_it_and_no_more() -> None:
    """Records before and behind stay; how many are missing is counted by their seqs."""
    chance = Random(6)
    payloads = [chance.randbytes(500) for _ in range(100)]
    data = bytearray(encode_all(1, payloads))
    data[8_192:12_288] = bytes(4_096)
    found, _ = scan(bytes(data), 1)
    kept = records(found)
    assert [seq for seq, _ in kept] == [*range(1, 16), *range(25, 101)]
    assert [each.lost for each in damage(found)] == [9]


def test_records_that_are_missing_altogether_are_a_gap() -> None:
    found, _ = scan(encode(1, b"a") + encode(5, b"e"), 1)
    assert found == [Record(1, b"a", 17), Damage(17, 0, 2, 3), Record(5, b"e", 34)]


@pytest.mark.parametrize("cut", range(1, 20))
def test_data_that_goes_on_elsewhere_is_not_torn(cut: int) -> None:
    """A reader of pieces leaves the last record for its next piece."""
    data = encode(7, b"abc") + encode(8, b"def")
    found, used = scan(data[: 19 + cut], 7, whole=False)
    assert records(found) == [(7, b"abc"), (8, b"def")][: 1 + cut // 19]
    assert used == 19 * (1 + cut // 19) and damage(found) == []
