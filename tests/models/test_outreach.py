"""Outreach: when a message follows a visit, when it is due, and what withdraws it."""

from __future__ import annotations

from typing import Any

import pytest

from models.effects import Decide, Effect, Emit
from models.mail_arms import ARMS, DELAYS_MS, EXIT, GAP, arm_of
from models.user import advance, step
from schemas.campaign import EMAIL, Campaign, Campaigns
from schemas.decision import Decision
from schemas.event import Consent
from schemas.profile import Profile
from schemas.trigger import Trigger
from schemas.trigger_bounds import TriggerBounds
from tests.builders import BEGINNING, ONE_MINUTE, ONE_SECOND, campaign, context, event, lamp, page

KNOWN = "demo:u:" + "0" * 32
HALF_AN_HOUR = 30 * ONE_MINUTE
PRODUCT = {"page": page("/p/lamp", "product"), "product": lamp()}
NO_MARKETING = Consent(analytics=True, personalization=True, marketing=False)


def letter(*on: str, id: str = "letter", **fields: Any) -> Campaign:
    """A message outside the page."""
    return campaign(
        id,
        action_type="email",
        placement=EMAIL,
        channel=EMAIL,
        on=on,
        needs=("marketing",),
        fallback=False,
        **fields,
    )


def of_arm(arm: str, timing: str = EXIT) -> str:
    """A known user whose arm is this one."""
    keys = (f"demo:u:{number:032x}" for number in range(1_000))
    return next(key for key in keys if arm_of(b"salt", key, timing) == arm)


class Visit:
    """One user's events, and all that came of them."""

    def __init__(self, *campaigns: Campaign, user: str = KNOWN, **site: Any) -> None:
        self.context = context(*campaigns, site=site)
        self.user, self.index = user, 0
        self.profile: Profile | None = None
        self.effects: list[Effect] = []

    def do(self, type: str, at_ms: int, **fields: Any) -> Visit:
        """One event."""
        made = event(type, at_ms, self.index, user_key=self.user, **fields)
        self.index += 1
        self._took(*step(self.profile, made, self.user, self.context)[:2])
        return self

    def wait(self, until_ms: int) -> Visit:
        """Nothing happens until then."""
        assert self.profile is not None
        self._took(*advance(self.profile, BEGINNING + until_ms, self.user, self.context))
        return self

    def _took(self, profile: Profile | None, effects: list[Effect]) -> None:
        self.profile = profile
        self.effects += effects

    @property
    def told(self) -> list[Trigger]:
        """The triggers so far."""
        return [each.trigger for each in self.effects if isinstance(each, Emit)]

    @property
    def mails(self) -> list[Decision]:
        """The decisions of the placement `email`."""
        decisions = [each.decision for each in self.effects if isinstance(each, Decide)]
        return [each for each in decisions if each.placement == EMAIL]


def looked(
    visit: Visit, *, active_s: int = 61, clicks: int = 4, scroll: int = 810_000, start_ms: int = 0
) -> Visit:
    """A product looked at for so long, with so many clicks and so deep; ends a second later."""
    visit.do("page_view", start_ms - ONE_SECOND, page=page(f"/search/{start_ms}", "search"))
    visit.do("product_view", start_ms, **PRODUCT)
    for number in range(clicks):
        fields = {"properties": {"target": f"b{number}"}}
        visit.do("click", start_ms + (number + 1) * ONE_SECOND, **fields, **PRODUCT)
    at_ms = start_ms + (clicks + 1) * ONE_SECOND
    fields = {"active_duration_ms": active_s * ONE_SECOND, "scroll_depth_ppm": scroll}
    return visit.do("scroll", at_ms, **fields, **PRODUCT)


SCROLLED = 5 * ONE_SECOND
"""When the scroll of `looked` with four clicks happens."""

