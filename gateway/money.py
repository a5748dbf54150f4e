"""Money: a decimal string as people write it -> whole micros, exactly."""

from __future__ import annotations

import re

DIGITS_MAX = 9
PATTERN = rf"^[0-9]{{1,{DIGITS_MAX}}}(\.[0-9]{{1,6}})?$"
_MONEY = re.compile(PATTERN.replace("$", r"\Z"), re.ASCII)


class BadMoney(ValueError):
    """The text is no amount; the message says what one looks like."""


def to_micros(text: str) -> int:
    """Micros of a decimal string such as "19.90"; no float is involved.

    At most 9 digits before and 6 after the point, no sign, no exponent. Raises BadMoney.
    """
    if not _MONEY.match(text):
        raise BadMoney('want a decimal string such as "19.90": digits, at most 6 after the point')
    whole, _, fraction = text.partition(".")
    return int(whole) * 1_000_000 + int(fraction.ljust(6, "0") or "0")
