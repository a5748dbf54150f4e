"""One fold under two contexts gives what two folds give, each through its own state bytes."""

from __future__ import annotations

from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.plain import plain
from models.effects import Decide
from models.user import advance, step
from models.why_changed import KINDS, Side, compared
from models.why_twin import Twin
from schemas.model import Head, Model
from schemas.profile import STATE_BYTES_MAX, dump, load
from tests.builders import BEGINNING, USER, campaign, context, event, lamp, page

IDS = ("a", "b", "c", "d")
TYPES = (
    "page_view product_view add_to_cart remove_from_cart exit_intent purchase scroll impression "
    "page_leave hover click"
).split()
HEADS = (Head("purchase_intent", 0, (2_000_000,)), Head("churn_risk", 0, (-2_000_000,)))

campaigns = st.lists(
    st.builds(
        campaign,
        id=st.sampled_from(IDS),
        margin_micros=st.sampled_from((10_000_000, 11_000_000, 30_000_000)),
        base_ppm=st.sampled_from((10_000, 20_000)),
        when=st.sampled_from(("", "page_views >= 2", "purchase_intent < 0.5", "cart_items >= 1")),
        on=st.sampled_from(((), ("exit_intent",), ("dwell",))),
        action_type=st.sampled_from(("discount_popup", "cart_save")),
        cap_session=st.sampled_from((1, 3)),
        paused=st.booleans(),
    ),
    unique_by=lambda each: each.id,
    max_size=4,
)
steps = st.lists(
    st.tuples(st.sampled_from(TYPES), st.sampled_from((500, 5_000, 25_000, 3_000_000))),
    max_size=14,
)
many = settings(max_examples=80, deadline=None)


def told(path):
    """Events of one tab from (type, gap); an impression answers the slot before it."""
    out, at_ms = [], 0
    for index, (kind, gap_ms) in enumerate(path):
        at_ms += gap_ms
        fields = {"page": page(f"/{index % 3}")}
        if kind in ("product_view", "add_to_cart", "remove_from_cart"):
            fields["product"] = lamp()
        out.append(event(kind, at_ms, index, **fields))
    return out


def alone(events, ctx, until_ms=0):
    """slot -> decision of one side, each event through state bytes."""
    profile, made = None, {}
    for each in events:
        profile, effects, _ = step(load(dump(profile)) if profile else None, each, USER, ctx)
        made.update((e.decision.slot_id, e.decision) for e in effects if isinstance(e, Decide))
    if until_ms and profile is not None:
        _, effects = advance(load(dump(profile)), until_ms, USER, ctx)
        made.update((e.decision.slot_id, e.decision) for e in effects if isinstance(e, Decide))
    return made


def impressions(events, made):
    """The events, each decision shown and confirmed a moment later by an impression."""
    out = []
    for each in events:
        out.append(each)
        won = [d for d in made.values() if d.trigger.event_id == each.event_id and d.render]
        if won and each.type != "impression":
            at_ms = each.received_at_ms - BEGINNING + 100
            fields = {"slot_id": won[0].slot_id, "decision_id": won[0].decision_id}
            out.append(event("impression", at_ms, 500 + each.session_index, **fields))
    return out


def sides(one, two, same_model=True):
    """Two contexts that differ in their campaigns, and where asked in their model."""
    settings = {"dwell_ms": 20_000, "reserve_micros": 10_000}
    a = context(*one, site=settings, concepts={"stickiness": 400_000}, heads=HEADS)
    b = context(*two, site=settings, concepts={"stickiness": 400_000}, heads=HEADS)
    if not same_model:
        b.add("models", Model(version=2, concepts=("stickiness",), heads=HEADS[::-1]))
    return a, b


