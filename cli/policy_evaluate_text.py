"""An evaluation for a person: the verdict first, then each estimate with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cli.output import table
from evidence.off_policy import ESS_MIN, ESTIMATORS, NOT_SHOWN, PASSED, REFUSED

HEAD = ("estimate", "reward a row", "95 %", "beyond the log", "95 %")


def lines(found: dict[str, Any]) -> list[str]:
    """The whole text."""
    logging = found["logging"]
    rows: list[tuple[object, ...]] = [
        ("as logged", number(logging["value"]), interval(logging["ci"]), None, None)
    ]
    for name in ESTIMATORS:
        each = found["estimates"][name]
        rows.append(
            (name.upper(), number(each["value"]), interval(each["ci"]),
             number(each["difference"], "+"), interval(each["difference_ci"], "+"))
        )  # fmt: skip
    out = [sentence(found), "", *table(HEAD, rows), "", _weights(found)]
    left = found.get("left_out")
    if left:
        out.append("left out: " + ", ".join(f"{count:,} {why}" for why, count in left.items()))
    return [*out, _own(found["on_policy"])] if "on_policy" in found else out


def sentence(found: dict[str, Any]) -> str:
    """The verdict in one sentence."""
    policy, ess = found["policy"], found["ess"]
    said = {
        PASSED: f"passed: {policy} earns more than what ran, by SNIPS and by DR",
        NOT_SHOWN: f"not shown: this log does not show that {policy} earns more than what ran",
        REFUSED: f"refused: {ess:,.0f} effective rows, {ESS_MIN:,} are needed; too few rows of "
        f"this log did what {policy} would do",
    }
    return said[found["verdict"]]


def _weights(found: dict[str, Any]) -> str:
    return (
        f"{found['rows']:,} rows, {found['actions']} actions, {found['ess']:,.0f} effective rows; "
        f"largest weight {found['weight_max']:,.4g}, mean weight {found['weight_mean']:.3f} "
        "(1 where propensities are true)"
    )


def _own(own: dict[str, Any]) -> str:
    errors = ", ".join(
        f"{name.upper()} {'unknown' if error is None else f'{error:.3f}'}"
        for name, error in own["relative_errors"].items()
    )
    return (
        f"where it ran itself ({own['rows']:,} rows) it earned {number(own['value'])} a row "
        f"{interval(own['ci'])}; relative errors: {errors}"
    )


def number(value: float | None, sign: str = "") -> str:
    """Four digits."""
    return "unknown" if value is None else f"{value:{sign}.4g}"


def interval(ci: Sequence[float | None], sign: str = "") -> str:
    """[low, high]; an open end says so."""
    low, high = ("open" if each is None else f"{each:{sign}.4g}" for each in ci)
    return f"[{low}, {high}]"
