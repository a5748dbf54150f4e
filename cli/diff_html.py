"""A comparison as a page of its own: no script, no font, no request; every text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from cli.diff_sides import Chosen
from cli.diff_text import campaigns, ranked, share_of
from models.why_changed import Change
from models.why_totals import Totals
from models.why_words import money, named

MOVES_SHOWN = 30
STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5d6878; --line: #dfe4ea; --page: #fbfcfd;
  --card: #ffffff; --bar: #3b6fd4; --up: #1b7f4d; --down: #b3382c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #97a3b4; --line: #2c3542;
  --page: #12161c; --card: #191f27; --bar: #6d97ea; --up: #58c08a; --down: #ec8378; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: 2.5rem 1.5rem 4rem; background: var(--page);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; }
h2 { font-size: 1.05rem; margin: 2.5rem 0 .75rem; }
p { margin: .25rem 0; }
.soft, th { color: var(--soft); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem;
  margin: 1.5rem 0 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: .9rem 1.1rem; }
.card b { display: block; font-size: 1.6rem; line-height: 1.2; }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; background: var(--card);
  border: 1px solid var(--line); border-radius: .6rem; font-size: .92rem; }
th { text-align: left; font-weight: 500; }
th, td { padding: .45rem .8rem; border-top: 1px solid var(--line); vertical-align: top; }
tr:first-child th { border-top: 0; }
.n { text-align: right; white-space: nowrap; }
.chart { width: 40%; }
.up { color: var(--up); } .down { color: var(--down); }
.bar { display: block; height: .5rem; min-width: 2px; border-radius: .25rem;
  margin-top: .4rem; background: var(--bar); }
code { font-size: .85em; word-break: break-all; }
"""
Cell = tuple[str, str]
"""(class, HTML that is escaped already)."""


def page(totals: Totals, found: Chosen) -> str:
    """The whole page."""
    title = f"{found.what}: {share_of(totals.changed, totals.decisions)} of the decisions change"
    sections = _sections(totals, found.currency) if totals.changed else ["<p>Nothing changes.</p>"]
    body = "\n".join((_head(title, found), _cards(totals), *sections))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body>\n{body}\n</body></html>\n"
    )


def _head(title: str, found: Chosen) -> str:
    return (
        f"<h1>{escape(title)}</h1>"
        f'<p class="soft">a = {escape(found.a)} &nbsp; b = {escape(found.b)}</p>'
        '<p class="soft">The log stays as recorded: this is what would have been decided, not what '
        "it would have earned.</p>"
    )


def _cards(totals: Totals) -> str:
    cards = (
        (f"{totals.changed:,}", f"of {totals.decisions:,} decisions change"),
        (f"{totals.users_changed:,}", f"of {totals.users:,} visitors are affected"),
        (f"{totals.first:,}", "are a visitor's first change"),
        (f"{totals.changed - totals.first:,}", "may follow from an earlier one"),
    )
    made = (f'<div class="card"><b>{escape(n)}</b>{escape(text)}</div>' for n, text in cards)
    return f'<div class="cards">{"".join(made)}</div>'


def _sections(totals: Totals, currency: str) -> list[str]:
    return [
        "<h2>Why decisions change</h2>",
        _causes(totals),
        "<h2>Who takes the slot</h2>",
        _moves(totals),
        "<h2>What each campaign gets</h2>",
        _campaigns(totals, currency),
        "<h2>Samples</h2>",
        _samples(totals, currency),
    ]


def _causes(totals: Totals) -> str:
    most = max(totals.groups.values())
    rows = [
        (
            ("n", f"{count:,}"),
            ("", escape(kind)),
            ("", escape(cause)),
            ("chart", f'<span class="bar" style="width:{100 * count // most}%"></span>'),
        )
        for (kind, cause), count in ranked(totals)
    ]
    return _table(("#count", "what", "because of", ""), rows)


def _moves(totals: Totals) -> str:
    moves = sorted(totals.moves.items(), key=lambda each: (-each[1], each[0]))
    rows = [
        (("n", f"{n:,}"), ("", _campaign(old)), ("", _campaign(new)), ("", escape(cause)))
        for (_, cause, old, new), n in moves[:MOVES_SHOWN]
    ]
    more = len(moves) - MOVES_SHOWN
    note = f'<p class="soft">and {more} rarer moves</p>' if more > 0 else ""
    return _table(("#count", "a", "b", "because of"), rows) + note


def _campaigns(totals: Totals, currency: str) -> str:
    rows = [
        (
            ("", escape(name)),
            ("n", f"{a:,}"),
            ("n", f"{b:,}"),
            ("n up" if b > a else "n down" if b < a else "n", f"{b - a:+,}"),
            ("n", escape(money(charge_a, currency))),
            ("n", escape(money(charge_b, currency))),
        )
        for name, a, b, charge_a, charge_b in campaigns(totals)
    ]
    heads = ("campaign", "#shown a", "#shown b", "#change", "#charge a", "#charge b")
    return _table(heads, rows)


def _samples(totals: Totals, currency: str) -> str:
    rows = [
        _sample(each, currency) for group, _ in ranked(totals) for each in totals.samples[group]
    ]
    return _table(("slot", "after", "a", "b", "because of"), rows)


def _sample(each: Change, currency: str) -> tuple[Cell, ...]:
    return (
        ("", f"<code>{escape(each.slot_id)}</code>"),
        ("", escape(named(each.trigger))),
        ("", _campaign(each.before, each.price_before_micros, currency)),
        ("", _campaign(each.after, each.price_after_micros, currency)),
        ("", f'{escape(each.cause)}<br><span class="soft">{escape(each.detail)}</span>'),
    )


def _campaign(campaign_id: str, price_micros: int = 0, currency: str = "") -> str:
    if not campaign_id:
        return '<span class="soft">nothing</span>'
    price = f'<br><span class="soft">{escape(money(price_micros, currency))}</span>'
    return escape(campaign_id) + (price if currency else "")


def _table(heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table; a head that starts with # stands over numbers."""
    top = "".join(
        f'<th class="{"n" if head.startswith("#") else ""}">{escape(head.lstrip("#"))}</th>'
        for head in heads
    )
    body = "".join(
        "<tr>" + "".join(f'<td class="{kind}">{html}</td>' for kind, html in row) + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><tr>{top}</tr>{body}</table></div>'