@pytest.mark.promise("M27")
@many
@given(campaigns, campaigns, steps, st.booleans(), st.sampled_from((STATE_BYTES_MAX, 900)))
def test_a_twin_decides_what_two_folds_decide(one, two, path, same_model, bytes_max):
    """Every slot of both sides, byte for byte, impressions, deadlines and trimming included."""
    in_c = bytes_max == STATE_BYTES_MAX  # The bound is part of what was built.
    with (
        mock.patch("schemas.profile.STATE_BYTES_MAX", bytes_max),
        mock.patch("models.why_twin.STATE_BYTES_MAX", bytes_max),
    ):
        folded, apart = folded_and_apart(one, two, path, same_model, in_c)
    assert folded == apart


def folded_and_apart(one, two, path, same_model, in_c):
    """slot -> decision of both sides, by one twin and by two folds."""
    a, b = sides(one, two, same_model)
    a.plain = b.plain = plain() if in_c else None
    first = told(path)
    events = impressions(first, alone(first, a))
    until_ms = BEGINNING + 10**9
    twin, pairs = Twin(USER, a, b), []
    for each in events:
        pairs += twin.take(each)
    pairs += twin.finish(until_ms)
    folded = [{p[at].slot_id: p[at] for p in pairs if p[at]} for at in (0, 1)]
    return folded, [alone(events, ctx, until_ms) for ctx in (a, b)]


@many
@given(campaigns, campaigns, steps)
def test_a_change_is_found_exactly_where_something_visible_differs(one, two, path):
    """Every other winner, price, action or withholding is one change with a known cause."""
    a, b = sides(one, two)
    twin = Twin(USER, a, b)
    ids = [tuple(each.id for each in listed) for listed in (one, two)]
    for each in told(path):
        for pair in twin.take(each):
            x, y = pair
            change = compared(
                *(made and Side(made, known) for made, known in zip(pair, ids, strict=True))
            )
            visible = "campaign_id withheld price_micros charge_micros action_type render".split()
            same = all(getattr(x, name) == getattr(y, name) for name in visible)
            assert (change is None) == (same and x.expires_at_ms == y.expires_at_ms)
            if change is not None:
                assert change.kind in KINDS and change.cause not in ("", "draw", "rule outbid")


def test_the_fold_is_shared_until_an_action_that_differs_is_answered():
    """Sharing is what makes a million events affordable, so it must really happen."""
    a, b = sides([campaign("a")], [campaign("a"), campaign("b", margin_micros=90_000_000)])
    twin = Twin(USER, a, b)
    twin.take(event("scroll", 0, 0))
    assert twin.together
    (pair,) = twin.take(event("page_view", 1_000, 1))
    assert (pair[0].campaign_id, pair[1].campaign_id) == ("a", "b") and twin.together
    answer = {"slot_id": pair[0].slot_id, "decision_id": pair[0].decision_id}
    twin.take(event("click", 1_500, 2))
    assert twin.together
    twin.take(event("impression", 2_000, 3, **answer))
    assert twin.together  # Both showed something there: the fold counts it alike.


def test_an_answer_to_what_one_side_alone_gave_parts_them():
    """From then on the profiles differ in what was shown, and each keeps its own gifts."""
    a, b = sides([campaign("a")], [campaign("a", when="page_views >= 2")])
    twin = Twin(USER, a, b)
    (pair,) = twin.take(event("page_view", 1_000, 0))
    assert (pair[0].campaign_id, pair[1].campaign_id) == ("a", "") and twin.together
    answer = {"slot_id": pair[0].slot_id, "decision_id": pair[0].decision_id}
    twin.take(event("impression", 2_000, 1, **answer))
    assert not twin.together
    (pair,) = twin.take(event("page_view", 3_000, 2))
    assert (pair[0].campaign_id, pair[1].campaign_id) == ("", "a")


def test_equal_contexts_stay_together():
    """No campaign differs, so nothing ever parts the two sides."""
    a, b = sides([campaign("a")], [replace(campaign("a"))])
    twin = Twin(USER, a, b)
    for each in told([("page_view", 1_000)] * 5):
        assert all(x == y for x, y in twin.take(each))
        assert twin.together
