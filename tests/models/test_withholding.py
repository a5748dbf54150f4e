"""Withholding: holdouts, observe mode and rollout, by salted hashes of the user."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from models.withholding import drawn, withheld
from schemas.decision import Withholding
from schemas.ids import draw_ppm
from schemas.site import Site
from tests.builders import campaign, context, event
from tests.models.test_user import play

MILLION = 1_000_000
USERS = [f"demo:v:{number:032x}" for number in range(4_000)]
SITE = Site(site="demo", salt=b"salt")


@pytest.mark.parametrize(
    ("mode", "draws", "want"),
    [
        ("live", Withholding(0, 0, 0, MILLION, 0, 0), ""),
        ("live", Withholding(49_999, 50_000, 0, MILLION, 0, 0), "holdout"),
        ("live", Withholding(50_000, 50_000, 0, MILLION, 0, 0), ""),
        ("observe", Withholding(50_000, 50_000, 0, MILLION, 0, 0), "observe"),
        ("observe", Withholding(1, 50_000, 0, MILLION, 0, 0), "holdout"),
        ("live", Withholding(0, 0, 249_999, 250_000, 0, 0), ""),
        ("live", Withholding(0, 0, 250_000, 250_000, 0, 0), "rollout"),
        ("live", Withholding(0, 0, 0, 0, 0, 0), "rollout"),
        ("live", Withholding(0, 0, 0, MILLION, 9, 10), "campaign_holdout"),
        ("live", Withholding(0, 0, 0, MILLION, 10, 10), ""),
    ],
)
def test_what_withholds(mode: str, draws: Withholding, want: str) -> None:
    """Draw against share, in this order: holdout, mode, rollout, the winner's own holdout."""
    assert withheld(mode, draws) == want


def share(count: int) -> float:
    return count / len(USERS)


@pytest.mark.promise("C67")
def test_shares_are_met_and_independent_of_each_other_and_of_other_sites() -> None:
    """A fifth of one group is in any other, as of all users: within 4 points."""
    site = Site(site="demo", salt=b"salt", holdout_ppm=200_000, rollout_ppm=200_000)
    winter, summer = (
        campaign("WINTER", holdout_ppm=200_000),
        campaign("SUMMER", holdout_ppm=200_000),
    )
    draws = {user: drawn(site, user, winter) for user in USERS}
    held = {user for user, each in draws.items() if each.holdout_draw_ppm < 200_000}
    others = (
        {user for user, each in draws.items() if each.campaign_draw_ppm < 200_000},
        {user for user in USERS if drawn(site, user, summer).campaign_draw_ppm < 200_000},
        {user for user, each in draws.items() if each.rollout_draw_ppm < 200_000},
        {user for user in USERS if draw_ppm(b"pepper", "holdout", user) < 200_000},
    )
    for at, one in enumerate((held, *others)):
        assert abs(share(len(one)) - 0.2) < 0.03
        for other in others[at:]:
            assert abs(len(one & other) / len(one) - 0.2) < 0.04


def test_a_larger_rollout_only_adds_people() -> None:
    """Nobody who was reached is lost again on the way from 0 to 100 percent."""
    before: set[str] = set()
    for percent in (0, 5, 20, 80, 100):
        site = Site(site="demo", salt=b"salt", rollout_ppm=percent * 10_000)
        now = {user for user in USERS[:500] if not withheld("live", drawn(site, user, None))}
        assert before <= now
        before = now
    assert len(before) == 500


def test_a_holdout_stays_when_the_rollout_grows() -> None:
    """Who is held out by the site is so at any rollout, and is counted there."""
    for rollout in (0, 500_000, MILLION):
        site = Site(site="demo", salt=b"salt", holdout_ppm=100_000, rollout_ppm=rollout)
        held = [user for user in USERS if withheld("live", drawn(site, user, None)) == "holdout"]
        assert abs(share(len(held)) - 0.1) < 0.02


@pytest.mark.promise("C67")
@pytest.mark.parametrize(
    ("site", "own", "why"),
    [
        ({"holdout_ppm": MILLION}, 0, "holdout"),
        ({"mode": "observe"}, 0, "observe"),
        ({"rollout_ppm": 0}, 0, "rollout"),
        ({}, MILLION, "campaign_holdout"),
    ],
)
def test_withheld_people_meet_the_same_auctions(
    site: dict[str, object], own: int, why: str
) -> None:
    """Winner, price, candidates, caps and stage are those of everybody else; nothing is pushed."""
    days = [event("page_view", at * 7_200_000, at, event_id=f"e-{at}") for at in range(4)]
    seen = [
        event("impression", at * 7_200_000 + 100, 10 + at, event_id=f"i-{at}") for at in range(4)
    ]
    known = {"cap_day": 2, "holdout_ppm": own}
    campaigns = (campaign("a", **known), campaign("b", base_ppm=19_000, **known))
    free = context(campaign("a", cap_day=2), campaign("b", base_ppm=19_000, cap_day=2))
    shown, profile = [], None
    for page, look in zip(days, seen, strict=True):
        made, profile = play([page], free, profile)
        _, profile = play([replace(look, slot_id=made[0].slot_id)], free, profile)
        shown += made
    hidden, _ = play(days, context(*campaigns, site=site))
    for one, other in zip(shown, hidden, strict=True):
        assert (one.campaign_id, one.price_micros, one.charge_micros) == (
            other.campaign_id,
            other.price_micros,
            other.charge_micros,
        )
        assert one.reasons == other.reasons
        if one.campaign_id:
            assert (other.withheld, other.render, other.seq) == (why, None, 0)
            assert other.fallback is None and other.fallback_reason == why
            assert other.candidates[0].reason == "withheld"
    assert [each.campaign_id for each in shown] == ["a", "a", "b", "b"]
