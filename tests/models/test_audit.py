"""An audit counts each visitor once, from the first moment on, and supposes nothing silently."""

from __future__ import annotations

from math import erf, sqrt

import pytest

from models.audit import WINDOW_MS, Audit, Effect, gives_discount, stake_micros
from models.audit_size import WEEK_MS, simulated_lift, visitors_needed, weeks_needed
from models.coverage import Coverage
from schemas.campaign import Campaign
from schemas.decision import Candidate, Decision, TriggerRef
from schemas.event import Event
from schemas.offer import Offer
from schemas.render import Render

ONE_MINUTE_MS = 60_000
IDS = ("A", "B")


def bought(at_ms, worth=10_000_000):
    """A purchase."""
    return Event(
        type="purchase", event_id=f"e{at_ms}", received_at_ms=at_ms, value_micros=worth,
        session_id="s",
    )  # fmt: skip


def looked(at_ms):
    """A page view."""
    return Event(type="page_view", received_at_ms=at_ms, session_id="s")


def fires(at_ms, campaign="A", reason="withheld", quality=10_000):
    """A moment at which a campaign would have shown."""
    best = Candidate(campaign_id=campaign, quality_ppm=quality)
    return Decision(
        decided_at_ms=at_ms, campaign_id=campaign, reason=reason, stage="browse",
        trigger=TriggerRef("page_view"), candidates=(best,),
    )  # fmt: skip


def audited(*users):
    """The audit of some users, each (events, decisions)."""
    audit = Audit(Coverage(IDS))
    for events, decisions in users:
        audit.add_user(events, decisions)
    return audit


@pytest.mark.parametrize(
    ("events", "decisions", "fired", "buyers", "orders"),
    [
        ([looked(1), bought(5)], [fires(2)], 1, 1, 1),
        ([looked(1), bought(5)], [fires(2), fires(3)], 2, 1, 1),
        ([looked(1), bought(5), bought(6)], [fires(2)], 1, 1, 2),
        ([bought(1), looked(5)], [fires(6)], 1, 0, 0),
        ([looked(1), bought(2 + WINDOW_MS)], [fires(2)], 1, 1, 1),
        ([looked(1), bought(3 + WINDOW_MS)], [fires(2)], 1, 0, 0),
        ([looked(1), bought(5)], [fires(2, reason="no_eligible", campaign="")], 0, 0, 0),
        ([looked(1), bought(5)], [], 0, 0, 0),
    ],
)
def test_a_visitor_counts_once_and_orders_only_after_a_moment(
    events, decisions, fired, buyers, orders
):
    """Whoever bought before is no buyer of the moment, nor who bought long after it."""
    effect = audited((events, decisions)).any
    assert (effect.fired, effect.buyers, effect.orders) == (fired, buyers, orders)
    assert effect.visitors == bool(fired)


def test_shares_of_users_add_up_to_the_whole():
    """Counted apart and merged, in either order, as counted at once."""
    users = [
        ([looked(1), bought(50)], [fires(2), fires(9, "B")]),
        ([looked(7)], [fires(8, "B", "won")]),
        ([looked(3), bought(4)], []),
    ]
    whole = audited(*users)
    for first, second in ((users[:1], users[1:]), (users[1:], users[:1])):
        merged = audited(*first)
        merged.merge(audited(*second))
        for name in ("any", "campaigns", "moments", "events", "orders", "first_ms", "last_ms"):
            assert getattr(merged, name) == getattr(whole, name), name
        assert merged.coverage.moments == whole.coverage.moments
        assert merged.coverage.campaigns == whole.coverage.campaigns


def test_planted_a_visitor_who_counts_twice_is_seen():
    """Were each moment a visitor, the conversion would be another."""
    audit = audited(([looked(1), bought(50)], [fires(2), fires(3)]))
    moments = Effect(2, 2, 1, 1, 10_000_000, 20_000)
    assert audit.any != moments and audit.any.visitors == 1


@pytest.mark.parametrize(
    ("campaign", "gives"),
    [
        (Campaign(action_type="discount_popup"), True),
        (Campaign(action_type="banner", render=Render(code="W10")), True),
        (Campaign(action_type="banner", offers=(Offer(render=Render(code="W10")),)), True),
        (Campaign(action_type="product_carousel"), False),
    ],
)
def test_a_discount_is_known_by_its_kind_or_its_code(campaign, gives):
    """Only what gives money away has a stake."""
    assert gives_discount(campaign) is gives


def test_the_stake_is_a_share_of_what_was_bought_anyway():
    """In micros, rounded down."""
    assert stake_micros(Effect(order_micros=199_999_999), 150_000) == 29_999_999


def power_of(base, lift, holdout, visitors):
    """The power of the test by the normal law, from the other end than the formula."""
    other = base * (1 + lift)
    low, high = visitors * holdout, visitors * (1 - holdout)
    mean = holdout * base + (1 - holdout) * other
    limit = 1.959963984540054 * sqrt(mean * (1 - mean) * (1 / low + 1 / high))
    spread = sqrt(base * (1 - base) / low + other * (1 - other) / high)
    return 0.5 * (1 + erf(((other - base) - limit) / spread / sqrt(2)))


@pytest.mark.parametrize("base", [0.005, 0.02, 0.3])
@pytest.mark.parametrize("holdout", [0.5, 0.1, 0.05])
def test_so_many_visitors_give_a_power_of_four_fifths(base, holdout):
    """Computed backwards; a tenth fewer fall short."""
    needed = visitors_needed(base, 0.1, holdout)
    assert needed is not None
    assert power_of(base, 0.1, holdout, needed) == pytest.approx(0.8, abs=1e-4)
    assert power_of(base, 0.1, holdout, needed * 0.9) < 0.77


def test_what_cannot_be_said_is_not_said():
    """No buyer, no visitor, or too short a log."""
    assert visitors_needed(0.0, 0.1, 0.5) is None and visitors_needed(0.95, 0.1, 0.5) is None
    assert weeks_needed(None, 10, WEEK_MS) is None and weeks_needed(10, 0, WEEK_MS) is None
    assert weeks_needed(10, 10, ONE_MINUTE_MS) is None
    assert weeks_needed(100, 10, 2 * WEEK_MS) == 20.0


def test_the_supposed_range_lies_between_nothing_and_twice_the_prior():
    """The same each time, and wider for one campaign than for many of the same sum."""
    one = {"A": Effect(prior_ppm=2_000_000)}
    found = simulated_lift(one, 10)
    assert found == simulated_lift(one, 10) and found is not None
    assert 0 < found[0] < 0.05 and 0.35 < found[1] < 0.4
    many = simulated_lift({str(n): Effect(prior_ppm=200_000) for n in range(10)}, 10)
    assert many is not None and found[0] < many[0] < 0.2 < many[1] < found[1]
    assert simulated_lift(one, 0) is None
