"""What ties campaigns of one file together: offers, stand-ins, channels, bounds of triggers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.files import read_campaigns
from models.offers import bid_basis_micros, offer_of
from models.trigger_rules import rules
from schemas.campaign import Campaign, Campaigns
from schemas.trigger_bounds import ASCENDING, LIMITS, TriggerBounds

FULL = """\
channels:
  email: {session: 1, day: 2, user: 30}
  sms: {day: 1}
triggers: {debounce: 400ms, active_high: 75s, scroll_deep: 85%}
campaigns:
  - id: RECOVER
    action: email
    margin: 12.50
    value: 2
    budget_total: 9000
    pacing: asap
    caps: {user: 9, campaign: 10000}
    otherwise: CART_SAVE
    render: {title: Still interested, code: W10}
    offers:
      - {name: middle, risk: 60%, margin: 9, render: {code: W15}}
      - {name: strong, risk: 60%, value: 80, margin: 7.50, render: {title: 20 % off, code: W20}}
  - id: CART_SAVE
    action: cart_save
    margin: 12.50
    priority_override: checkout
    channel: sms
    render: {title: Keep your cart}
"""


def catalogue(text: str) -> Campaigns:
    read = read_campaigns(text)
    assert read.errors == (), [each.sentence() for each in read.errors]
    assert read.record is not None
    return read.record


@pytest.mark.promise("X2", "E23")
def test_every_field_of_a_campaign_arrives_in_its_unit() -> None:
    made = catalogue(FULL)
    mail, save = made.campaigns
    assert [(each.channel, each.cap_session, each.cap_day) for each in made.channels] == [
        ("email", 1, 2),
        ("sms", 0, 1),
    ]
    assert made.bounds == TriggerBounds(
        debounce_ms=400, active_high_ms=75_000, scroll_deep_ppm=850_000
    )
    assert (mail.value_micros, mail.budget_micros_total) == (2_000_000, 9_000_000_000)
    assert (mail.pacing, mail.cap_user, mail.cap_campaign) == ("asap", 9, 10_000)
    assert (mail.channel, mail.fallback, mail.otherwise) == ("email", False, "CART_SAVE")
    assert (save.channel, save.priority_override) == ("sms", "checkout")
    strong = mail.offers[1]
    assert (strong.risk_ppm, strong.value_micros, strong.margin_micros) == (
        600_000,
        80_000_000,
        7_500_000,
    )
    assert (strong.render.title, strong.render.code) == ("20 % off", "W20")
    assert mail.offers[0].render.title == "Still interested"
    assert Campaigns.from_record(made.to_record()) == made


# One line of FULL is replaced; the error names the line that now holds the mistake.
WRONG = [
    ("otherwise: CART_SAVE", "otherwise: CARTSAVE", "otherwise", "did you mean CART_SAVE?"),
    ("otherwise: CART_SAVE", "otherwise: RECOVER", "otherwise", "another one"),
    ("channel: sms", "channel: smss", "channel", "did you mean sms?"),
    ("channel: sms", "channel: pigeon", "channel", "channels: {pigeon: {}}"),
    ("priority_override: checkout", "priority_override: chekout", "priority_override", "checkout?"),
    ("priority_override: checkout", "otherwise: RECOVER", "otherwise", "one of the two"),
    ("margin: 12.50\n    value: 2", "margin: 8\n    value: 2", "offers", "weakest to strongest"),
    ("risk: 60%, value: 80", "risk: 50%, value: 80", "offers", "weakest to strongest"),
    ("risk: 60%, value: 80", "risk: 60%", "offers", "weakest to strongest"),
    ("margin: 7.50", "margin: 9.50", "offers", "weakest to strongest"),
    ("name: strong", "nam: strong", "offers[1].nam", "did you mean name?"),
    ("pacing: asap", "pacing: slow", "pacing", "even, asap"),
    ("debounce: 400ms", "debounce: 4s", "triggers.debounce", "between"),
    ("active_high: 75s", "active_high: 25s", "triggers.active_high", "above 30s"),
    ("scroll_deep: 85%", "scroll_dep: 85%", "triggers.scroll_dep", "did you mean scroll_deep?"),
    ("  sms: {day: 1}", "  sms: {week: 1}", "channels.sms.week", "session, day, user"),
    ("  sms: {day: 1}", "  S M S: {day: 1}", "channels.S M S", "small letters"),
]


@pytest.mark.parametrize(("good", "bad", "field", "fix"), WRONG)
def test_a_mistake_is_told_with_its_line_field_and_fix(
    good: str, bad: str, field: str, fix: str
) -> None:
    assert FULL.count(good) == 1
    text = FULL.replace(good, bad)
    errors = read_campaigns(text).errors
    place = "offers:" if field == "offers" else bad
    line = 1 + text[: text.index(place)].count("\n")
    found = [each for each in errors if each.field.endswith(field) and fix in each.fix]
    assert line in [each.line for each in found], [each.sentence() for each in errors]


RISKS = st.integers(min_value=0, max_value=1_000_000)
VALUES = st.integers(min_value=0, max_value=200_000_000)


@pytest.mark.promise("X2")
@given(RISKS, VALUES, RISKS, VALUES)
def test_more_risk_or_value_never_gets_a_weaker_offer(
    risk: int, value: int, more_risk: int, more_value: int
) -> None:
    mail = catalogue(FULL).campaigns[0]
    low = rank(mail, risk, value)
    high = rank(mail, max(risk, more_risk), max(value, more_value))
    assert low <= high


def rank(campaign: Campaign, risk: int, value: int) -> int:
    """How strong the offer is: 0 for the campaign's own; a stronger one bids no more."""
    offer = offer_of(campaign, {"churn_risk": risk, "potential_value": value})
    place = 0 if offer is None else 1 + campaign.offers.index(offer)
    assert bid_basis_micros(campaign, offer) == (14_500_000, 11_000_000, 9_500_000)[place]
    return place


