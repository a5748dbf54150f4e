"""The report counts visitors as they were drawn, and names no figure without its interval."""

from __future__ import annotations

import random
from html.parser import HTMLParser

import pytest

from cli.report_html import page
from cli.report_text import lines, verdict
from evidence.report import overall, report
from evidence.report_state import ReportState, decided, happened
from schemas.decision import Decision, Withholding
from schemas.ids import MILLION
from schemas.outcome import IMPRESSION, ORDER, Outcome
from schemas.site import LIVE, OBSERVE

DAY_MS = 86_400_000
MARGIN_MICROS = 5_000_000


def decision(user: str, at_ms: int = 0, campaign: str = "WINTER", **fields: object) -> Decision:
    drawn = Withholding(holdout_ppm=500_000, rollout_ppm=MILLION)
    base = {"withholding": drawn, "scores": {"purchase_intent": 100_000}, "campaign_id": campaign}
    slot = f"{user}-{at_ms}-{campaign}"
    made = {**base, **fields, "slot_id": slot, "user_key": user, "decided_at_ms": at_ms}
    return Decision(**made)  # type: ignore[arg-type]


def order(state: ReportState, user: str, at_ms: int, name: str = "o") -> None:
    happened(state, user, Outcome(ORDER, f"{name}-{user}", at_ms), MARGIN_MICROS)


def shop(visitors: int, lift: float, seed: int = 3) -> ReportState:
    """Half withheld at 10 % conversion, half shown at (1 + lift) times that."""
    state, chance = ReportState(), random.Random(seed)
    for number in range(visitors):
        user, withheld = f"s:v:{number}", chance.random() < 0.5
        decided(state, decision(user, withheld="holdout" if withheld else ""), LIVE)
        if chance.random() < 0.1 * (1 if withheld else 1 + lift):
            order(state, user, 1_000)
    return state


def test_a_true_lift_is_inside_its_intervals_and_shown() -> None:
    found = overall(shop(8_000, 0.8), DAY_MS)
    for name in ("lift_ci", "always_valid_ci"):
        assert found[name][0] < 0.8 < found[name][1]
    assert verdict(found) == "actions raise conversion"
    assert found["srm_ok"]
    # A lift of a tenth would have needed far more than these.
    assert 20_000 < found["visitors_more"] < 40_000


def test_no_lift_is_not_claimed_where_there_is_none() -> None:
    assert verdict(overall(shop(2_000, 0.0), DAY_MS)) == "no difference is shown so far"


@pytest.mark.parametrize(
    ("told", "n", "converted"),
    [
        ("twice the same order", 1, 1.0),
        ("an order before the entry", 1, 0.0),
        ("an order after the horizon", 1, 0.0),
        ("two decisions", 1, 1.0),
        ("withheld later", 1, 1.0),
        ("only observed", 0, 0.0),
        ("no winner", 0, 0.0),
    ],
)
def test_a_visitor_counts_once_as_drawn_at_the_entry(told: str, n: int, converted: float) -> None:
    state, user = ReportState(), "s:v:1"
    mode = OBSERVE if told == "only observed" else LIVE
    campaign = "" if told == "no winner" else "WINTER"
    decided(state, decision(user, 5_000, campaign), mode)
    times = {"an order before the entry": 4_000, "an order after the horizon": 5_001 + DAY_MS}
    order(state, user, times.get(told, 6_000))
    if told == "twice the same order":
        order(state, user, 6_000)
    if told in ("two decisions", "withheld later"):
        decided(state, decision(user, 9_000, withheld="holdout"), mode)
    found = overall(state, DAY_MS)
    assert (found["n"], found["withheld"]) == (n, 0)
    assert found["conversion"]["shown"]["mean"] == converted
    assert found["margin"]["shown"]["mean"] == 5.0 * converted


def test_a_planted_loss_of_shown_visitors_is_a_sample_ratio_mismatch() -> None:
    state = shop(4_000, 0.0)
    shown = [u for u, v in state.visitors.items() if v.entry and not v.entry.withheld]
    for user in shown[:300]:
        del state.visitors[user]
    assert verdict(overall(state, DAY_MS)).startswith("no lift: the arms' sizes are wrong")


def test_a_campaign_with_a_holdout_of_its_own_is_held_against_that() -> None:
    state = ReportState()
    own = Withholding(rollout_ppm=MILLION, campaign_holdout_ppm=100_000)
    for number in range(200):
        withheld = "campaign_holdout" if number % 10 == 0 else ""
        decided(state, decision(f"s:v:{number}", withholding=own, withheld=withheld), LIVE)
    (only,) = report(state, DAY_MS)["campaigns"]
    assert (only["against"], only["n"], only["withheld"]) == ("own holdout", 200, 20)
    assert only["srm_p"] == pytest.approx(1.0)


def test_stand_ins_are_counted_apart() -> None:
    state = ReportState()
    happened(state, "s:v:1", Outcome(IMPRESSION, "e", 1, fallback=True), 0)
    assert report(state, DAY_MS)["fallbacks"] == 1
    assert report(state, DAY_MS)["overall"]["n"] == 0


def test_simulated_figures_carry_the_word_and_the_page_neither_script_nor_markup_of_others() -> (
    None
):
    state = shop(3_000, 0.8)
    for visitor in state.visitors.values():
        assert visitor.entry is not None
        break
    decided(state, decision("s:v:x", campaign="<script>alert(1)</script>"), LIVE)
    found = report(state, DAY_MS, ["demo"])
    text, html = "\n".join(lines(found)), page(found)
    assert text.startswith("simulated: ") and "<h1>Simulated: " in html
    assert "<script" not in html and "http" not in html and "&lt;script&gt;" in html
    HTMLParser().feed(html)
    assert "simulated" not in "\n".join(lines(report(state, DAY_MS)))


def test_a_report_of_nobody_says_so() -> None:
    text = lines(report(ReportState(), DAY_MS))
    assert text[0].startswith("no lift: nobody is withheld")
    assert "No lift can be named yet" in page(report(ReportState(), DAY_MS))
