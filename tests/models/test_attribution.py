"""Attribution: each slot yields one reward, whatever comes in whatever order and however often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from models import attribution
from models.attribution import nothing_told
from models.attribution_slots import Terms, Told
from models.order_margin import margin_micros
from schemas.decision import Candidate, Decision, Fallback
from schemas.ids import MILLION
from schemas.ledger import LEDGER_BYTES_MAX, SLOTS_MAX, Ledger, UnknownLedger, dump, load
from schemas.lesson import Bill
from schemas.outcome import Outcome
from schemas.reward import Reward
from schemas.site import CLICKS, CONVERSIONS, MARGIN

USER = "demo:v:" + "0" * 32
WINDOW, HORIZON, TTL = 1_000, 5_000, 300
TERMS = Terms(WINDOW, HORIZON, MARGIN, 300_000)
LAPSE = TTL + 10_000
Input = Decision | Outcome


def made(name: str, at_ms: int = 100, **fields: Any) -> Decision:
    """A decision in which OFFER won."""
    known: dict[str, Any] = {
        "campaign_id": "OFFER",
        "candidates": (Candidate("OFFER"),),
        "charge_micros": 7,
    }
    known |= {"expires_at_ms": at_ms + TTL, "propensity_ppm": 600_000, "source": "model"}
    names = {"slot_id": f"s_{name}", "decision_id": f"d_{name}", "placement": "page"}
    return Decision(site="demo", user_key=USER, decided_at_ms=at_ms, **(known | names | fields))


def order(at_ms: int, value: int = 40, name: str = "") -> Outcome:
    return Outcome("purchase", name or f"o{at_ms}", at_ms, value_micros=value * MILLION)


def outcome(kind: str, slot: str, at_ms: int, **fields: Any) -> Outcome:
    return Outcome(kind, f"{kind}{at_ms}", at_ms, f"s_{slot}", **fields)


def folded(
    inputs: list[Input], until_ms: int, terms: Terms = TERMS, *, repeat: bool = False
) -> tuple[Told, Ledger]:
    """The inputs in this order; deadlines run up to each outcome before it is read."""
    told, state, clock_ms = nothing_told(), load(None), 0
    for each in [each for each in inputs for _ in range(1 + repeat)]:
        if isinstance(each, Decision):
            attribution.decided(state, each, terms, told)
        else:
            clock_ms = max(clock_ms, each.at_ms - 1)
            attribution.advance(state, USER, clock_ms, told)
            attribution.happened(state, USER, each, told)
        state = load(dump(state))
    attribution.advance(state, USER, until_ms, told)
    return told, state


def rewards(*inputs: Input, until_ms: int = 100_000, terms: Terms = TERMS) -> list[Reward]:
    return folded(list(inputs), until_ms, terms)[0].rewards


NEGATIVE_THEN_2_000 = [(False, 0, False, 1_100), (True, 12, True, 2_000)]
SHOWN = outcome("impression", "a", 150)


@pytest.mark.parametrize(
    ("inputs", "want"),
    [
        ([made("a"), SHOWN], [(False, 0, False, 1_100)]),
        ([made("a"), order(900)], [(True, 12, False, 900)]),
        ([made("a"), order(1_100)], [(True, 12, False, 1_100)]),  # the window's last moment
        ([made("a"), order(1_101)], [(False, 0, False, 1_100), (True, 12, True, 1_101)]),
        ([made("a"), order(5_101)], [(False, 0, False, 1_100)]),  # behind the horizon
        ([made("a"), order(100)], [(False, 0, False, 1_100)]),  # the order that asked
        ([made("a"), order(50)], [(False, 0, False, 1_100)]),  # an order before it
        ([made("a"), order(300), order(400, 90)], [(True, 12, False, 300)]),  # the first counts
        ([made("a"), order(2_000), order(3_000)], NEGATIVE_THEN_2_000),
        ([order(300), made("a")], [(True, 12, False, 300)]),  # read before its decision
        ([made("a"), outcome("convert", "a", 400)], [(True, 0, False, 1_100)]),
        ([made("a"), outcome("convert", "a", 400), order(500)], [(True, 12, False, 500)]),
        ([made("a", candidates=())], []),  # nobody bid: there was no choice
    ],
)  # fmt: skip
def test_a_slot_yields_one_reward_and_at_most_one_correction(
    inputs: list[Input], want: list[tuple[bool, int, bool, int]]
) -> None:
    """(converted, margin, correction, closed at) of a decision at 100 with a window of 1,000."""
    got = rewards(*inputs)
    told = [(r.converted, r.reward_micros // MILLION, r.correction, r.closed_at_ms) for r in got]
    assert told == want


def test_an_order_credits_every_decision_before_it_the_withheld_and_nothing_too() -> None:
    """Each arm keeps its own outcome, so that their difference is what choosing brought."""
    got = rewards(
        made("a"),
        made("b", 200, withheld="holdout"),
        made("c", 300, campaign_id="", propensity_ppm=0, candidates=(Candidate("OFFER"),)),
        order(700),
    )
    assert [(r.slot_id, r.arm, r.withheld, r.converted) for r in got] == [
        ("s_a", "OFFER", "", True),
        ("s_b", "", "holdout", True),
        ("s_c", "", "", True),
    ]


@pytest.mark.parametrize(
    ("kind", "inputs", "want"),
    [
        (CONVERSIONS, [made("a"), order(700)], [(True, MILLION)]),
        (CLICKS, [made("a"), order(700)], [(False, 0)]),
        (CLICKS, [made("a"), outcome("action_click", "a", 200)], [(False, MILLION)]),
        (MARGIN, [made("a"), order(700, 0)], [(True, 0)]),
    ],
)
def test_what_a_reward_counts_is_the_sites_choice(
    kind: str, inputs: list[Input], want: list[tuple[bool, int]]
) -> None:
    """Margin, conversions or clicks."""
    got = rewards(*inputs, terms=Terms(WINDOW, HORIZON, kind, 300_000))
    assert [(each.converted, each.reward_micros) for each in got] == want


@pytest.mark.parametrize(
    ("order_", "want"),
    [
        (Outcome("purchase", "o", 300, value_micros=100), 30),
        (Outcome("purchase", "o", 300, value_micros=90, discount_micros=10), 20),
        (Outcome("purchase", "o", 300, value_micros=100, margin_micros=-5), -5),
    ],
)
def test_the_margin_of_an_order_is_the_shops_or_a_share_less_the_discount(
    order_: Outcome, want: int
) -> None:
    """A share of 30 % of the list value."""
    assert margin_micros(order_, 300_000) == want


def test_what_is_told_of_a_slot_says_what_the_visitor_saw() -> None:
    """Impression, click and dismissal up to the reward's moment, context and propensity."""
    asked = made("a", scores={"churn_risk": 3}, concepts={"hesitation": 5}, explored=True)
    seen = [SHOWN, outcome("action_click", "a", 160), outcome("dismiss", "a", 1_101)]
    (got,) = rewards(asked, *seen)
    assert (got.impression, got.click, got.dismiss, got.explored) == (True, True, False, True)
    assert got.context == {"churn_risk": 3, "hesitation": 5}
    assert (got.propensity_ppm, got.campaign_id, got.site) == (600_000, "OFFER", "demo")


