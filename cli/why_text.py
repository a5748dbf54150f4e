"""An explanation as text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime

from cli.output import table
from connectors.decisions_found import Found
from models.names import DURATION, MONEY, NAMES, PPM
from models.why import Offered, Removed, Why
from models.why_flips import ELIGIBILITY, WINNER, Flip, smallest
from models.why_time_out import answered_by, lent_to
from models.why_words import REFUSALS, SILENCES, listed, logit, money, percent, share
from schemas.ids import MILLION

WIDTH = 100
CONCEPTS_SHOWN = 4
"""Concepts of an intent that the text shows; --json has all."""


def lines(why: Why, found: Found) -> Iterator[str]:
    """The explanation, line by line."""
    currency = why.case.view.site.currency if why.case.view.site else ""
    late = [answered_by(each) for each in found.time_outs.answered]
    late += [lent_to(each) for each in found.time_outs.lent]
    for told in (why.sentence, *late):
        yield from textwrap.wrap(told, WIDTH)
    yield ""
    yield from _intents(why)
    if why.case.decision.reason not in SILENCES:
        yield from _candidates(why, currency)
        yield from _removed(why.removed, currency)
        yield from _flips(why)
    yield from _rest(why, found, currency)


def _intents(why: Why) -> Iterator[str]:
    if not why.intents:
        yield "No model was in force: rules decided."
        yield ""
        return
    rows = []
    for each in why.intents:
        parts = [f"{name} {logit(part)}" for name, part in each.parts if part][:CONCEPTS_SHOWN]
        rows.append((each.name, share(each.score_ppm), logit(each.logit_micro), ", ".join(parts)))
    yield from table(("score", "value", "logit", "concepts that move it most"), rows)
    concepts = [f"{name} {share(ppm)}" for name, ppm in why.case.decision.concepts.items()]
    yield from textwrap.wrap(f"concepts: {', '.join(concepts)}", WIDTH, subsequent_indent="    ")
    yield ""


def _candidates(why: Why, currency: str) -> Iterator[str]:
    decision = why.case.decision
    if why.candidates:
        head = ("candidate", "bid", "x quality", "= worth", "pays", "chosen with", "")
        yield from table(head, [_candidate(each, currency) for each in why.candidates])
    yield f"doing nothing counted for {_worth(decision.nothing.score, currency)}"
    yield ""


def _candidate(each: Offered, currency: str) -> tuple[str, ...]:
    row = each.candidate
    paced = "" if row.pacing_ppm == MILLION else f" (pacing {percent(row.pacing_ppm)})"
    return (
        row.campaign_id + (f" / {row.offer}" if row.offer else ""),
        money(row.bid_micros, currency) + paced,
        percent(row.quality_ppm),
        _worth(row.score, currency),
        money(row.price_micros, currency) if row.price_micros else "",
        percent(row.propensity_ppm),
        {"won": "won", "withheld": "won, withheld"}.get(row.reason, REFUSALS.get(row.reason, "")),
    )


def _worth(score: int, currency: str) -> str:
    return money(score // MILLION, currency)


def _removed(removed: tuple[Removed, ...], currency: str) -> Iterator[str]:
    for each in removed:
        told = f"{each.campaign_id} {REFUSALS.get(each.code, each.code)}"
        if each.condition:
            values = ", ".join(f"{name} is {_value(name, v, currency)}" for name, v in each.values)
            told += f": {each.condition}" + (f"  [{values}]" if values else "")
        yield from textwrap.wrap(told, WIDTH, subsequent_indent="    ")
    if removed:
        yield ""


def _value(name: str, value: int | str, currency: str) -> str:
    kind = NAMES[name].type if name in NAMES else ""
    if isinstance(value, int):
        if kind == PPM:
            return share(value)
        if kind == MONEY:
            return money(value, currency)
        if kind == DURATION:
            return f"{value // 1000}.{value % 1000:03d} s"
    return str(value) or "empty"


def _flips(why: Why) -> Iterator[str]:
    if why.case.view.model is None:
        return
    if why.case.facts is None:
        yield "What would have flipped it needs the visitor's events, which are not at hand."
        yield ""
        return
    shown = [smallest(why.flips, kind) for kind in (WINNER, ELIGIBILITY)]
    told = [_flip(each) for each in shown if each is not None]
    if told:
        yield "Smallest changes (one ppm less changes nothing):"
        yield from (f"  {each}" for each in dict.fromkeys(told))
    else:
        yield "No other value of any one concept would have changed winner or bidders."
    yield ""


def _flip(each: Flip) -> str:
    sign = "+" if each.change_ppm > 0 else "-"
    moved = f"{each.concept} {share(each.from_ppm)} -> {share(each.to_ppm)}"
    if each.kind == WINNER:
        what = f"{each.before or 'nothing'} -> {each.after or 'nothing'}"
    else:
        gained = f"{listed(each.gained)} would bid" if each.gained else ""
        lost = f"{listed(each.lost)} would not" if each.lost else ""
        what = ", ".join(filter(None, (gained, lost)))
    return f"{moved} ({sign}{abs(each.change_ppm)} ppm): {what}"


def _rest(why: Why, found: Found, currency: str) -> Iterator[str]:
    decision = why.case.decision
    at = datetime.fromtimestamp(decision.decided_at_ms / 1000, UTC)
    versions = zip(
        "rules site catalogue products model policy".split(),
        decision.versions.numbers(),
        strict=True,
    )
    red = [each for each in why.checks if not each.ok]
    if decision.charge_micros:
        yield f"charge      {money(decision.charge_micros, currency)} for this slot"
    yield f"propensity  {percent(decision.propensity_ppm)}{', explored' * decision.explored}"
    draws = decision.withholding
    yield (
        f"withheld    {decision.withheld or 'no'} (holdout {percent(draws.holdout_ppm)}, "
        f"rollout {percent(draws.rollout_ppm)})"
    )
    yield f"versions    {', '.join(f'{name} {number}' for name, number in versions)}"
    yield f"decided     {at:%Y-%m-%d %H:%M:%S}.{decision.decided_at_ms % 1000:03d} UTC"
    yield f"slot        {decision.slot_id}"
    yield f"decision    {decision.decision_id}"
    if found.ledger.get("us"):
        us = ", ".join(f"{stage} {spent} us" for stage, spent in found.ledger["us"].items())
        yield from textwrap.wrap(f"ledger      {us}", WIDTH, subsequent_indent=" " * 12)
    yield f"computed    {len(why.checks) - len(red)} of {len(why.checks)} checks agree"
    for each in red:
        yield f"  WRONG: {each.name} is {each.logged} in the record, computed {each.computed}"
