"""Human units -> integers, exactly: money, shares, durations, moments, links, texts.

Every reader takes the text as written and raises BadValue with what is wrong and the fix.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

from models.names import nearest

MICROS = Decimal(1_000_000)
_MONEY = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?", re.ASCII)
_SHARE = re.compile(r"(-?)([0-9]{1,9}(?:\.[0-9]{1,9})?)(%?)", re.ASCII)
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)", re.ASCII)
_WHOLE = re.compile(r"-?[0-9]{1,9}", re.ASCII)
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?))?\s*(\S*)", re.ASCII
)
_OFFSET = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})", re.ASCII)
_LINK = re.compile(r"(https?://[^/?#\s]+[^\s\\]*|/(?!/)[^\s\\]*|[?#][^\s\\]*)", re.IGNORECASE)
_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class BadValue(ValueError):
    """A value that does not fit its field."""

    def __init__(self, error: str, fix: str) -> None:
        super().__init__(f"{error}; {fix}")
        self.error, self.fix = error, fix


def money_micros(text: str) -> int:
    """`12.50` -> 12,500,000 micros; no sign, no currency."""
    if not _MONEY.fullmatch(text):
        raise BadValue(f"{text!r} is no amount", "write it like 12.50, in the site's currency")
    return int(Decimal(text) * MICROS)


def day_budget_micros(text: str) -> int:
    """`500/day` -> micros a day."""
    amount, slash, unit = text.replace(" ", "").partition("/")
    if not slash or unit != "day" or not _MONEY.fullmatch(amount):
        raise BadValue(f"{text!r} is no budget", "write it like 500/day")
    return money_micros(amount)


def share_ppm(text: str) -> int:
    """`5%` or `0.05` -> ppm within [0, 1,000,000]."""
    ppm = weight_ppm(text)
    if ppm < 0:
        raise BadValue(f"{text!r} is negative", "write a share like 5% or 0.05")
    return ppm


def weight_ppm(text: str) -> int:
    """A share that may be negative, within [-1,000,000, 1,000,000] ppm."""
    match = _SHARE.fullmatch(text)
    if not match:
        raise BadValue(f"{text!r} is no share", "write it like 5% or 0.05")
    ppm = Decimal(match[2]) * (10_000 if match[3] else MICROS)
    if ppm > MICROS:
        raise BadValue(f"{text!r} is more than all", f"write {match[2]}% or a number up to 1")
    if ppm != int(ppm):
        raise BadValue(f"{text!r} is too fine", "use at most 6 digits after the point")
    return -int(ppm) if match[1] else int(ppm)


def duration_ms(text: str) -> int:
    """`30s`, `1.5m`, `300ms` -> milliseconds."""
    match = _DURATION.fullmatch(text)
    if not match:
        fix = f"write {text}s" if text.isascii() and text.isdigit() else "write it like 30s or 5m"
        raise BadValue(f"{text!r} is no duration", fix)
    ms = Decimal(match[1]) * _UNITS_MS[match[2]]
    if ms != int(ms):
        raise BadValue(f"{text!r} is finer than a millisecond", "round it")
    return int(ms)


def whole(text: str, low: int, high: int) -> int:
    """A whole number within [low, high]."""
    if not _WHOLE.fullmatch(text) or not low <= int(text) <= high:
        raise BadValue(f"{text!r} is not allowed", f"write a whole number from {low} to {high}")
    return int(text)


def flag(text: str) -> bool:
    """true or false, yes or no."""
    lowered = text.lower()
    if lowered not in ("true", "false", "yes", "no"):
        raise BadValue(f"{text!r} is neither true nor false", "write true or false")
    return lowered in ("true", "yes")


def choice(text: str, choices: tuple[str, ...]) -> str:
    """One of the given words."""
    if text in choices:
        return text
    close = nearest(text, choices)
    raise BadValue(
        f"{text!r} is not known here",
        f"did you mean {close}?" if close else "use one of " + ", ".join(choices),
    )


def link(text: str) -> str:
    """An http(s) address or one within the site; every other scheme is refused."""
    if len(text) > 500 or not _LINK.fullmatch(text):
        raise BadValue(f"{text!r} is no allowed link", "use https://..., http://... or /path")
    return text


def plain_text(text: str, characters_max: int) -> str:
    """Text for people: bounded and without control signs."""
    if len(text) > characters_max:
        raise BadValue(f"{len(text)} characters are too many", f"use at most {characters_max}")
    if any((ord(sign) < 32 and sign != "\n") or ord(sign) == 127 for sign in text):
        raise BadValue("holds control signs", "remove them")
    if not text.strip():
        raise BadValue("is empty", "write a text or remove the line")
    return text


def moment_ms(text: str) -> int:
    """`2026-12-01 00:00 Europe/Berlin` or with `Z` or `+01:00` -> epoch milliseconds."""
    match = _MOMENT.fullmatch(text.strip())
    if not match:
        raise BadValue(f"{text!r} is no moment", "write it like 2026-12-01 00:00 Europe/Berlin")
    zone = _zone(match[3])
    try:
        local = datetime.fromisoformat(f"{match[1]}T{match[2] or '00:00'}").replace(tzinfo=zone)
        stamp_s = local.timestamp()
        back = datetime.fromtimestamp(stamp_s, UTC).astimezone(zone)
    except (ValueError, OverflowError, OSError):
        raise BadValue(f"{text!r} is on no calendar", "check month, day and time") from None
    if back.replace(tzinfo=None) != local.replace(tzinfo=None):
        raise BadValue(
            f"{text!r} does not exist: clocks go forward then", "write a time an hour later"
        )
    if not 0 < stamp_s < 4_102_444_800:
        raise BadValue(f"{text!r} is too far away", "use a year from 1970 to 2099")
    return int(stamp_s) * 1000


def time_zone(text: str) -> str:
    """An IANA name such as Europe/Berlin."""
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise BadValue(f"{text!r} is no time zone", "use a name like Europe/Berlin") from None
    return text


def _zone(text: str) -> ZoneInfo | timezone:
    if not text:
        raise BadValue("the time zone is missing", "add one: 2026-12-01 00:00 Europe/Berlin")
    if text in ("Z", "UTC"):
        return UTC
    offset = _OFFSET.fullmatch(text)
    if offset:
        minutes = int(offset[2]) * 60 + int(offset[3])
        if minutes >= 24 * 60:
            raise BadValue(f"{text!r} is no offset", "write it like +01:00")
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    return ZoneInfo(time_zone(text))
