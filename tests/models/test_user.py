"""The composed step: stories of one visitor, and what kairos decided."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from models.effects import Decide, Forget, Reject, SetTimer
from models.user import PROFILE_TTL_MS, advance, step
from schemas.decision import bitmap_names
from schemas.event import Consent
from schemas.model import Head
from schemas.profile import STATE_BYTES_MAX, dump, load
from schemas.render import Render
from tests.builders import (
    ALL,
    BEGINNING,
    ONE_MINUTE,
    USER,
    campaign,
    context,
    event,
    journey,
    lamp,
    page,
)


def play(events, ctx, profile=None):
    """(decisions, profile) after these events, through state bytes as the engine does it."""
    decisions = []
    for each in events:
        profile = load(dump(profile)) if profile else None
        profile, effects, _ = step(profile, each, USER, ctx)
        decisions += [effect.decision for effect in effects if isinstance(effect, Decide)]
    return decisions, profile


def only(decisions):
    """The single decision of a story."""
    assert len(decisions) == 1
    return decisions[0]


def why_not(decision, *ids):
    """Reason code -> campaigns, readable."""
    return {code: bitmap_names(bits, ids) for code, bits in decision.reasons.items()}


@pytest.mark.promise("C80", "M41")
def test_a_page_view_wins_an_action():
    """One campaign without conditions, one page view, one action."""
    decision = only(play(journey(("page_view", 0)), context(campaign()))[0])
    assert (decision.campaign_id, decision.reason, decision.seq) == ("hello", "won", 1)
    assert decision.render == Render(kind="modal", title="Hello")
    assert decision.price_micros == 1 and decision.charge_micros == 1
    assert decision.counts.applied == 1


def test_a_resent_event_is_counted_and_decides_nothing():
    """Idempotent: the same event three times is one event."""
    first = event("page_view")
    decisions, profile = play([first, first, first], context(campaign()))
    assert len(decisions) == 1
    assert (profile.applied, profile.duplicate) == (1, 2)


@pytest.mark.promise("C54", "C55", "C53")
def test_one_action_a_stage():
    """The second page of the same stage gets nothing, the cart opens the next stage."""
    ctx = context(campaign("a"), campaign("b"))
    decisions, _ = play(
        journey(
            ("page_view", 0),
            ("page_view", 1000),
            ("add_to_cart", 2000, {"product": lamp()}),
        ),
        ctx,
    )
    first, second, third = decisions
    assert (first.campaign_id, first.stage) == ("a", "browse")
    assert second.reason == "no_eligible"
    assert why_not(second, "a", "b") == {"stage_used": ["a", "b"]}
    assert (third.campaign_id, third.stage) == ("b", "cart")
    assert third.latency_class == "instant"


def test_an_unconfirmed_reservation_lapses_after_its_expiry():
    """Caps are reserved at the decision and released when no impression came."""
    ctx = context(campaign(ttl_ms=30_000))
    decisions, _ = play(journey(("page_view", 0), ("page_view", 40_001)), ctx)
    assert [each.campaign_id for each in decisions] == ["hello", "hello"]


@pytest.mark.promise("C25", "C52")
def test_an_impression_confirms_the_reservation():
    """Shown once is shown, however long ago in the session."""
    ctx = context(campaign())
    first, profile = play(journey(("page_view", 0)), ctx)
    seen = event("impression", 500, 1, slot_id=first[0].slot_id, source_shown="model")
    later = event("page_view", 20 * ONE_MINUTE, 2)
    decisions, profile = play([seen, later], ctx, profile)
    assert only(decisions).reason == "no_eligible"
    assert profile.session.shown == 1


@pytest.mark.promise("C58", "C23")
def test_purchase_withdraws_what_is_on_screen_and_silences_the_session():
    """A purchase beats everything that was planned."""
    ctx = context(campaign())
    decisions, _ = play(
        journey(
            ("page_view", 0),
            ("purchase", 1000, {"value_micros": 40_000_000}),
            ("page_view", 2000),
        ),
        ctx,
    )
    assert decisions[1].cancels == (decisions[0].slot_id,)
    assert decisions[1].seq == 2 and decisions[1].render is None
    assert why_not(decisions[2], "hello") == {"bought": ["hello"]}


@pytest.mark.promise("C18", "M25", "E4")
def test_condition_reads_the_cart():
    """`when` sees money in the site's currency."""
    ctx = context(campaign(when="cart_value >= 80"))
    decisions, _ = play(
        journey(
            ("add_to_cart", 0, {"product": lamp()}),
            ("add_to_cart", 1000, {"product": lamp()}),
            ("remove_from_cart", 2000, {"product": lamp()}),
        ),
        ctx,
    )
    assert [each.campaign_id for each in decisions] == ["", "hello", ""]


