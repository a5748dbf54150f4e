"""The sentence of the drawer: sizes, lift and its interval, or that there is too little."""

from __future__ import annotations

from evidence.report_state import ReportState, decided, happened
from infra.demo.insight import lift_told
from schemas.decision import Decision, Withholding
from schemas.ids import MILLION
from schemas.outcome import ORDER, Outcome
from schemas.site import LIVE

DRAWN = Withholding(holdout_ppm=MILLION // 2, rollout_ppm=MILLION)


def crowd(visitors: int) -> ReportState:
    """Every other is withheld; of these every tenth buys, of the others every fifth."""
    state = ReportState()
    for number in range(visitors):
        user, held = f"demo:v:{number}", number % 2 == 1
        slot = Decision(
            slot_id=user, user_key=user, campaign_id="A", withholding=DRAWN,
            withheld="holdout" if held else "",
        )  # fmt: skip
        decided(state, slot, LIVE)
        if number // 2 % (10 if held else 5) == 0:
            happened(state, user, Outcome(ORDER, f"o{number}", 1), 0)
    return state


def test_a_lift_comes_with_its_interval_and_the_word() -> None:
    told = lift_told(crowd(4_000))
    assert told.startswith("2,000 visitors shown actions, 2,000 withheld: lift of conversion +100%")
    assert "between +" in told and "simulated" in told


def test_too_few_orders_are_no_lift() -> None:
    assert lift_told(crowd(2)).endswith("too few orders to tell the lift (simulated).")
    assert lift_told(ReportState()).startswith("0 visitors")
