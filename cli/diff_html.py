"""A comparison as a page of its own: no script, no font, no request; every text escaped."""

from __future__ import annotations

from html import escape

from cli.diff_sides import Chosen
from cli.diff_text import campaigns, ranked, share_of
from cli.html_page import Cell, card_row, table_of, whole_page
from models.why_changed import Change
from models.why_totals import Totals
from models.why_words import money, named

MOVES_SHOWN = 30


def page(totals: Totals, found: Chosen) -> str:
    """The whole page."""
    title = f"{found.what}: {share_of(totals.changed, totals.decisions)} of the decisions change"
    sections = _sections(totals, found.currency) if totals.changed else ["<p>Nothing changes.</p>"]
    body = "\n".join((_head(title, found), _cards(totals), *sections))
    return whole_page(title, body)


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
    return card_row(cards)


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
    return table_of(("#count", "what", "because of", ""), rows)


def _moves(totals: Totals) -> str:
    moves = sorted(totals.moves.items(), key=lambda each: (-each[1], each[0]))
    rows = [
        (("n", f"{n:,}"), ("", _campaign(old)), ("", _campaign(new)), ("", escape(cause)))
        for (_, cause, old, new), n in moves[:MOVES_SHOWN]
    ]
    more = len(moves) - MOVES_SHOWN
    note = f'<p class="soft">and {more} rarer moves</p>' if more > 0 else ""
    return table_of(("#count", "a", "b", "because of"), rows) + note


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
    return table_of(heads, rows)


def _samples(totals: Totals, currency: str) -> str:
    rows = [
        _sample(each, currency) for group, _ in ranked(totals) for each in totals.samples[group]
    ]
    return table_of(("slot", "after", "a", "b", "because of"), rows)


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