@pytest.mark.promise("C21", "C7")
def test_dwell_deadline_decides_by_the_log_s_clock():
    """Twenty seconds on a product page ask for a decision, whether a timer or an event is first."""
    ctx = context(campaign(on=("dwell",)))
    view = journey(("product_view", 0, {"product": lamp(), "page": page("/p/lamp", "product")}))
    _, by_timer = play(view, ctx)
    _, effects = advance(by_timer, BEGINNING + 20_000, USER, ctx)
    at_timer = only([e.decision for e in effects if isinstance(e, Decide)])
    lazily, _ = play([*view, event("scroll", 25_000, 1)], ctx)
    assert at_timer == lazily[-1]
    assert at_timer.trigger.deadline_ms == at_timer.decided_at_ms == BEGINNING + 20_000
    assert (at_timer.campaign_id, at_timer.latency_class) == ("hello", "deadline")


@pytest.mark.promise("C34")
def test_a_dwell_deadline_leaves_the_time_measured_to_the_client():
    """Its decision sees 20 s; tab and burst still hear all that the browser reports later."""
    ctx = context(campaign(on=("dwell",), when="dwell >= 20s"))
    visit = journey(
        ("product_view", 0, {"product": lamp()}),
        ("scroll", 10_000, {"active_duration_ms": 10_000}),
        ("click", 70_000, {"active_duration_ms": 70_000}),
    )
    decisions, profile = play(visit, ctx)
    assert [each.campaign_id for each in decisions] == ["", "hello"]
    assert (profile.tabs[-1].active_ms, profile.burst.active_ms) == (70_000, 70_000)


def test_leaving_in_the_same_millisecond_cancels_the_dwell_deadline():
    """An event that cancels goes before a deadline of the same time; others go after it."""
    ctx = context(campaign(on=("dwell",)))
    view = journey(("product_view", 0, {"product": lamp()}))
    assert len(play([*view, event("page_leave", 20_000, 1)], ctx)[0]) == 1
    assert len(play([*view, event("page_leave", 20_001, 1)], ctx)[0]) == 2
    assert len(play([*view, event("scroll", 20_000, 1)], ctx)[0]) == 2


def test_two_tabs_that_dwell_alike_have_slots_of_their_own():
    """Tabs restored at once view their products in one millisecond; neither answer is lost."""
    ctx = context(campaign(on=("dwell",)))
    views = [event("product_view", 0, 0, tab_id=tab, product=lamp()) for tab in ("t1", "t2", "t3")]
    _, profile = play(views, ctx)
    _, effects = advance(profile, BEGINNING + 20_010, USER, ctx)
    dwells = [effect.decision for effect in effects if isinstance(effect, Decide)]
    assert [each.tab_id for each in dwells] == ["t1", "t2", "t3"]
    assert [each.trigger.deadline_ms - BEGINNING for each in dwells] == [20_000, 20_001, 20_002]
    assert len({each.slot_id for each in dwells}) == 3


def test_at_most_one_timer_is_pending():
    """The first event sets a timer for the clean-up, a product view an earlier one, then none."""
    ctx = context(campaign())
    profile, timers = None, []
    for each in journey(("page_view", 0), ("product_view", 10), ("product_view", 20)):
        profile, effects, _ = step(profile, each, USER, ctx)
        timers.append([e.at_ms - BEGINNING for e in effects if isinstance(e, SetTimer)])
    assert timers == [[PROFILE_TTL_MS], [20_010], []]


def test_fifty_product_views_leave_two_timers():
    """Each dwell fires and is gone; the clean-up's timer is set once."""
    ctx = context(campaign(on=("dwell",)))
    profile, pending = None, set()
    for number in range(50):
        view = event("product_view", number * ONE_MINUTE, number, product=lamp())
        profile, effects, _ = step(profile, view, USER, ctx)
        pending |= {e.at_ms for e in effects if isinstance(e, SetTimer)}
        fired = view.received_at_ms + 20_000
        profile, effects = advance(profile, fired, USER, ctx)
        pending = {at for at in pending if at > fired}
        pending |= {e.at_ms for e in effects if isinstance(e, SetTimer)}
    assert len(pending) == 1


def test_after_a_purchase_the_session_stays_silent_and_in_the_first_stage():
    """The checkout before the purchase does not lift the stage again."""
    _, profile = play(
        journey(
            ("add_to_cart", 0, {"product": lamp()}),
            ("checkout_start", 1000),
            ("purchase", 2000, {"value_micros": 40_000_000}),
            ("scroll", 3000),
        ),
        context(campaign()),
    )
    assert (profile.session.stage, profile.session.bought) == (0, True)


