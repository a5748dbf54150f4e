"""An audit for people, on a terminal."""

from __future__ import annotations

from datetime import UTC, datetime

from cli.audit_figures import LIFT, Figures, Size, conversion
from cli.coverage import sentences
from cli.output import table
from models.coverage_findings import Finding
from models.why_words import money, percent

HEAD = ("campaign", "action", "fires", "visitors", "bought anyway", "their orders", "given away")


def lines(found: Figures) -> list[str]:
    """Traffic, what would have fired, discounts, the size of a test, the supposed range."""
    audit = found.audit
    rows = [
        (
            each.id,
            each.action,
            each.fired,
            each.visitors,
            f"{each.conversion:.2%}",
            money(each.order_micros, found.currency),
            "-" if each.stake_micros is None else money(each.stake_micros, found.currency),
        )
        for each in found.rows
    ]
    moments = [
        (stage, kind, slots, audit.moments[stage, kind])
        for (stage, kind), slots in sorted(audit.coverage.moments.items())
    ]
    return [
        f"{found.source} under {found.catalogue}: {span(found)}",
        f"{audit.events:,} events of {audit.visitors:,} visitors in {audit.sessions:,} visits, "
        f"{audit.orders:,} orders worth {money(audit.order_micros, found.currency)}",
        f"{audit.coverage.decisions:,} moments to decide; something fires at {audit.any.fired:,}, "
        f"for {audit.any.visitors:,} visitors, of whom {conversion(audit.any):.2%} bought anyway",
        "",
        *table(HEAD, rows),
        "",
        *table(("stage", "trigger", "moments", "fires"), moments),
        "",
        stake(found),
        *(proof(each) for each in found.sizes),
        lift(found),
        *sentences([Finding(**each) for each in found.findings]),
    ]


def span(found: Figures) -> str:
    """The days of the log."""
    first, last = (
        datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()
        for at_ms in (found.audit.first_ms, found.audit.last_ms)
    )
    return f"{first} to {last}, {found.days:.1f} days"


def stake(found: Figures) -> str:
    """What discounts would have cost for nothing."""
    return (
        f"discount at stake: {money(found.stake_micros, found.currency)}, if a discount gives "
        f"{percent(found.discount_ppm)} of an order: these people bought without one"
    )


def proof(size: Size) -> str:
    """What a test takes with one holdout."""
    head = f"to prove {LIFT:.0%} more, with {percent(size.holdout_ppm)} held out: "
    if size.visitors is None:
        return head + "cannot be said, since nobody who was reached bought"
    when = "longer than can be said from so short a log"
    if size.weeks is not None:
        when = f"{size.weeks:,.1f} weeks at this traffic"
    return f"{head}{size.visitors:,} reached visitors, {when}"


def lift(found: Figures) -> str:
    """The supposed range, which says what it is."""
    if found.lift is None:
        return "simulated lift: none, since nobody who was reached bought"
    low, high = found.lift
    return (
        f"simulated lift of conversion among reached visitors: {low:+.1%} to {high:+.1%}; supposed "
        "from the campaigns' priors, measured on nobody: only a holdout can tell"
    )
