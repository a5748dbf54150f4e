"""Pages that commands write: no script, no font, no request; every text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

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


def whole_page(title: str, body: str) -> str:
    """A page of its own around a body that is escaped already."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body>\n{body}\n</body></html>\n"
    )


def card_row(cards: Iterable[tuple[str, str]]) -> str:
    """(number, what it counts) side by side."""
    made = (f'<div class="card"><b>{escape(n)}</b>{escape(text)}</div>' for n, text in cards)
    return f'<div class="cards">{"".join(made)}</div>'


def table_of(heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
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