OFFERS = [
    (599_999, 80_000_000, ""),
    (600_000, 0, "middle"),
    (600_000, 79_999_999, "middle"),
    (600_000, 80_000_000, "strong"),
    (1_000_000, 200_000_000, "strong"),
]


@pytest.mark.promise("X2")
@pytest.mark.parametrize(("risk", "value", "name"), OFFERS)
def test_the_offer_follows_risk_and_value(risk: int, value: int, name: str) -> None:
    mail = catalogue(FULL).campaigns[0]
    offer = offer_of(mail, {"churn_risk": risk, "potential_value": value})
    assert (offer.name if offer else "") == name


def test_without_scores_everybody_gets_the_plain_offer() -> None:
    assert offer_of(catalogue(FULL).campaigns[0], {"potential_value": 10**12}) is None


def test_the_shipped_bounds_are_within_their_own_limits() -> None:
    bounds = TriggerBounds()
    for name, (low, high) in LIMITS.items():
        assert low <= getattr(bounds, name) <= high
    for names in ASCENDING:
        values = [getattr(bounds, name) for name in names]
        assert values == sorted(set(values))
    assert len(rules(bounds)) == 7


LETTER = "campaigns:\n  - {{id: LETTER, action: email{}, margin: 5.00, render: {{title: Hello}}}}\n"


def test_a_message_without_a_cause_answers_every_burst_and_never_a_page() -> None:
    """Before, it bid for the page and was shown there."""
    (letter,) = catalogue(LETTER.format("")).campaigns
    assert (letter.placement, letter.on) == ("email", ())


def test_a_message_that_waits_for_a_page_event_is_refused() -> None:
    """It would never be sent, and nobody would see why."""
    (wrong,) = read_campaigns(LETTER.format(", on: exit_intent")).errors
    assert "never meets exit_intent" in wrong.sentence() and "at_close" in wrong.sentence()