@pytest.mark.parametrize("late", [False, True])
def test_a_stand_in_is_marked_and_takes_the_slot_over(late: bool) -> None:
    """Whichever of impression and late decision is read first; the primary's charge goes back."""
    stand_in = Fallback("STAND_IN", "page")
    carrier = made("c", 50, campaign_id="", candidates=(), fallback=stand_in, charge_micros=0)
    seen = outcome("impression", "a", 200, decision_id="d_c", fallback=True)
    rest: list[Input] = [seen, made("a")] if late else [made("a"), seen]
    told, _ = folded([carrier, *rest, order(400)], 100_000)
    (got,) = told.rewards
    assert (got.slot_id, got.source, got.campaign_id) == ("s_a", "fallback", "STAND_IN")
    assert (got.impression, got.converted, got.propensity_ppm) == (True, True, 0)
    assert sum(each.micros for each in told.bills) == 0


@pytest.mark.parametrize(
    ("inputs", "want"),
    [
        ([made("a")], [(7, 0), (-7, 0)]),  # reserved, never seen
        ([made("a"), SHOWN], [(7, 0), (0, 1)]),
        ([made("a"), outcome("impression", "a", LAPSE + 500)], [(7, 0), (-7, 0), (7, 1)]),
        ([made("a", withheld="rollout")], []),
        ([made("a", placement="email")], [(7, 0)]),
    ],
)
def test_a_charge_is_reserved_settled_or_released(
    inputs: list[Input], want: list[tuple[int, int]]
) -> None:
    """Micros and impressions, in order."""
    terms = Terms(WINDOW, 50_000, MARGIN, 300_000)
    told, _ = folded(inputs, 100_000, terms)
    assert [(each.micros, each.impressions) for each in told.bills] == want
    assert all(isinstance(each, Bill) for each in told.bills)


def test_after_all_deadlines_nothing_is_left() -> None:
    """Neither slots nor orders nor a deadline to come."""
    _, state = folded([made("a"), SHOWN, order(300)], 100 + 3_600_000 + 5_000)
    assert attribution.is_over(state)


def test_a_ledger_is_bounded_and_says_its_layout() -> None:
    """The oldest slot closes at once where there is no room; unknown bytes are refused by name."""
    many: list[Input] = [
        made(
            f"{'x' * 30}{at}",
            at,
            concepts={f"a_longer_name_{n}": 999_999 for n in range(20)},
        )
        for at in range(3 * SLOTS_MAX)
    ]
    told, state = folded(many, 0)
    assert len(state.slots) == SLOTS_MAX and len(dump(state)) <= LEDGER_BYTES_MAX
    assert [each.converted for each in told.rewards] == [False] * (2 * SLOTS_MAX)
    assert told.crowded_out == 2 * SLOTS_MAX
    with pytest.raises(UnknownLedger, match="4b4c02"):
        load(b"KL\x02")


