"""A comparison as text and as one JSON object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import asdict

from cli.diff_sides import Chosen
from cli.output import table
from connectors.diff_log import Worked
from models.why_totals import Totals
from models.why_words import money, percent
from schemas.ids import MILLION

MOVES_SHOWN = 10
CAMPAIGN_KEYS = ("id", "shown_a", "shown_b", "charge_a_micros", "charge_b_micros")


def as_json(worked: Worked, found: Chosen, took_s: float) -> dict[str, Any]:
    """What `kairos diff --json` prints."""
    totals = worked.totals
    return {
        "what": found.what,
        "a": found.a,
        "b": found.b,
        "total": totals.decisions,
        "changed": totals.changed,
        "changed_first": totals.first,
        "users": totals.users,
        "users_changed": totals.users_changed,
        "events": totals.events,
        "causes": [
            {"kind": kind, "cause": cause, "count": count}
            for (kind, cause), count in ranked(totals)
        ],
        "moves": [
            dict(zip(("kind", "cause", "before", "after"), move, strict=True), count=count)
            for move, count in sorted(totals.moves.items(), key=lambda each: (-each[1], each[0]))
        ],
        "campaigns": [dict(zip(CAMPAIGN_KEYS, row, strict=True)) for row in campaigns(totals)],
        "samples": [asdict(each) for group, _ in ranked(totals) for each in totals.samples[group]],
        "cpu_s": round(worked.cpu_s, 3),
        "took_s": round(took_s, 3),
        "events_per_s_core": round(totals.events / worked.cpu_s) if worked.cpu_s else 0,
    }


def ranked(totals: Totals) -> list[tuple[tuple[str, str], int]]:
    """((kind, cause), count), the commonest first."""
    return sorted(totals.groups.items(), key=lambda each: (-each[1], each[0]))


def campaigns(totals: Totals) -> list[tuple[str, int, int, int, int]]:
    """(id, shown on a, on b, charge on a, on b) of every campaign that was shown on a side."""
    (shown_a, shown_b), (charge_a, charge_b) = totals.wins, totals.charges
    names = sorted(shown_a.keys() | shown_b.keys())
    return [(name, shown_a[name], shown_b[name], charge_a[name], charge_b[name]) for name in names]


def share_of(part: int, whole: int) -> str:
    """A part in percent with two digits at most."""
    return percent(part * MILLION // whole // 100 * 100) if whole else "0 %"


def lines(worked: Worked, found: Chosen, took_s: float) -> Iterator[str]:
    """The comparison for a person."""
    totals = worked.totals
    changed = share_of(totals.changed, totals.decisions)
    yield f"{found.what}: a = {found.a}, b = {found.b}"
    yield (
        f"{totals.changed:,} of {totals.decisions:,} decisions change ({changed}), for "
        f"{totals.users_changed:,} of {totals.users:,} visitors"
    )
    if totals.changed:
        yield from _changes(totals, found.currency)
    per_core = totals.events / worked.cpu_s if worked.cpu_s else 0
    yield f"{totals.events:,} events in {took_s:.1f} s, {per_core:,.0f} events a second and core"


def _changes(totals: Totals, currency: str) -> Iterator[str]:
    following = totals.changed - totals.first
    yield f"{totals.first:,} are a visitor's first change, {following:,} may follow from one"
    yield ""
    rows = [(n, kind, cause) for (kind, cause), n in ranked(totals)]
    yield from table(("count", "what changes", "because of"), rows)
    yield ""
    moves = sorted(totals.moves.items(), key=lambda each: (-each[1], each[0]))[:MOVES_SHOWN]
    taken = [(n, old or "nothing", new or "nothing", cause) for (_, cause, old, new), n in moves]
    yield from table(("count", "a", "b", "because of"), taken)
    yield ""
    shown = [
        (name, a, b, b - a, money(charge_a, currency), money(charge_b, currency))
        for name, a, b, charge_a, charge_b in campaigns(totals)
    ]
    yield from table(("campaign", "shown a", "shown b", "change", "charge a", "charge b"), shown)
    yield ""
    for group, _ in ranked(totals):
        each = totals.samples[group][0]
        yield f"{each.kind}, {each.cause}: {each.detail}  (kairos why {each.slot_id})"
    yield ""
