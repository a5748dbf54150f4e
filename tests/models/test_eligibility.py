"""Eligibility: masks against one campaign after the other, on generated catalogues and visitors."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from models.eligibility import REASONS, ask, for_fallback, sieve
from models.facts import facts
from models.rules import compile_rule
from models.vocabulary import CONSENT_BITS, STAGES
from schemas.campaign import Campaign, Campaigns
from schemas.exposure import DAY_MS, Exposure
from schemas.offer import ChannelCap
from schemas.policy import Policy
from schemas.products import CatalogueProduct
from schemas.profile import CartChange, Profile, Session, Tab
from schemas.render import Render, RenderProduct
from tests.builders import BEGINNING, context

pytestmark = pytest.mark.long

INSTANCES = 10_000
CATALOGUES = 400
NOW = BEGINNING
TRIGGERS = ("page_view", "exit_intent", "dwell")
CONDITIONS = ("", "", "hovers >= 2", "stage in [cart] or hovers == 0", "not identified")


def one_campaign(rng: random.Random, name: str) -> Campaign:
    products = (RenderProduct("gone"),) if rng.random() < 0.3 else ()
    look = Render(kind=rng.choice(("modal", "banner")), products=products)
    return Campaign(
        id=name,
        when=rng.choice(CONDITIONS),
        on=rng.choice(((), (), ("exit_intent",), ("page_view", "dwell"))),
        stages=rng.choice(((), (), ("browse",), ("cart", "high_intent"))),
        placement=rng.choice(("page",) * 6 + ("bar",)),
        cap_session=rng.randint(0, 2),
        cap_day=rng.randint(0, 3),
        cap_user=rng.choice((0, 2, 3)),
        excludes=rng.choice(((), (), ("g",), ("g", "h"), ("h",))),
        starts_at_ms=rng.choice((0,) * 8 + (NOW + 1,)),
        ends_at_ms=rng.choice((0,) * 8 + (NOW,)),
        paused=rng.random() < 0.1,
        fallback=rng.random() < 0.7,
        needs=rng.choice(((), (), (), ("marketing",), ("analytics", "marketing"))),
        channel=rng.choice(("on_site", "on_site", "email", "push")),
        otherwise=rng.choice(("", "", "", "c0", "c1")) if name > "c1" else "",
        render=look,
        action_type=rng.choice(("cart_save", "discount_popup")),
        margin_micros=1,
    )


def catalogue(rng: random.Random) -> Campaigns:
    names = [f"c{number}" for number in range(rng.randint(1, 9))]
    caps = (
        ChannelCap(channel="email", cap_day=rng.randint(0, 2)),
        ChannelCap(channel="on_site", cap_session=rng.choice((0, 0, 4))),
    )
    made = tuple(one_campaign(rng, name) for name in names)
    return Campaigns(site="demo", version=2, campaigns=made, channels=caps)


def visitor(rng: random.Random, campaigns: Campaigns) -> Profile:
    """Someone in the second session with a few exposures in every state."""
    session = Session(number=2, stage=rng.randint(0, 2), stage_entry=rng.randint(0, 2))
    session.hovers, session.bought = rng.randint(0, 3), rng.random() < 0.03
    profile = Profile(epoch_ms=0, now_ms=NOW, session=session)
    if rng.random() < 0.2:
        profile.tally.cart = [CartChange(1, 1, "lamp", 1, 1)]
        profile.outreach.left_in = rng.choice((0, 1, 2))
    profile.consent, profile.identified = rng.choice((0, 1, 7, 7)), rng.random() < 0.5
    for number in range(rng.choice((0, 0, 1, 2, 4, 8))):
        of = rng.choice(campaigns.campaigns)
        profile.exposures.append(
            Exposure(
                f"s_{number}",
                number,
                of.id,
                "page",
                rng.choice((1, 2, 2)),
                rng.randint(3, 6) if rng.random() < 0.95 else session.stage_entry,
                0,
                NOW - rng.choice((1_000, DAY_MS - 1, DAY_MS, 2 * DAY_MS)),
                NOW - rng.choice((-1, 0, 1, 9_999, 10_000, 10_001)),
                rng.randint(0, 4),
                channel="" if of.channel == "on_site" else of.channel,
            )
        )
    return profile


class Naive:
    """Asks one campaign one question after the other, from the words of the rules."""

    def __init__(self, record: Campaigns, profile: Profile, spent: set[str]) -> None:
        self.record, self.profile, self.spent = record, profile, spent
        self.counting = [each for each in profile.exposures if self.counts(each)]
        self.here = [each for each in self.counting if each.session == profile.session.number]
        self.today = [each for each in self.counting if NOW - each.decided_ms < 24 * 3600 * 1000]

    def counts(self, each: Exposure) -> bool:
        until = {0: each.expires_ms + 10_000, 3: each.expires_ms}
        return each.state in (1, 2) or (each.state in until and until[each.state] >= NOW)

    def scheduled(self, campaign: Campaign) -> bool:
        return campaign.starts_at_ms <= NOW and not 0 < campaign.ends_at_ms <= NOW

    def consented(self, campaign: Campaign) -> bool:
        return all(self.profile.consent & CONSENT_BITS[need] for need in campaign.needs)

    def reachable(self, campaign: Campaign) -> bool:
        return campaign.channel != "email" or self.profile.identified

    def stands_in(self, campaign: Campaign) -> bool:
        """Whether it has to wait for another to be missing, and none is."""
        others = [each for each in self.record.campaigns if each.otherwise == campaign.id]
        missing = [
            each
            for each in others
            if not each.paused
            and self.scheduled(each)
            and not (self.consented(each) and self.reachable(each))
        ]
        return bool(others) and not missing

    def disturbs(self, campaign: Campaign, trigger: str) -> bool:
        """A popup over a cart that was left, but for one that saves it from an exit now."""
        left_in, number = self.profile.outreach.left_in, self.profile.session.number
        saves = campaign.action_type == "cart_save" and trigger == "exit_intent"
        return campaign.render.kind == "modal" and left_in > 0 and not (saves and left_in == number)

    def excluded(self, campaign: Campaign) -> bool:
        groups = {each.id: set(each.excludes) for each in self.record.campaigns}
        return any(
            each.campaign_id != campaign.id and groups[each.campaign_id] & set(campaign.excludes)
            for each in self.here
        )

    def channel_full(self, campaign: Campaign) -> bool:
        for cap in self.record.channels:
            if cap.channel != campaign.channel:
                continue
            for most, given in (
                (cap.cap_session, self.here),
                (cap.cap_day, self.today),
                (cap.cap_user, self.counting),
            ):
                if most and sum((e.channel or "on_site") == cap.channel for e in given) >= most:
                    return True
        return False

    def reason(self, campaign: Campaign, placement: str, trigger: str, table: dict) -> str:
        session = self.profile.session
        mine = campaign.id
        stage_used = any(each.stage_entry == session.stage_entry for each in self.here)
        shown = [
            sum(e.campaign_id == mine for e in g) for g in (self.here, self.today, self.counting)
        ]
        answers = {
            "paused": campaign.paused,
            "placement": campaign.placement != placement,
            "bought": session.bought,
            "stage_used": stage_used,
            "schedule": not self.scheduled(campaign),
            "budget": mine in self.spent,
            "consent": not self.consented(campaign),
            "channel": not self.reachable(campaign),
            "stand_in": self.stands_in(campaign),
            "stage": bool(campaign.stages) and STAGES[session.stage] not in campaign.stages,
            "cart_left": self.disturbs(campaign, trigger),
            "excluded": self.excluded(campaign),
            "cap_session": 0 < campaign.cap_session <= shown[0],
            "cap_day": 0 < campaign.cap_day <= shown[1],
            "cap_user": 0 < campaign.cap_user <= shown[2],
            "cap_channel": self.channel_full(campaign),
            "trigger": bool(campaign.on) and trigger not in campaign.on,
            "when": bool(campaign.when) and not compile_rule(campaign.when).holds(table),
            "stock": bool(campaign.render.products),
        }
        return next((code for code in REASONS if answers.get(code)), "")

    def may_fall_back(self, campaign: Campaign, table: dict, reason: str) -> bool:
        """It fails the trigger, and would pass all that comes after it."""
        holds = not campaign.when or compile_rule(campaign.when).holds(table)
        return reason == "trigger" and campaign.fallback and holds and not campaign.render.products


@pytest.mark.promise("M25", "C52", "C53", "X3", "X4", "X5", "X6")
def test_every_campaign_is_removed_by_the_first_rule_that_a_naive_reader_finds() -> None:
    rng = random.Random(41)
    print(f"{INSTANCES} instances, seed 41")
    found: dict[str, int] = {}
    for number in range(INSTANCES):
        if number % (INSTANCES // CATALOGUES) == 0:
            record = catalogue(rng)
            spent = {each.id for each in record.campaigns if rng.random() < 0.1}
            gone = CatalogueProduct("gone", "Gone", "/p", "", "light", 1, 0)
            ctx = context(products=(gone,))
            ctx.add("campaigns", record)
            pacing = dict.fromkeys(spent, 0)
            ctx.add("policy", Policy(site="demo", version=1, pacing_ppm=pacing))
            view = ctx.at("demo", NOW)
        profile, placement = (
            visitor(rng, record),
            rng.choice(("page", "page", "page", "bar", "none")),
        )
        trigger = rng.choice(TRIGGERS)
        table = facts(profile, Tab("s", "t"), view, trigger, NOW)
        out = sieve(profile, view, placement, trigger, NOW)
        ask(out, view, table)
        fallbacks = for_fallback(out, view, table)
        naive = Naive(record, profile, spent)
        for index, each in enumerate(record.campaigns):
            want = naive.reason(each, placement, trigger, table)
            got = [code for code, mask in out.reasons.items() if mask >> index & 1]
            got += [""] if out.eligible >> index & 1 else []
            assert got == [want], (each, profile)
            assert fallbacks >> index & 1 == naive.may_fall_back(each, table, want)
            found[want] = found.get(want, 0) + 1
    assert found.keys() == {"", *REASONS} - {"below_reserve", "outbid", "not_drawn"}
    assert min(found.values()) > 20, found


def test_a_stand_in_of_a_paused_campaign_never_bids() -> None:
    """Nobody is missing where nobody would bid."""
    record = Campaigns(
        site="demo",
        version=2,
        campaigns=(
            Campaign(id="mail", channel="email", otherwise="banner", paused=True),
            Campaign(id="banner"),
        ),
    )
    for paused, want in ((True, "stand_in"), (False, "")):
        first = replace(record.campaigns[0], paused=paused)
        ctx = context()
        ctx.add("campaigns", replace(record, campaigns=(first, record.campaigns[1])))
        out = sieve(Profile(0), ctx.at("demo", NOW), "page", "page_view", NOW)
        assert out.eligible == (0 if want else 0b10)
        assert bool(want) == ("stand_in" in out.reasons)
