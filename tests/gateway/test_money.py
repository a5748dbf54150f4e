"""Money crosses the edge without a float."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.money import BadMoney, to_micros

GOOD = [
    ("0", 0),
    ("19.90", 19_900_000),
    ("0.000001", 1),
    ("0.1", 100_000),
    ("59.8", 59_800_000),
    ("999999999.999999", 999_999_999_999_999),
    ("007", 7_000_000),
]
BAD = ["", ".5", "5.", "-1", "+1", "1e3", "1,5", " 1", "1\n", "1.0000001", "1" * 13, "NaN"]
BAD += ["٣", "1.2.3"]


@pytest.mark.parametrize(("text", "micros"), GOOD)
def test_a_decimal_string_becomes_exact_micros(text: str, micros: int) -> None:
    assert to_micros(text) == micros


@pytest.mark.parametrize("text", BAD)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadMoney):
        to_micros(text)


@settings(deadline=None)
@given(st.decimals(min_value=0, max_value=10**9 - 1, places=6))
def test_it_agrees_with_decimal_arithmetic(value: Decimal) -> None:
    assert to_micros(f"{value:f}") == int(value * 1_000_000)