FIRED = [
    # active s, clicks, scroll -> cause of what is told by the end of the burst, rule
    ({"active_s": 61, "clicks": 4, "scroll": 650_000}, "at_close", 6),
    ({"active_s": 61, "clicks": 3, "scroll": 500_000}, "at_close", 6),
    ({"active_s": 61, "clicks": 3, "scroll": 499_999}, "", 0),
    ({"active_s": 61, "clicks": 5, "scroll": 0}, "at_close", 5),
    ({"active_s": 61, "clicks": 4, "scroll": 810_000}, "in_session", 4),
    ({"active_s": 60, "clicks": 9, "scroll": 810_000}, "", 0),
    ({"active_s": 61, "clicks": 0, "scroll": 810_000}, "", 0),
]


@pytest.mark.promise("E7", "E16", "E25", "E32", "E43", "E45", "E50")
@pytest.mark.parametrize(("burst", "cause", "rule"), FIRED)
def test_a_burst_fires_as_the_rules_say(burst: dict[str, int], cause: str, rule: int) -> None:
    visit = looked(Visit(letter("in_session", "at_close")), **burst).wait(5 * ONE_MINUTE)
    assert [(each.cause, each.rule) for each in visit.told] == ([(cause, rule)] if cause else [])


@pytest.mark.promise("E46")
def test_a_trigger_in_session_waits_until_its_signal_is_quiet() -> None:
    """300 ms after the last scroll, counted from the newest one."""
    visit = looked(Visit(letter("in_session")))
    assert visit.wait(SCROLLED + 299).told == []
    deeper = {"active_duration_ms": 61 * ONE_SECOND, "scroll_depth_ppm": 820_000}
    visit.do("scroll", SCROLLED + 299, **deeper, **PRODUCT)
    assert visit.wait(SCROLLED + 598).told == []
    (told,) = visit.wait(SCROLLED + 599).told
    assert told.detected_at_ms == BEGINNING + SCROLLED + 599


@pytest.mark.promise("E46")
def test_another_kind_of_signal_does_not_put_it_off() -> None:
    visit = looked(Visit(letter("in_session"))).do("hover", SCROLLED + 200, **PRODUCT)
    (told,) = visit.wait(SCROLLED + 300).told
    assert told.cause == "in_session"


@pytest.mark.promise("E31")
def test_a_gap_closes_a_burst_after_ninety_seconds() -> None:
    visit = looked(Visit(letter("at_close")), scroll=500_000)
    assert visit.wait(SCROLLED + 90 * ONE_SECOND).told == []
    (told,) = visit.wait(SCROLLED + 90 * ONE_SECOND + 1).told
    assert (told.cause, told.arm in ("", *ARMS[GAP])) == ("at_close", True)


@pytest.mark.promise("E31", "E37")
def test_an_exit_without_a_return_closes_it_after_five_seconds() -> None:
    visit = looked(Visit(letter("at_close"), user=of_arm("A1")), scroll=500_000)
    visit.do("page_leave", SCROLLED + ONE_SECOND)
    assert visit.wait(SCROLLED + 6 * ONE_SECOND).told == []
    (told,) = visit.wait(SCROLLED + 6 * ONE_SECOND + 1).told
    assert told.due_at_ms == BEGINNING + SCROLLED + ONE_SECOND + ONE_MINUTE


def test_a_return_within_five_seconds_goes_on_with_the_burst() -> None:
    visit = looked(Visit(letter("at_close")), scroll=500_000).do("hidden", SCROLLED + 1)
    visit.do("visible", SCROLLED + 4 * ONE_SECOND)
    assert visit.wait(SCROLLED + 60 * ONE_SECOND).told == []


def test_a_burst_fires_once() -> None:
    """A close after a trigger in session sends nothing; the next burst may."""
    visit = looked(Visit(letter("in_session", "at_close", cap_day=0, cap_session=0)))
    visit.wait(5 * ONE_MINUTE)
    assert [each.cause for each in visit.told] == ["in_session"]
    looked(visit, start_ms=6 * ONE_MINUTE).wait(9 * ONE_MINUTE)
    assert [each.cause for each in visit.told if each.kind != "cancel"] == ["in_session"] * 2
    first, second = [each.trigger_id for each in visit.told if each.kind != "cancel"]
    assert first != second


