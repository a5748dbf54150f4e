"""Figures that others claim are hypotheses: no page of ours repeats one as if it were measured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CLAIMED = [
    # (promise, the figure as somebody claims it)
    ("E2", r"\b3\.2\s*(x|times)"),
    ("E3", r"\b2\.8\s*(x|times)"),
    ("E6", r"\b4\.1\s*(x|times)"),
    ("E8", r"58\s*%"),
    ("E19", r"\b2\.7\s*(x|times)|41\s*%"),
    ("E41", r"\b3\.1\s*(x|times)"),
    ("M46", r"80\s*%[^.|]*\b(ATT|refus)"),
    ("M47", r"\b4\s*(-|to)\s*7\s*(x|times)"),
]
OTHERS = re.compile(r"lift|conver|predict|friction|ATT|tracking", re.IGNORECASE)
"""A line without such a word speaks of something else: a latency, a share of a processor."""


def told(text: str, claim: str) -> list[str]:
    """The lines of a page that repeat a claimed figure."""
    return [line for line in text.splitlines() if re.search(claim, line) and OTHERS.search(line)]


@pytest.mark.promise("E6", "E8", "E19", "E41", "M46", "M47")
@pytest.mark.parametrize(("promise", "claim"), CLAIMED, ids=lambda each: each[:4])
def test_no_page_repeats_what_somebody_claims(promise: str, claim: str) -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *ROOT.glob("sdk/*.md")]
    assert len(pages) > 30
    found = {page.name: told(page.read_text(encoding="utf-8"), claim) for page in pages}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_a_repeated_claim_is_seen() -> None:
    assert told("Clicks are 4.1x more predictive than page views.", dict(CLAIMED)["E6"])
    assert not told("p99 was 4.1x the median.", dict(CLAIMED)["E6"])


@pytest.mark.promise("C11", "C78")
def test_every_statement_about_another_tool_names_a_page_that_is_listed() -> None:
    """A row of the comparison says what it does, where it is better, what it leaves open."""
    page = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if re.match(r"\| [a-z]", line)][1:]
    assert len(rows) == 5
    listed = set(re.findall(r"^(\d+)\. .*https://", page, re.MULTILINE))
    for row in rows:
        kind, does, better, leaves = (cell.strip() for cell in row.strip("|").split("|"))
        assert re.findall(r"\[(\d+)\]", does), kind
        assert better and leaves, kind
    assert set(re.findall(r"\[(\d+)\](?!:)", page)) <= listed
    assert re.search(r"looked up on \d{4}-\d\d-\d\d", page)