@dataclass
class Visit:
    """Decisions and outcomes of one key; what any reading order must end with."""

    decisions: list[Decision]
    outcomes: list[Outcome]

    def oracle(self) -> dict[str, tuple[bool, int, int]]:
        """slot -> (converted, micros, closed at), by three loops and no state."""
        out = {}
        for each in self.decisions:
            at_ms, end_ms = each.decided_at_ms, each.decided_at_ms + WINDOW
            orders = sorted(
                (o.at_ms, o.event_id, o.value_micros)
                for o in self.outcomes
                if o.kind == "purchase" and at_ms < o.at_ms <= at_ms + HORIZON
            )
            said = [o for o in self.outcomes if o.kind == "convert" and o.slot_id == each.slot_id]
            if orders and orders[0][0] <= end_ms:
                out[each.slot_id] = (True, orders[0][2] * 3 // 10, orders[0][0])
            elif said and min(o.at_ms for o in said) <= end_ms:
                out[each.slot_id] = (True, 0, end_ms)
            elif orders:
                out[each.slot_id] = (True, orders[0][2] * 3 // 10, orders[0][0])
            else:
                out[each.slot_id] = (False, 0, end_ms)
        return out


def visit(times: list[int], orders: list[int], seen: list[tuple[int, int, str]]) -> Visit:
    """Decisions at these times; outcomes name one of them, some time after it."""
    decisions = [made(str(at), at) for at in sorted(set(times))]
    told = [order(at, 10 + at % 7) for at in sorted(set(orders))]
    told += [
        outcome(kind, str(decisions[which % len(decisions)].decided_at_ms), at_ms)
        for which, at_ms, kind in seen
    ]
    known = {each.event_id: each for each in told}
    return Visit(decisions, sorted(known.values(), key=lambda each: each.at_ms))


VISITS = st.builds(
    visit,
    st.lists(st.integers(1, 9_000), min_size=1, max_size=8),
    st.lists(st.integers(1, 9_000), max_size=4),
    st.lists(
        st.tuples(
            st.integers(0, 7),
            st.integers(1, 9_000),
            st.sampled_from(["impression", "action_click", "dismiss", "convert"]),
        ),
        max_size=8,
    ),
)


def side_by_side(each: Visit, turns: list[bool]) -> list[Input]:
    """Both topics read side by side, in the turns given: each keeps its own order."""
    left: list[Input] = list(each.decisions)
    right: list[Input] = list(each.outcomes)
    out: list[Input] = []
    for turn in turns:
        source = left if turn else right
        if source:
            out.append(source.pop(0))
    return [*out, *left, *right]


def final(told: list[Reward]) -> dict[str, tuple[bool, int, int]]:
    """The last word on each slot; a slot told twice that is no correction shows as "doubled"."""
    out: dict[str, tuple[bool, int, int]] = {}
    for each in told:
        known = out.get(each.slot_id)
        doubled = each.correction is not (known is not None) or (known is not None and known[0])
        name = "doubled" if doubled else each.slot_id
        out[name] = (each.converted, each.reward_micros, each.closed_at_ms)
    return out


def wrong(each: Visit, turns: list[bool]) -> list[str]:
    """What differs from the oracle, of rewards and of charges."""
    told, _ = folded(side_by_side(each, turns), 1_000_000, repeat=True)
    found = final(told.rewards)
    unseen = {
        d.slot_id
        for d in each.decisions
        if not any(o.kind == "impression" and o.slot_id == d.slot_id for o in each.outcomes)
    }
    charged = sum(each.micros for each in told.bills)
    settled = 7 * (len(each.decisions) - len(unseen))
    differing = [name for name, want in each.oracle().items() if found.pop(name, None) != want]
    return [*differing, *found, *(["charges"] if charged != settled else [])]


@settings(max_examples=300, deadline=None)
@given(VISITS, st.lists(st.booleans(), max_size=24))
def test_any_interleaving_and_any_repeat_ends_with_the_oracles_rewards(
    each: Visit, turns: list[bool]
) -> None:
    """Two topics, each in its own order, every record twice, state through bytes each time."""
    assert wrong(each, turns) == []


@pytest.mark.parametrize("planted", ["an early order is lost", "a repeat is a second decision"])
def test_a_fold_that_loses_or_doubles_is_caught(planted: str, monkeypatch: object) -> None:
    """planted: orders wait for nobody; slots are not known again."""
    assert isinstance(monkeypatch, pytest.MonkeyPatch)
    if planted.startswith("an"):
        monkeypatch.setattr(attribution, "ORDERS_MAX", 0)
        monkeypatch.setattr(attribution, "_wait", lambda *_: True)
    else:
        monkeypatch.setattr(attribution, "_find", lambda *_: None)
    assert wrong(visit([100], [300], []), [False]) != []


def test_the_settings_of_the_decisions_time_hold() -> None:
    """A window that changes later does not move what is already open."""
    told, state = nothing_told(), load(None)
    attribution.decided(state, made("a"), TERMS, told)
    attribution.decided(state, replace(made("b"), decided_at_ms=200), TERMS, told)
    assert attribution.next_ms(state) == 1_100