@pytest.mark.promise("C56")
@pytest.mark.parametrize("late_ms", [-1, 0])
def test_a_purchase_withdraws_a_planned_message_up_to_the_moment_it_is_due(late_ms: int) -> None:
    """At the same millisecond the purchase wins."""
    visit = looked(Visit(letter("in_session"), user=of_arm("A2")))
    (mail,) = visit.wait(SCROLLED + 300).told
    assert (mail.kind, mail.due_at_ms - mail.detected_at_ms) == ("mail", 90 * ONE_SECOND)
    visit.do("purchase", mail.due_at_ms - BEGINNING + late_ms)
    cancel = visit.told[-1]
    assert (cancel.kind, cancel.reason) == ("cancel", "bought")
    assert cancel.trigger_id == mail.trigger_id


@pytest.mark.promise("C56")
def test_a_purchase_after_it_was_due_withdraws_nothing() -> None:
    visit = looked(Visit(letter("in_session"), user=of_arm("A2"))).wait(SCROLLED + 300)
    visit.do("purchase", visit.told[0].due_at_ms - BEGINNING + 1)
    assert [each.kind for each in visit.told] == ["mail"]


@pytest.mark.promise("C56")
@pytest.mark.parametrize("early_ms", [0, 1])
def test_a_purchase_at_the_moment_of_a_trigger_goes_first(early_ms: int) -> None:
    visit = looked(Visit(letter("in_session")))
    visit.do("purchase", SCROLLED + 300 - early_ms).wait(HALF_AN_HOUR)
    assert visit.told == [] and visit.mails == []


def test_a_return_in_a_later_burst_withdraws_and_frees_the_cap() -> None:
    visit = looked(Visit(letter("at_close"), user=of_arm("A4", GAP)), scroll=500_000)
    (mail,) = visit.wait(2 * ONE_MINUTE).told
    visit.do("page_view", 3 * ONE_MINUTE)
    assert [(each.kind, each.reason) for each in visit.told[1:]] == [("cancel", "returned")]
    assert visit.told[1].trigger_id == mail.trigger_id
    looked(visit, scroll=500_000, start_ms=4 * ONE_MINUTE).wait(7 * ONE_MINUTE)
    assert [each.kind for each in visit.told] == ["mail", "cancel", "mail"]


def test_withdrawn_consent_withdraws_the_message() -> None:
    visit = looked(Visit(letter("in_session"), user=of_arm("A2"))).wait(SCROLLED + 300)
    visit.do("consent", SCROLLED + 400, consent=NO_MARKETING)
    assert [each.reason for each in visit.told[1:]] == ["consent"]


UNMAILABLE = [
    ({"user": "demo:v:" + "0" * 32}, {}, "no address"),
    ({}, {"consent": NO_MARKETING}, "no consent"),
]


@pytest.mark.parametrize(("who", "fields", "reason"), UNMAILABLE)
def test_who_cannot_be_sent_a_message_is_told_apart(
    who: dict[str, str], fields: dict[str, Any], reason: str
) -> None:
    visit = looked(Visit(letter("at_close"), **who), scroll=500_000)
    visit.do("hover", SCROLLED + 1, **fields).wait(3 * ONE_MINUTE)
    assert [(each.kind, each.reason) for each in visit.told] == [("unmailable", reason)]
    assert visit.mails == []


