"""A report as a page of its own: inline SVG, no script, no request; every text escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from cli.html_page import whole_page
from cli.report_messages import HEAD as MESSAGES
from cli.report_messages import NOTE
from cli.report_messages import rows as message_rows
from cli.report_text import difference, interval, power, share, verdict

WIDTH, ROW, PAD = 640, 34, 180


def page(found: dict[str, Any]) -> str:
    """The whole page."""
    whole = found["overall"]
    word = "Simulated: " if found["simulated"] else ""
    title = f"{word}{verdict(whole)}"
    rows = [{"id": "overall", "against": "all withheld", **whole}, *found["campaigns"]]
    body = (
        f"<h1>{escape(title)}</h1>"
        '<p class="soft">Per visitor, from the first decision with a winner; who got nothing is '
        "the comparison. The wide line may be read at any time, the thick one once.</p>"
        f"{_cards(found, word)}<h2>{escape(word)}lift of conversion by campaign</h2>"
        f"{_forest(rows)}{_table(rows)}<p>{escape(power(whole))}</p>"
        f"{_messages(found, word)}"
    )
    return whole_page(title, body)


def _cards(found: dict[str, Any], word: str) -> str:
    whole = found["overall"]
    cards = (
        (share(whole["lift"], whole["always_valid_ci"]), f"{word}lift of conversion, at any look"),
        (difference(whole["margin"], 1, ""), f"{word}margin per visitor"),
        (f"{whole['shown']:,} / {whole['withheld']:,}", "visitors shown / withheld"),
        (f"{found['explored']:,}", f"of {found['decisions']:,} decisions explored"),
        (f"{found['fallbacks']:,}", "impressions of stand-ins, counted apart"),
    )
    made = (f'<div class="card"><b>{escape(n)}</b>{escape(text)}</div>' for n, text in cards)
    return f'<div class="cards">{"".join(made)}</div>'.replace(
        "<b>", '<b style="font-size:1.1rem">'
    )


def _forest(rows: Sequence[dict[str, Any]]) -> str:
    """One line a campaign: the always-valid interval thin, the fixed one thick, zero dashed."""
    known = [each for each in rows if each["lift"] is not None]
    if not known:
        return "<p>No lift can be named yet.</p>"
    ends = [end for each in known for end in each["always_valid_ci"]]
    reach = max(abs(end) for end in ends) or 1.0
    middle, half = PAD + (WIDTH - PAD) / 2, (WIDTH - PAD) / 2 - 8

    def at(value: float) -> str:
        return f"{middle + value / reach * half:.1f}"

    made = []
    for number, each in enumerate(known):
        y = ROW * number + ROW // 2
        wide, thick = each["always_valid_ci"], each["lift_ci"]
        made.append(
            f'<text x="0" y="{y + 5}" fill="currentColor">{escape(each["id"])}</text>'
            f'<line x1="{at(wide[0])}" x2="{at(wide[1])}" y1="{y}" y2="{y}" stroke="#3b6fd4"/>'
            f'<line x1="{at(thick[0])}" x2="{at(thick[1])}" y1="{y}" y2="{y}" stroke="#3b6fd4" '
            f'stroke-width="7"/><circle cx="{at(each["lift"])}" cy="{y}" r="5" fill="#1b7f4d"/>'
        )
    height = ROW * len(known)
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="lift by campaign" '
        f'font-size="13"><line x1="{middle}" x2="{middle}" y1="0" y2="{height}" '
        f'stroke="#97a3b4" stroke-dasharray="4"/>{"".join(made)}</svg>'
    )


def _messages(found: dict[str, Any], word: str) -> str:
    if not found.get("messages"):
        return ""
    title = escape(f"{word}messages by the timing drawn for their visitors")
    made = _rows(MESSAGES, message_rows(found["messages"]))
    return f'<h2>{title}</h2>{made}<p class="soft">{escape(NOTE)}</p>'


def _table(rows: Sequence[dict[str, Any]]) -> str:
    heads = ("campaign", "against", "visitors", "withheld", "lift, any look", "one look", "ratio")
    cells = [
        (
            *(each["id"], each["against"], f"{each['n']:,}", f"{each['withheld']:,}"),
            share(each["lift"], each["always_valid_ci"]),
            interval(each["lift_ci"], 100),
            "ok" if each["srm_ok"] else f"wrong, p {each['srm_p']:.2g}",
        )
        for each in rows
    ]
    return _rows(heads, cells)


def _rows(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f'<div class="wide"><table><tr>{top}</tr>{body}</table></div>'
