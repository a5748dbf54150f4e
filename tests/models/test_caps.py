"""Caps and exclusion groups over whole visits: generated journeys, checked from the records alone.

Group 12 of the auction's properties, and 13 over journeys: retries, restarts after any event,
other visitors in between and another order of the catalogue change nothing.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest
from msgspec.structs import replace

from connectors.avro import codec
from connectors.memory import MemoryRegistry
from models.context import Context
from models.effects import Decide
from models.user import step
from schemas.campaign import Campaign, Campaigns
from schemas.decision import Counts, Decision
from schemas.event import Event
from schemas.exposure import DAY_MS, EXPOSURES_MAX, GIVEN_MAX
from schemas.offer import ChannelCap
from schemas.profile import Profile, dump, load
from schemas.topics import DECISIONS
from tests.builders import USER, campaign, context, event, lamp

pytestmark = pytest.mark.long

JOURNEYS = 150
STEPS = 70
HOUR = 3_600_000
CAPS = (ChannelCap(channel="on_site", cap_session=5, cap_day=9, cap_user=30),)


def shop(rng: random.Random) -> tuple[Context, Campaigns]:
    """A few campaigns with small caps, two exclusion groups, and the site's channel capped."""
    made = tuple(
        campaign(
            f"C{number:02d}",
            base_ppm=20_000 + rng.randint(0, 2) * 1_000,
            cap_session=rng.randint(0, 2),
            cap_day=rng.randint(0, 3),
            cap_user=rng.choice((0, 3, 6)),
            excludes=rng.choice(((), ("one",), ("one", "two"))),
            ttl_ms=rng.choice((1_000, 30_000)),
            on=rng.choice(((), (), ("exit_intent",))),
        )
        for number in range(rng.randint(1, 30))
    )
    record = Campaigns(site="demo", version=2, campaigns=made, channels=CAPS)
    ctx = context(site={"holdout_ppm": rng.choice((0, 0, 1_000_000))})
    ctx.add("campaigns", record)
    return ctx, record


def visit(rng: random.Random) -> list[Event]:
    """Pages, carts and exits over a few days; with long pauses, so that sessions end."""
    out, at_ms = [], 0
    for index in range(STEPS):
        at_ms += rng.choice((500, 2_000, 45_000, 45_000, 2 * HOUR, 5 * HOUR))
        kind = rng.choice("page_view page_view exit_intent add_to_cart remove_from_cart".split())
        out.append(event(kind, at_ms, index, product=lamp(), event_id=f"e-{index}"))
    return out


def told(journey: list[Event], ctx: Context, seed: int, *, restarts: bool) -> list[Decision]:
    """Decisions of a visit in which what was decided is shown at once, late, or never."""
    rng, profile, made = random.Random(seed), None, []
    queue = list(journey)
    index = len(journey)
    while queue:
        each = queue.pop(0)
        profile, effects, _ = step(profile, each, USER, ctx)
        decided = [effect.decision for effect in effects if isinstance(effect, Decide)]
        made += decided
        for decision in decided:
            fate = rng.random()
            if decision.render is not None and fate < 0.8 and each.type != "impression":
                index += 1
                at_ms = each.received_at_ms - journey[0].received_at_ms + 100
                shown = event("impression", 0, index, slot_id=decision.slot_id)
                now = journey[0].received_at_ms + at_ms
                shown = replace(shown, received_at_ms=now, event_id=f"i-{index}")
                profile, _, _ = step(profile, shown, USER, ctx)
        if restarts:
            profile = load(dump(profile)) if profile is not None else None
    return made


def given(decisions: list[Decision]) -> list[tuple[int, Decision]]:
    """(session number, decision) of all that gave something, withheld ones included."""
    out, number, last_ms = [], 0, -(10**15)
    for each in decisions:
        number += each.decided_at_ms - last_ms > 30 * 60_000
        last_ms = each.decided_at_ms
        if each.campaign_id:
            out.append((number, each))
    return out


@pytest.mark.promise("C51", "C52", "C53", "C54", "X3", "X4")
def test_12_caps_and_exclusion_groups_hold_over_sessions_and_restarts() -> None:
    """Whatever lives longer than its reservation and was shown or withheld counts for ever."""
    rng = random.Random(51)
    checked = most = 0
    for seed in range(JOURNEYS):
        ctx, record = shop(rng)
        journey = visit(rng)
        booked = confirmed(told(journey, ctx, seed, restarts=True), journey, ctx, seed)
        most = max(most, len(booked))
        checked += len(booked)
        assert_caps({each.id: each for each in record.campaigns}, booked)
    print(f"{JOURNEYS * STEPS} events, {checked} actions, seed 51")
    assert JOURNEYS * STEPS >= 10_000
    assert most > EXPOSURES_MAX


