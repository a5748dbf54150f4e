"""Files: human units become records exactly, and every mistake names line, field and fix."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.file_fields import ERRORS_MAX
from connectors.files import Read, read_campaigns, read_products, read_sites
from connectors.yaml_lines import BadYaml, parse
from models.priors import PRIORS
from schemas.campaign import Campaign
from schemas.origins import allowed

FIVE_LINES = """\
campaigns:
  - id: WINTER
    action: discount_popup
    when: stage in [cart, high_intent] and frustration < 0.4 and cart_value >= 40
    margin: 12.50
    render: {title: "15 % off today"}
"""

EVERYTHING = """\
site: demo
campaigns:
  - id: ALL
    action: my_own
    when: dwell >= 20s
    margin: 0.000001
    on: [dwell, exit_intent]
    stages: browse
    placement: top
    priority: -3
    caps: {session: 2, day: 0}
    budget: 500.25/day
    excludes: [incentives]
    holdout: 5%
    ttl: 1.5m
    starts: 2026-12-01 00:00 Europe/Berlin
    ends: 2026-12-24T18:00:00Z
    paused: true
    fallback: false
    needs: [marketing]
    base: 0.25%
    response: {churn_risk: 0.05, frustration: -1%}
    render:
      kind: modal
      title: T
      body: B
      cta: {label: L, url: /cart?code=W15}
      code: W15
      countdown: 10m
      products: [{id: p1, title: Lamp, url: https://shop.example/p/1}]
"""


def only(read: Read[Any]) -> tuple[int, str, str, str]:
    """(line, field, error, fix) of the single error."""
    assert read.record is None
    (error,) = read.errors
    return error.line, error.field, error.error, error.fix


def test_five_lines_make_a_campaign() -> None:
    record = read_campaigns(FIVE_LINES).record
    assert record is not None
    campaign = record.campaigns[0]
    assert campaign.margin_micros == 12_500_000
    assert (campaign.cap_session, campaign.cap_day, campaign.ttl_ms) == (1, 3, 30_000)
    prior = PRIORS["discount_popup"]
    assert (campaign.base_ppm, campaign.response) == (prior.base_ppm, prior.response)
    assert (campaign.render.kind, campaign.placement) == ("modal", "page")


def test_every_field_arrives_in_its_unit() -> None:
    read = read_campaigns(EVERYTHING)
    assert read.errors == ()
    assert read.record is not None and read.record.site == "demo"
    campaign = read.record.campaigns[0]
    expected = {
        "margin_micros": 1,
        "on": ("dwell", "exit_intent"),
        "stages": ("browse",),
        "placement": "top",
        "priority": -3,
        "cap_session": 2,
        "cap_day": 0,
        "budget_micros_day": 500_250_000,
        "excludes": ("incentives",),
        "holdout_ppm": 50_000,
        "ttl_ms": 90_000,
        "starts_at_ms": 1_796_079_600_000,
        "ends_at_ms": 1_798_135_200_000,
        "paused": True,
        "fallback": False,
        "needs": ("marketing",),
        "base_ppm": 2_500,
        "response": {"churn_risk": 50_000, "frustration": -10_000},
    }
    assert {name: getattr(campaign, name) for name in expected} == expected
    assert campaign.render.countdown_s == 600
    assert campaign.render.products[0].title == "Lamp"
    assert Campaign.from_record(campaign.to_record()) == campaign


# Line 6 of the file is always the bad one.
BAD_LINES = [
    ("cap: 1", "cap", "known field", "did you mean caps?"),
    ("colour: red", "colour", "known field", "known here: id, action"),
    ("caps: {sesion: 1}", "caps.sesion", "known field", "did you mean session?"),
    ("caps: {session: many}", "caps.session", "'many'", "from 0 to 1000"),
    ("caps: 3", "caps", "not a map", "session, day"),
    ("budget: 500", "budget", "'500'", "500/day"),
    ("budget: 500/week", "budget", "'500/week'", "500/day"),
    ("holdout: 5", "holdout", "more than all", "5%"),
    ("holdout: -5%", "holdout", "negative", "5%"),
    ("ttl: 30", "ttl", "no duration", "write 30s"),
    ("ttl: 30sec", "ttl", "no duration", "30s or 5m"),
    ("starts: 2026-12-01 00:00", "starts", "time zone is missing", "Europe/Berlin"),
    ("starts: 2026-12-01 00:00 Europe/Berlim", "starts", "no time zone", "Europe/Berlin"),
    ("starts: tomorrow", "starts", "no moment", "2026-12-01 00:00"),
    ("starts: 2026-02-30 00:00 UTC", "starts", "no calendar", "month, day"),
    ("starts: 2026-03-29 02:30 Europe/Berlin", "starts", "does not exist", "an hour later"),
    ("on: [dwell, exitintent]", "on[1]", "'exitintent'", "did you mean exit_intent?"),
    ("stages: [shopping]", "stages[0]", "'shopping'", "browse, cart, high_intent"),
    ("needs: [marketting]", "needs[0]", "'marketting'", "did you mean marketing?"),
    ("priority: 1.5", "priority", "'1.5'", "whole number"),
    ("paused: maybe", "paused", "'maybe'", "true or false"),
    ("paused:", "paused", "empty", "remove the line"),
    ("response: {churn: 0.1}", "response.churn", "known field", "churn_risk"),
    ("response: {churn_risk: 2}", "response.churn_risk", "more than all", "up to 1"),
    ("base: 0.0000001", "base", "too fine", "6 digits"),
    ("excludes: ['a b']", "excludes[0]", "no name", "small letters"),
    ("placement: [a]", "placement", "a list", "one value"),
    ("when: cart_valu > 40", "when", "column 1: unknown name", "did you mean cart_value?"),
    ("when: dwell > 20", "when", "column 9", "20s"),
]


@pytest.mark.parametrize(("line", "field", "error", "fix"), BAD_LINES)
def test_a_bad_field_names_its_line_its_path_and_the_fix(
    line: str, field: str, error: str, fix: str
) -> None:
    text = (
        "campaigns:\n  - id: A\n    action: cart_save\n    margin: 1\n    render: {title: T}\n"
        f"    {line}\n"
    )
    number, path, said, how = only(read_campaigns(text, "shop.yaml"))
    assert (number, path) == (6, f"campaigns[0].{field}")
    assert error in said and fix in how


BAD_RENDERS = [
    ("{title: T, kind: popup}", "render.kind", "modal, banner, inline"),
    ("{body: B}", "render.title", "add title: "),
    ("{title: T, cta: {label: L, url: 'javascript:alert(1)'}}", "render.cta.url", "https://"),
    ("{title: T, cta: {label: L, url: '//evil.example'}}", "render.cta.url", "https://"),
    ("{title: T, cta: {label: L, url: '/a\\b'}}", "render.cta.url", "https://"),
    ("{title: T, cta: {label: L}}", "render.cta.url", "add url: "),
    ("{title: T, countdown: 600}", "render.countdown", "write 600s"),
    ("{title: ' '}", "render.title", "write a text"),
    ('{title: "a\\x07b"}', "render.title", "remove them"),
    (f"{{title: {'x' * 121}}}", "render.title", "at most 120"),
    ("hello", "render", "kind, title"),
]


@pytest.mark.parametrize(("render", "field", "fix"), BAD_RENDERS)
def test_a_creative_is_bounded_text_with_allowed_links(render: str, field: str, fix: str) -> None:
    text = FIVE_LINES.replace('{title: "15 % off today"}', render)
    line, path, _, how = only(read_campaigns(text))
    assert (line, path) == (6, f"campaigns[0].{field}")
    assert fix in how


BAD_FILES = [
    ("", 1, "campaigns", "first key"),
    ("- a", 1, "campaigns", "`campaigns:`"),
    ("campaigns: 3", 1, "campaigns", "- id"),
    ("other: 1\ncampaigns: []", 1, "other", "known here: site, channels"),
    ("campaigns:\n\t- id: a", 2, "campaigns", "spaces"),
    ("campaigns: []\ncampaigns: []", 2, "campaigns", "keep one"),
    ("campaigns: &a []\nsite: *a", 1, "campaigns", "write the value out"),
    ("site: My Shop\ncampaigns: []", 1, "site", "small letters"),
    ("campaigns:\n  - a\n", 2, "campaigns[0]", "id, action"),
    ("a: b: c", 1, "campaigns", "quotes"),
    ("campaigns: []\n---\ncampaigns: []", 2, "campaigns", "one document"),
    ("campaigns: [" * 20 + "]" * 20, 1, "campaigns", "levels"),
]


@pytest.mark.parametrize(("text", "line", "field", "fix"), BAD_FILES)
def test_a_file_of_another_form_is_refused_with_its_line(
    text: str, line: int, field: str, fix: str
) -> None:
    read = read_campaigns(text)
    assert read.record is None
    assert (read.errors[0].line, read.errors[0].field) == (line, field)
    assert fix in read.errors[0].fix


def test_all_errors_of_a_file_are_told_at_once_in_order() -> None:
    text = (
        "campaigns:\n  - id: A\n    action: Popup!\n    margin: free\n    render: {title: T}\n"
        "  - id: A\n    action: cart_save\n    margin: 1\n    ttl: 5\n"
    )
    read = read_campaigns(text)
    assert [(each.line, each.field) for each in read.errors] == [
        (3, "campaigns[0].action"),
        (4, "campaigns[0].margin"),
        (6, "campaigns[1].render"),
        (6, "campaigns[1].id"),
        (9, "campaigns[1].ttl"),
    ]


def test_the_number_of_errors_is_bounded() -> None:
    rows = "".join(f"  - id: c{n}\n" for n in range(90))
    assert len(read_campaigns("campaigns:\n" + rows).errors) == ERRORS_MAX


def test_a_campaign_cannot_end_before_it_starts() -> None:
    late = "    starts: 2026-12-02 00:00 UTC\n    ends: 2026-12-01 00:00 UTC\n"
    assert only(read_campaigns(FIVE_LINES + late))[1] == "campaigns[0].ends"


def test_a_site_arrives_in_its_units_without_keys() -> None:
    text = """\
sites:
  - id: my-shop
    origins: [https://Shop.example:443, "http://127.0.0.1:*"]
    currency: CHF
    time_zone: Europe/Zurich
    consent: implied
    mode: observe
    rollout: 12.5%
    push: full
    holdout: 0.05
    placements: [page, top]
    reserve: 0.02
    dwell: 15s
    thresholds: {churn_risk: 0.7}
    high_intent: 55%
"""
    read = read_sites(text)
    assert read.errors == () and read.record is not None
    site = read.record[0]
    assert site.origins == ("https://shop.example", "http://127.0.0.1:*")
    assert (site.rollout_ppm, site.holdout_ppm, site.reserve_micros) == (125_000, 50_000, 20_000)
    assert (site.dwell_ms, site.thresholds) == (15_000, {"churn_risk": 700_000})
    assert (site.site_key, site.mint_secret, site.salt) == ("", b"", b"")


BAD_SITES = [
    ("origins: [https://shop.example/]", "origins[0]", "without a path"),
    ("origins: [shop.example]", "origins[0]", "https://shop.example"),
    ("origins: ['https://shop.example:*']", "origins[0]", "name the port"),
    ("origins: ['*']", "origins[0]", "https://shop.example"),
    ("origins: [https://a.example]\n    currency: euro", "currency", "EUR"),
    ("origins: [https://a.example]\n    time_zone: Mars", "time_zone", "Europe/Berlin"),
    ("origins: [https://a.example]\n    mode: life", "mode", "did you mean live?"),
    ("origins: [https://a.example]\n    thresholds: {churn: 1}", "thresholds.churn", "churn_risk"),
    ("mode: live", "origins", "add origins"),
]


@pytest.mark.parametrize(("line", "field", "fix"), BAD_SITES)
def test_a_bad_site_names_its_field_and_fix(line: str, field: str, fix: str) -> None:
    _, path, _, how = only(read_sites(f"sites:\n  - id: a\n    {line}\n"))
    assert path == f"sites[0].{field}" and fix in how


ORIGINS = [
    ("https://shop.example", True),
    ("http://127.0.0.1:1234", True),
    ("http://127.0.0.1", False),
    ("https://127.0.0.1:1234", False),
    ("http://127.0.0.1:12x", False),
    ("http://evil.example:1234", False),
    ("", False),
]


@pytest.mark.parametrize(("origin", "verdict"), ORIGINS)
def test_any_port_holds_for_loopback_only(origin: str, verdict: bool) -> None:
    listed = ("https://shop.example", "http://127.0.0.1:*", "http://evil.example:*")
    assert allowed(listed, origin) is verdict


def test_products_keep_exact_prices_and_unknown_stock() -> None:
    read = read_products("products:\n  - {id: p1, title: Lamp, price: 19.90, category: light}\n")
    assert read.record is not None
    product = read.record.products[0]
    assert (product.price_micros, product.stock) == (19_900_000, -1)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=80), st.text("campaigns: -[]{}id&*!|>\n\"'#", max_size=60)))
def test_any_text_is_a_record_or_errors_with_fixes(text: str) -> None:
    read = read_campaigns(text)
    assert (read.record is None) == bool(read.errors)
    assert all(each.fix and each.line >= 1 for each in read.errors)


def test_values_stay_as_written() -> None:
    tree = parse("on: yes\nid: 007\n")
    assert [(key, node.text) for key, _, node in tree.entries] == [("on", "yes"), ("id", "007")]
    with pytest.raises(BadYaml, match="twice"):
        parse("a: 1\na: 2\n")
