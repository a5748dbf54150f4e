"""A report for a person: sentences and a table, no figure without its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cli.output import table
from cli.report_messages import HEAD as MESSAGES
from cli.report_messages import NOTE
from cli.report_messages import rows as message_rows

HEAD = ("campaign", "against", "visitors", "withheld", "lift, any look", "lift, one look", "ratio")


def lines(found: dict[str, Any]) -> list[str]:
    """The whole text."""
    whole, word = found["overall"], "simulated: " if found["simulated"] else ""
    rows = [_row("overall", "all withheld", whole)]
    rows += [_row(each["id"], each["against"], each) for each in found["campaigns"]]
    conversion, margin = whole["conversion"], whole["margin"]
    return [
        f"{word}{verdict(whole)}",
        f"{word}conversion per visitor: {difference(conversion, 100, ' points')}",
        f"{word}margin per visitor: {difference(margin, 1, '')}",
        power(whole),
        f"{found['decisions']} decisions, {found['shown']} shown, {found['explored']} explored; "
        f"{found['fallbacks']} impressions of stand-ins, which teach nothing",
        "",
        *table(HEAD, rows),
        *messages(found),
    ]


def messages(found: dict[str, Any]) -> list[str]:
    """Messages by arm; nothing where nobody is in a test of them."""
    if not found.get("messages"):
        return []
    word = "simulated messages" if found["simulated"] else "messages"
    return ["", f"{word}, by the timing drawn for their visitors", "",
            *table(MESSAGES, message_rows(found["messages"])), NOTE]  # fmt: skip


def verdict(whole: dict[str, Any]) -> str:
    """What may be said of the whole, in one sentence."""
    if not whole["withheld"] or not whole["shown"]:
        return "no lift: nobody is withheld, or nobody is shown anything, so nothing is compared"
    if not whole["srm_ok"]:
        return f"no lift: the arms' sizes are wrong (p {whole['srm_p']:.2g}); find who is missing"
    said = {1: "actions raise conversion", -1: "actions lower conversion"}
    return said.get(whole["conversion"]["always_valid_verdict"], "no difference is shown so far")


def power(whole: dict[str, Any]) -> str:
    """How many visitors are missing."""
    more = whole["visitors_more"]
    if more is None:
        return "too few orders to say how many visitors a lift of 10 % needs"
    if not more:
        return "there are enough visitors to see a lift of 10 %"
    return f"you need {more:,} more visitors to see a lift of 10 % in one look"


def difference(figures: dict[str, Any], scale: float, unit: str) -> str:
    """A difference with the interval that may be read at any time, and the fixed one."""
    return (
        f"{figures['cuped'] * scale:+.3g}{unit} "
        f"{interval(figures['always_valid_ci'], scale)} at any look, "
        f"{interval(figures['cuped_ci'], scale)} at one; as measured "
        f"{figures['difference'] * scale:+.3g} {interval(figures['difference_ci'], scale)}"
    )


def interval(ci: Sequence[float | None] | None, scale: float = 1) -> str:
    """[low, high]; an open end says so."""
    if ci is None:
        return "[unknown]"
    low, high = ("open" if each is None else f"{each * scale:+.3g}" for each in ci)
    return f"[{low}, {high}]"


def share(value: float | None, ci: Sequence[float | None] | None) -> str:
    """A relative figure in percent with its interval."""
    return "unknown" if value is None else f"{value * 100:+.3g} % {interval(ci, 100)}"


def _row(name: str, against: str, each: dict[str, Any]) -> tuple[object, ...]:
    return (
        *(name, against, each["n"], each["withheld"]),
        share(each["lift"], each["always_valid_ci"]),
        share(each["lift"], each["lift_ci"]),
        "ok" if each["srm_ok"] else f"WRONG, p {each['srm_p']:.2g}",
    )
