"""The chain of a key: equal for equal first records, and for nothing else."""

from __future__ import annotations

from hashlib import sha256

import pytest

from schemas.chain import Chain, total

Row = tuple[bytes, str, str, bytes]
LOG: list[Row] = [
    (b"a", "s1", "d1", b"one"),
    (b"b", "s2", "d2", b"two"),
    (b"a", "s3", "d3", b"three"),
]


def chained(rows: list[Row]) -> Chain:
    chain = Chain()
    for row in rows:
        chain.add(*row)
    return chain


def test_a_link_is_the_hash_of_last_link_key_and_body() -> None:
    first = sha256(bytes(32) + b"a" + b"one").digest()
    second = sha256(first + b"a" + b"three").hexdigest()
    assert chained(LOG).heads()["a"] == second


def test_the_order_between_keys_does_not_matter() -> None:
    assert chained([LOG[1], LOG[0], LOG[2]]).heads() == chained(LOG).heads()


def test_a_slot_decided_again_is_counted_and_not_linked() -> None:
    again = chained([*LOG, (b"a", "s1", "d9", b"under newer versions")])
    assert again.heads() == chained(LOG).heads()
    assert (again.superseded, again.conflicts) == (1, [])


def test_two_bodies_of_one_decision_are_a_fault() -> None:
    assert chained([*LOG, (b"a", "s1", "d1", b"other")]).conflicts == ["s1"]


CHANGES: list[tuple[str, list[Row]]] = [
    ("a body", [(b"a", "s1", "d1", b"One"), *LOG[1:]]),
    ("a key", [(b"c", "s1", "d1", b"one"), *LOG[1:]]),
    ("the order within a key", [LOG[2], LOG[1], LOG[0]]),
    ("one record missing", LOG[:2]),
    ("one record more", [*LOG, (b"b", "s4", "d4", b"")]),
]


@pytest.mark.parametrize(("change", "rows"), CHANGES, ids=[row[0] for row in CHANGES])
def test_any_change_changes_the_total(change: str, rows: list[Row]) -> None:
    assert total(chained(rows).heads()) != total(chained(LOG).heads())


def test_no_decisions_have_a_total_too() -> None:
    assert total({}) == sha256(b"").hexdigest()
