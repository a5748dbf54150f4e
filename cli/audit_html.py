"""An audit as a page of its own, to be shown to whoever owns the shop."""

from __future__ import annotations

from html import escape

from cli.audit_figures import LIFT, Figures, conversion
from cli.audit_text import lift, proof, span, stake
from cli.html_page import Cell, card_row, table_of, whole_page
from models.why_words import money, named


def page(found: Figures) -> str:
    """The whole page."""
    title = f"Audit of {found.source}"
    body = "\n".join((_head(title, found), _cards(found), *_sections(found)))
    return whole_page(title, body)


def _head(title: str, found: Figures) -> str:
    return (
        f"<h1>{escape(title)}</h1>"
        f'<p class="soft">{escape(span(found))}; campaigns: {escape(found.catalogue)}</p>'
        '<p class="soft">Nobody was shown anything. This is where campaigns would have fired on '
        "what your visitors really did, and what they bought without them.</p>"
    )


def _cards(found: Figures) -> str:
    audit = found.audit
    even = found.sizes[0]
    weeks = "–" if even.weeks is None else f"{even.weeks:,.1f}"
    return card_row(
        (
            (f"{audit.events:,}", f"events of {audit.visitors:,} visitors"),
            (f"{audit.any.fired:,}", f"of {audit.coverage.decisions:,} moments would have fired"),
            (money(found.stake_micros, found.currency), "of discounts to people who bought anyway"),
            (weeks, f"weeks to prove {LIFT:.0%} more conversion, half held out"),
        )
    )


def _sections(found: Figures) -> list[str]:
    return [
        "<h2>Which campaign would have fired</h2>",
        _campaigns(found),
        f'<p class="soft">{escape(stake(found))}.</p>',
        "<h2>Where</h2>",
        _moments(found),
        "<h2>What it takes to know</h2>",
        f"<p>Of the visitors reached, {conversion(found.audit.any):.2%} bought within a day, "
        "without us. At 5 % error and 80 % power:</p>",
        "<ul>" + "".join(f"<li>{escape(proof(each))}</li>" for each in found.sizes) + "</ul>",
        f"<p><b>Simulated.</b> {escape(lift(found))}.</p>",
        *_findings(found),
    ]


def _campaigns(found: Figures) -> str:
    most = max((each.fired for each in found.rows), default=0) or 1
    rows: list[tuple[Cell, ...]] = [
        (
            ("", f'{escape(each.id)}<br><span class="soft">{escape(named(each.action))}</span>'),
            ("n", f"{each.fired:,}"),
            ("chart", f'<span class="bar" style="width:{100 * each.fired // most}%"></span>'),
            ("n", f"{each.visitors:,}"),
            ("n", f"{each.conversion:.2%}"),
            ("n", _stake(each.stake_micros, found.currency)),
        )
        for each in found.rows
    ]
    heads = ("campaign", "#fires", "", "#visitors", "#bought anyway", "#given away")
    return table_of(heads, rows)


def _stake(micros: int | None, currency: str) -> str:
    return '<span class="soft">–</span>' if micros is None else escape(money(micros, currency))


def _moments(found: Figures) -> str:
    most = max(found.audit.coverage.moments.values(), default=0) or 1
    rows: list[tuple[Cell, ...]] = [
        (
            ("", escape(stage or "–")),
            ("", escape(named(kind))),
            ("n", f"{slots:,}"),
            ("n", f"{found.audit.moments[stage, kind]:,}"),
            ("chart", f'<span class="bar" style="width:{100 * slots // most}%"></span>'),
        )
        for (stage, kind), slots in sorted(found.audit.coverage.moments.items())
    ]
    return table_of(("stage", "after", "#moments", "#fires", ""), rows)


def _findings(found: Figures) -> list[str]:
    if not found.findings:
        return []
    rows: list[tuple[Cell, ...]] = [
        (("", escape(named(each["kind"]))), ("", escape(each["about"])),
         ("", escape(each["sentence"])))
        for each in found.findings
    ]  # fmt: skip
    return ["<h2>What to look at</h2>", table_of(("finding", "about", "what"), rows)]