@pytest.mark.promise("C67")
def test_holdout_and_the_arm_without_a_message_are_told_and_send_nothing() -> None:
    held = looked(Visit(letter("in_session", holdout_ppm=1_000_000))).wait(SCROLLED + 300)
    assert [(each.kind, each.reason) for each in held.told] == [("no_send", "campaign_holdout")]
    nobody = looked(Visit(letter("in_session"), user=of_arm("A0"))).wait(SCROLLED + 300)
    assert [(each.kind, each.reason, each.arm) for each in nobody.told] == [
        ("no_send", "arm", "A0")
    ]


@pytest.mark.promise("E38", "E39")
@pytest.mark.parametrize("arm", ["A2", "A3", "A4"])
def test_the_arm_says_when_it_is_due(arm: str) -> None:
    visit = looked(Visit(letter("in_session"), user=of_arm(arm))).wait(SCROLLED + 300)
    (told,) = visit.told
    assert (told.arm, told.due_at_ms - told.detected_at_ms) == (arm, DELAYS_MS[arm])


@pytest.mark.promise("E24")
def test_a_message_tells_what_was_looked_at_and_for_how_long() -> None:
    visit = looked(Visit(letter("in_session"), user=of_arm("A3")), active_s=72).wait(SCROLLED + 300)
    fields = visit.told[0].fields
    assert fields["active_s"] == "72" and fields["interactions"] == "5"
    assert (fields["product_id"], fields["product_category"]) == ("lamp", "light")
    assert fields.keys() >= {"paused_on", "page_path", "offer"}


@pytest.mark.promise("C79")
def test_a_cart_left_for_half_an_hour_asks_for_a_message() -> None:
    visit = Visit(letter("cart_abandoned"), user=of_arm("A3", GAP))
    visit.do("add_to_cart", 0, product=lamp()).do("cart_view", 1_000)
    assert visit.wait(HALF_AN_HOUR + 1_000).told == []
    (told,) = visit.wait(HALF_AN_HOUR + 1_001).told
    assert (told.kind, told.cause, told.campaign_id) == ("mail", "cart_abandoned", "letter")


def test_the_decision_of_a_message_is_kept_from_the_page_and_explained() -> None:
    visit = looked(Visit(letter("in_session"), campaign("popup", on=("exit_intent",))))
    visit.wait(SCROLLED + 300)
    (decision,) = visit.mails
    assert (decision.campaign_id, decision.render, decision.seq) == ("letter", None, 0)
    assert visit.told[0].slot_id == decision.slot_id
    assert decision.fallback is None


def test_without_messages_a_profile_waits_for_nothing() -> None:
    visit = looked(Visit(campaign("popup", on=("exit_intent",))))
    assert visit.profile is not None and visit.profile.outreach.at_ms == 0


@pytest.mark.promise("E23")
def test_bounds_come_from_the_catalogue_in_force() -> None:
    visit = Visit(letter("in_session"))
    bounds = TriggerBounds(active_high_ms=40_000, debounce_ms=1_000)
    record = Campaigns(site="demo", version=2, campaigns=(letter("in_session"),), bounds=bounds)
    visit.context.add("campaigns", record)
    looked(visit, active_s=41)
    assert visit.wait(SCROLLED + 999).told == []
    assert [each.rule for each in visit.wait(SCROLLED + 1_000).told] == [4]


def test_the_same_log_tells_the_same_whenever_deadlines_are_met() -> None:
    """By a timer in time, or by the visitor's next event days later."""
    in_time = looked(Visit(letter("at_close")), scroll=500_000).wait(3 * ONE_MINUTE)
    late = looked(Visit(letter("at_close")), scroll=500_000)
    for visit in (in_time, late):
        visit.do("page_view", 24 * 60 * ONE_MINUTE)
    assert in_time.told == late.told != []


def test_all_arms_are_used_alike() -> None:
    keys = [f"demo:u:{number:032x}" for number in range(6_000)]
    for timing, arms in ARMS.items():
        counts = [sum(arm_of(b"salt", key, timing) == arm for key in keys) for arm in arms]
        assert all(abs(count * len(arms) - 6_000) < 600 for count in counts)
