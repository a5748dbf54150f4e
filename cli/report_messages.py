"""Messages by arm for a person: rows that the text and the page of a report share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

HEAD = ("test", "arm", "visitors", "by a mail's link", "came back", "ordered", "false triggers",
        "margin each", "ordered, beside A0")  # fmt: skip
WHEN = {"A0": "sent nothing", "A1": "60 s", "A2": "90 s", "A3": "at once", "A4": "24 h",
        "A5": "48-72 h"}  # fmt: skip
NOTE = (
    "A false trigger's visitor neither came back nor ordered; read it beside A0's. A link counts "
    "where its address says utm_medium=email; machines open mails too, so openings are not counted."
)


def rows(arms: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """One row an arm, each figure with its 95 % interval."""
    return [
        (
            {"exit": "left", "gap": "fell silent"}.get(each["timing"], each["timing"]),
            f"{each['arm']}, {WHEN.get(each['arm'], '')}",
            f"{each['visitors']:,}",
            *(share(each[name]) for name in ("clicked", "returned", "ordered", "false")),
            amount(each["margin"]),
            "-" if each["against"] is None else share(each["against"]["ordered"], sign="+"),
        )
        for each in arms
    ]


def share(figure: dict[str, Any], sign: str = "") -> str:
    """A share in percent, or a difference of two, with its interval."""
    return _with(figure, lambda value: f"{value * 100:{sign}.1f} %")


def amount(figure: dict[str, Any]) -> str:
    """Money a visitor with its interval."""
    return _with(figure, lambda value: f"{value:.2f}")


def _with(figure: dict[str, Any], text: Any) -> str:
    if figure["ci"] is None:
        return f"{text(figure['value'])} [unknown]"
    low, high = figure["ci"]
    return f"{text(figure['value'])} [{text(low)}, {text(high)}]"