def test_an_emptied_cart_is_no_cart_in_the_next_session():
    """What was added and removed again does not open the cart stage two hours later."""
    decisions, _ = play(
        journey(
            ("add_to_cart", 0, {"product": lamp()}),
            ("remove_from_cart", 1000, {"product": lamp()}),
            ("page_view", 120 * ONE_MINUTE),
        ),
        context(campaign()),
    )
    assert decisions[-1].stage == "browse"


def test_a_fallback_never_stands_in_the_way_of_an_action_beside_it():
    """Two placements: the one that can act acts, and no fallback is held then."""
    ctx = context(
        campaign("exit", on=("exit_intent",)),
        campaign("strip", placement="bar"),
        site={"placements": ("page", "bar")},
    )
    page_slot, bar_slot = play(journey(("page_view", 0)), ctx)[0]
    assert (page_slot.campaign_id, page_slot.fallback) == ("", None)
    assert bar_slot.campaign_id == "strip"


def test_a_shopper_who_returns_for_weeks_stays_within_the_bound():
    """Forty visits with long names in many scripts: state is trimmed, nothing is refused."""
    ctx = context(campaign("C" * 40, cap_day=0), campaign("D" * 40, on=("dwell",), cap_day=0))
    profile, number = None, 0
    for visit in range(40):
        for turn in range(20):
            number += 1
            kind = ("product_view", "add_to_cart", "preference", "page_view")[turn % 4]
            wide = "\U0001f6d2" * 60
            each = event(
                kind,
                visit * 8 * 60 * ONE_MINUTE + turn * 20_000,
                turn,
                session_id=f"{visit}-{wide}",
                tab_id=f"{turn % 3}-{wide}",
                event_id=f"e-{number}",
                product=replace(lamp(), id=f"{number}-{wide}", category=f"{number}-{wide}"),
                page=page("/" + wide, wide),
                properties={f"{number}-{wide}": wide} if kind == "preference" else {},
            )
            profile, effects, _ = step(profile, each, USER, ctx)
            assert not any(isinstance(effect, Reject) for effect in effects)
            data = dump(profile)
            assert len(data) <= STATE_BYTES_MAX
            profile = load(data)
    assert profile.applied == 800


def test_an_idle_user_is_forgotten():
    """After the time to live state and timers are gone."""
    _, profile = play(journey(("page_view", 0)), context(campaign()))
    after, effects = advance(profile, BEGINNING + PROFILE_TTL_MS, USER, context(campaign()))
    assert after is None and effects == [Forget()]


def test_no_site_or_catalogue_still_applies_the_event():
    """Decisions say what is missing; nothing is lost."""
    from models.context import Context

    decisions, profile = play(journey(("page_view", 0)), Context(lambda model: None))
    assert only(decisions).reason == "no_site"
    assert profile.applied == 1


def test_a_probe_answers_with_counts_and_books_nothing():
    """Conservation can be asked for at any time."""
    ctx = context(campaign())
    probe = event("", 1000, internal="probe", event_id="probe-1", session_id="", tab_id="")
    decisions, profile = play([event("page_view"), event("page_view"), probe], ctx)
    answer = decisions[-1]
    assert (answer.reason, answer.counts.applied, answer.counts.duplicate) == ("probe", 1, 1)
    assert answer.seq == 0 and profile.seq == 1


def test_an_absurd_value_is_rejected_counted_and_named():
    """The original goes to dead-letters; the reason names the field."""
    wrong = event("scroll", scroll_depth_ppm=-1)
    profile, effects, trace = step(None, wrong, USER, context(campaign()))
    assert isinstance(effects[0], Reject) and "scroll_depth_ppm" in effects[0].detail
    assert trace.verdict == "rejected" and profile.dead_lettered == 1


@pytest.mark.promise("C67")
def test_holdout_withholds_a_winner_that_counts_as_shown():
    """The auction runs for everybody."""
    ctx = context(campaign(), site={"holdout_ppm": 1_000_000})
    decisions, _ = play(journey(("page_view", 0), ("page_view", ONE_MINUTE)), ctx)
    first, second = decisions
    assert (first.campaign_id, first.withheld, first.render) == ("hello", "holdout", None)
    assert first.seq == 0 and first.fallback is None
    assert why_not(second, "hello") == {"stage_used": ["hello"]}


@pytest.mark.promise("C47")
def test_the_reserve_is_do_nothing():
    """A slot worth less than silence stays silent, with the candidate in the record."""
    ctx = context(campaign(), site={"reserve_micros": 200_001})
    decision = only(play(journey(("page_view", 0)), ctx)[0])
    assert decision.reason == "below_reserve"
    assert decision.candidates[0].score == 200_000 * 1_000_000