def confirmed(
    decisions: list[Decision], journey: list[Event], ctx: Context, seed: int
) -> list[tuple[int, Decision]]:
    """What was shown or withheld: the draws of `told` again."""
    rng, out = random.Random(seed), []
    fates = [rng.random() for _ in decisions]
    numbers = {id(each): number for number, each in given(decisions)}
    for each, fate in zip(decisions, fates, strict=True):
        shown = each.render is not None and fate < 0.8
        if each.campaign_id and (shown or each.withheld):
            out.append((numbers[id(each)], each))
    return out


def assert_caps(campaigns: dict[str, Campaign], booked: list[tuple[int, Decision]]) -> None:
    session: Counter[tuple[int, str]] = Counter()
    ever: Counter[str] = Counter()
    groups: dict[tuple[int, str], str] = {}
    stages = Counter((number, each.stage) for number, each in booked)
    assert stages
    for at, (number, each) in enumerate(booked):
        mine = campaigns[each.campaign_id]
        session[number, mine.id] += 1
        ever[mine.id] += 1
        before = [other for _, other in booked[: at + 1]]
        day = [one for one in before if each.decided_at_ms - one.decided_at_ms < DAY_MS]
        assert not 0 < mine.cap_session < session[number, mine.id]
        assert not 0 < mine.cap_day < sum(one.campaign_id == mine.id for one in day)
        assert not 0 < mine.cap_user < ever[mine.id]
        assert len(day) <= CAPS[0].cap_day and at < CAPS[0].cap_user
        for group in mine.excludes:
            assert groups.setdefault((number, group), mine.id) == mine.id


def bodies(decisions: list[Decision]) -> list[bytes]:
    written = codec(DECISIONS, MemoryRegistry())
    return [written.body(each) for each in decisions]


@pytest.mark.promise("M27", "M51")
def test_13_restarts_retries_and_other_visitors_change_no_byte() -> None:
    """State goes through its bytes, each event comes twice, and others come in between."""
    rng = random.Random(52)
    for seed in range(JOURNEYS // 5):
        ctx, _ = shop(rng)
        journey = visit(rng)
        want = bodies(told(journey, ctx, seed, restarts=False))
        assert bodies(told(journey, ctx, seed, restarts=True)) == want
        twice = [each for each in journey for _ in range(2)]
        assert uncounted(plain(twice, ctx)) == uncounted(plain(journey, ctx))


def uncounted(decisions: list[Decision]) -> list[bytes]:
    """Bodies without what counts the duplicates themselves."""
    return bodies([replace(each, counts=Counts(), profile_digest="") for each in decisions])


def plain(journey: list[Event], ctx: Context) -> list[Decision]:
    profile: Profile | None = None
    made: list[Decision] = []
    for each in journey:
        stranger = replace(each, user_key=USER[:-1] + "1")
        step(None, stranger, stranger.user_key, ctx)
        profile, effects, _ = step(profile, each, USER, ctx)
        made += [effect.decision for effect in effects if isinstance(effect, Decide)]
    return made


@pytest.mark.promise("M27")
def test_13_order_of_the_catalogue_changes_no_winner_and_no_price() -> None:
    rng = random.Random(53)
    for seed in range(JOURNEYS // 5):
        ctx, record = shop(rng)
        journey = visit(rng)
        want = told(journey, ctx, seed, restarts=False)
        shuffled = rng.sample(record.campaigns, len(record.campaigns))
        ctx.add("campaigns", replace(record, campaigns=tuple(shuffled)))
        got = told(journey, ctx, seed, restarts=False)
        for one, other in zip(want, got, strict=True):
            assert replace(one, reasons={}) == replace(other, reasons={})


def test_what_is_folded_counts_on_and_never_less() -> None:
    """Forty campaigns with a cap of one a visitor are each shown once, though sixteen are kept."""
    count = 2 * GIVEN_MAX + 8
    every = [campaign(f"C{number:02d}", cap_user=1, cap_day=0) for number in range(count)]
    ctx = context(*every)
    profile, shown = None, Counter[str]()
    for number in range(3 * count):
        page = event("page_view", number * 2 * HOUR, number, event_id=f"p-{number}")
        profile, effects, _ = step(profile, page, USER, ctx)
        made = next(effect.decision for effect in effects if isinstance(effect, Decide))
        shown[made.campaign_id] += bool(made.campaign_id)
        seen = event(
            "impression",
            number * 2 * HOUR + 500,
            number,
            slot_id=made.slot_id,
            event_id=f"i-{number}",
        )
        profile, _, _ = step(profile, seen, USER, ctx)
        profile = load(dump(profile)) if profile is not None else None
    assert max(shown.values()) == 1
    assert sum(shown.values()) >= GIVEN_MAX + EXPOSURES_MAX