def test_fallback_is_held_under_caps_until_the_tab_s_next_decision():
    """What the edge may show when time runs out is reserved like a decision."""
    ctx = context(campaign("exit", on=("exit_intent",)))
    decisions, profile = play(journey(("page_view", 0)), ctx)
    first = only(decisions)
    assert first.reason == "no_eligible" and first.fallback.campaign_id == "exit"
    other_tab = event("exit_intent", 1000, 0, tab_id="t2")
    assert play([other_tab], ctx, load(dump(profile)))[0][0].campaign_id == ""
    same_tab = event("exit_intent", 1000, 1)
    assert play([same_tab], ctx, profile)[0][0].campaign_id == "exit"


@pytest.mark.promise("C49", "C48", "M30", "C37", "M22")
def test_scores_choose_between_campaigns():
    """The same page, another concept, another winner."""
    heads = (Head("churn_risk", 0, (4_000_000,)),)
    calm = campaign("calm", base_ppm=30_000)
    save = campaign("save", base_ppm=0, response={"churn_risk": 60_000})
    for drop_off, winner in ((0, "calm"), (1_000_000, "save")):
        ctx = context(calm, save, concepts={"drop_off": drop_off}, heads=heads)
        decision = only(play(journey(("page_view", 0)), ctx)[0])
        assert decision.campaign_id == winner
        assert decision.source == "model"
        assert decision.concepts == {"drop_off": drop_off}


def test_a_crawler_is_answered_with_silence():
    """A flagged bot gets a record that says so, and no action."""
    decision = only(play([event("page_view", bot=True)], context(campaign()))[0])
    assert (decision.reason, decision.render) == ("bot", None)


def test_a_stale_event_is_counted_but_never_asks():
    """An offline queue arrives late: order-free parts only."""
    old = event("page_view", sent_at_ms=BEGINNING + 31_000)
    decisions, profile = play([old], context(campaign()))
    assert decisions == [] and profile.applied == 1


def test_an_event_that_says_nothing_of_consent_leaves_it_as_it_is():
    """An order told by a shop's back end gives nothing back that was withdrawn."""
    denied = event("page_view", 0, 0, consent=Consent(analytics=True))
    order = event("purchase", 1, 1, consent=ALL, consent_unsaid=True)
    _, profile = play([denied, order], context())
    assert (profile.consent, profile.consent_at_ms) == (1, denied.received_at_ms)
    _, said = play([replace(order, event_id="x", consent_unsaid=False)], context())
    assert said.consent == 7


SESSION = journey(
    ("page_view", 0, {"page": page()}),
    ("product_view", 2000, {"product": lamp()}),
    ("scroll", 3000, {"scroll_depth_ppm": 700_000}),
    ("add_to_cart", 5000, {"product": lamp()}),
    ("add_to_cart", 5500, {"product": lamp(2, 9)}),
    ("remove_from_cart", 6000, {"product": lamp()}),
    ("preference", 7000, {"properties": {"style": "modern"}}),
    ("preference", 8000, {"properties": {"style": "rustic"}}),
    ("add_to_cart", 9000, {"product": lamp()}),
    ("purchase", 70_000, {"value_micros": 40_000_000}),
    ("add_to_cart", 900_000, {"product": lamp()}),
    ("page_view", 86_400_000),
)


@pytest.mark.promise("M51", "C30")
@settings(max_examples=60, deadline=None)
@given(st.permutations(SESSION), st.lists(st.integers(0, len(SESSION) - 1), max_size=5))
def test_any_permutation_of_a_session_gives_the_same_digest(shuffled, resent):
    """The order-free section is one set's image, whatever the order of arrival."""
    from models.tally import digest

    ctx = context(campaign())
    _, straight = play(SESSION, ctx)
    _, other = play(shuffled, ctx)
    assert digest(other) == digest(straight)
    assert replace(other.tally) == straight.tally


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 3), st.integers(0, 90)), max_size=80))
def test_state_stays_below_four_kib_and_survives_its_bytes(picks):
    """Long names, many tabs: the bound is asserted by dump itself."""
    ctx = context(campaign("c" * 40), campaign("d" * 40, on=("dwell",)))
    profile, at_ms = None, 0
    for number, (which, tab, gap_s) in enumerate(picks):
        at_ms += gap_s * 1000
        now = BEGINNING + at_ms
        each = replace(
            SESSION[which],
            event_id=f"n-{number}",
            session_index=number,
            tab_id=f"tab-{tab}-" + "x" * 40,
            session_id="session-" + "y" * 40,
            ts_ms=now,
            sent_at_ms=now,
            received_at_ms=now,
            consent=ALL,
        )
        profile, _, _ = step(profile, each, USER, ctx)
        assert load(dump(profile)) == profile
