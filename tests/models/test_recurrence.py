"""Recurrence: one step an applied event, never over a gap, never under another model's weights."""

from __future__ import annotations

import struct
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from models.context import Context
from models.effects import Decide
from models.features import FEATURES
from models.recurrence import mark_of, newest_inputs, remember
from models.user import step
from schemas.campaign import Campaigns
from schemas.event import PROBE
from schemas.model import Head, Model
from schemas.profile import EARLIER_BYTES_MAX, EARLIER_MAX, STATE_BYTES_MAX, Profile, dump, load
from schemas.site import Site
from tests.builders import BEGINNING, ONE_MINUTE, USER, campaign, event, journey, lamp, page

AN_HOUR = 60 * ONE_MINUTE
OLD, NEW = sha256(b"old").hexdigest(), sha256(b"new").hexdigest()


class Chained:
    """A network whose hidden state is a hash of everything it was ever given."""

    def __init__(self, model: Model) -> None:
        self.weights = model.sha256.encode()

    def step(self, features: list[float], hidden: bytes) -> tuple[list[int], bytes]:
        """As many steps, so many links."""
        told = struct.pack(f"{len(features)}d", *features)
        hidden = sha256(self.weights + hidden + told).digest() * 4
        return [int.from_bytes(hidden[:4]) % 1_000_001], hidden


def model(sha: str = OLD, version: int = 1, **fields: object) -> Model:
    """A recurrent model that is in force from its version's minute on."""
    known = {
        "version": version,
        "effective_at_ms": BEGINNING + (version - 1) * ONE_MINUTE,
        "sha256": sha,
        "features": FEATURES,
        "concepts": ("stickiness",),
        "hidden_size": 32,
        "heads": (Head("purchase_intent", 0, (2_000_000,)),),
    }
    return Model(**{**known, **fields})


def context(*models: Model) -> Context:
    """A site and these models."""
    out = Context(Chained)
    out.add("sites", Site(site="demo", version=1, salt=b"salt", mint_secret=b"mint"))
    for each in models:
        out.add("models", each)
    return out


def play(events, ctx, profile=None):
    """The profile after these events, which go through its bytes after each."""
    for each in events:
        profile, _, _ = step(profile, each, USER, ctx)
        profile = load(dump(profile))
    return profile


def watched(ctx, at_ms):
    """(vector, hidden before) of every step from here on of the model in force at that time."""
    scorer = ctx.at("demo", at_ms).scorer
    honest, calls = scorer.step, []
    scorer.step = lambda *told: calls.append(told) or honest(*told)
    return calls


VISIT = journey(
    ("page_view", 0, {"page": page("/a")}),
    ("scroll", 2_000, {"page": page("/a")}),
    ("product_view", 5_000, {"page": page("/p"), "product": lamp()}),
    ("add_to_cart", 9_000, {"page": page("/p"), "product": lamp()}),
    ("cart_view", 14_000, {"page": page("/cart")}),
)


def shifted(events, by_ms, first_index=0):
    """The same events later, as new ones."""
    return [
        event(each.type, each.ts_ms - BEGINNING + by_ms, first_index + at, page=each.page)
        for at, each in enumerate(events)
    ]


@pytest.mark.promise("M50")
def test_each_event_is_one_step_from_the_state_before():
    """Another order of the same events is another state."""
    ctx = context(model())
    there, back = play(VISIT, ctx), play(VISIT[::-1], ctx)
    assert there.hidden != back.hidden
    assert len(there.hidden) == 128 and there.hidden_mark == mark_of(model())
    assert len(newest_inputs(there)) == len(VISIT)


@pytest.mark.parametrize(
    ("extra", "steps"),
    [
        ({}, True),
        ({"type": "impression"}, True),
        ({"sent_at_ms": BEGINNING + 20_000 + 31_000}, False),
        ({"session_index": 2, "event_id": VISIT[2].event_id}, False),
        ({"internal": PROBE}, False),
    ],
    ids=["fresh", "an outcome", "from an offline queue", "sent again", "internal"],
)
def test_every_applied_fresh_event_is_a_step_and_nothing_else(extra, steps):
    """A step too many or too few would be another visitor's state."""
    ctx = context(model())
    before = play(VISIT, ctx)
    after = play([replace(event("hover", 20_000, 9), **extra)], ctx, load(dump(before)))
    assert (after.hidden != before.hidden) is steps
    assert len(newest_inputs(after)) == len(VISIT) + steps


def test_a_session_starts_from_zeros():
    """What was before is in the inputs: the state of yesterday's visit is not."""
    ctx = context(model())
    calls = watched(ctx, BEGINNING)
    returned = play(shifted(VISIT[:2], 2 * AN_HOUR, 10), ctx, play(VISIT, ctx))
    hidden = [before for _, before in calls]
    assert hidden[0] == hidden[len(VISIT)] == b"" and all(hidden[1 : len(VISIT)])
    assert newest_inputs(returned)[0][FEATURES.index("returning")] == 1.0
    assert len(newest_inputs(returned)) == 2


@pytest.mark.promise("M21")
def test_another_model_steps_the_newest_inputs_again():
    """The state is that of the new weights over the same events, then one step on."""
    two = model(NEW, 2)
    seen = play(VISIT, context(model()))
    known = newest_inputs(seen)
    hidden = b""
    for vector in known:
        _, hidden = Chained(two).step(vector, hidden)
    changed = context(model(), two)
    (next_event,) = shifted(VISIT[:1], 2 * ONE_MINUTE, 9)
    given = watched(changed, next_event.received_at_ms)
    after = play([next_event], changed, seen)
    assert [vector for vector, _ in given[:-1]] == known
    assert given[-1][1] == hidden
    assert after.hidden_mark == mark_of(two) and len(newest_inputs(after)) == len(VISIT) + 1


@pytest.mark.parametrize(
    ("second", "steps"),
    [
        (model(OLD, 2, stale_after_ms=AN_HOUR), 1),
        (model(NEW, 2), len(VISIT) + 1),
        (model(NEW, 2, features=FEATURES[::-1]), 1),
        (model(OLD, 2, site="demo"), 1),
        (model(OLD, 2, hidden_size=0), 1),
    ],
    ids=["same weights", "other weights", "other inputs", "the site's own", "no hidden state"],
)
def test_what_is_stepped_after_a_change_of_models(second, steps):
    """Only other weights over the same inputs need the newest events again."""
    seen = play(VISIT, context(model()))
    ctx = context(model(), second)
    calls, before = watched(ctx, BEGINNING + 2 * ONE_MINUTE), seen.hidden
    play(shifted(VISIT[:1], 2 * ONE_MINUTE, 9), ctx, seen)
    assert len(calls) == steps
    keeps = second.sha256 == OLD and second.hidden_size
    assert (calls[-1][1] == before) == bool(keeps)
    assert (calls[-1][1] == b"") == (second.features != FEATURES or not second.hidden_size)


def test_nothing_is_carried_over_events_that_no_model_saw():
    """A state that missed a step is worse than none."""
    stale = context(model(stale_after_ms=ONE_MINUTE))
    late = shifted(VISIT[:1], 2 * ONE_MINUTE, 9)
    after = play(late, stale, play(VISIT, stale))
    assert (after.hidden, after.hidden_mark, after.inputs, after.earlier) == (b"", 0, b"", [])
    assert after.scores == []


class Opaque(Chained):
    """Concepts that follow from the inputs alone, over a state of its own."""

    def step(self, features, hidden):
        """The state is a chain as before, and nothing is read from it."""
        _, following = super().step(features, hidden)
        return [int(features[FEATURES.index("events_log")] * 200_000)], following


@pytest.mark.promise("M29")
def test_what_is_decided_knows_the_state_by_its_concepts_alone():
    """Perturbed states under the same concepts: the same decisions, byte for byte."""
    told = []
    for sha in (OLD, NEW):
        ctx = Context(Opaque)
        ctx.add("sites", Site(site="demo", version=1, salt=b"salt", mint_secret=b"mint"))
        rules = (campaign("stay", when="purchase_intent > 0.45"), campaign("go"))
        ctx.add("campaigns", Campaigns(site="demo", version=1, campaigns=rules))
        ctx.add("models", model(sha))
        profile, made = None, []
        for each in VISIT:
            profile, effects, _ = step(profile, each, USER, ctx)
            made += [effect.decision for effect in effects if isinstance(effect, Decide)]
        told.append((profile.hidden, made))
    assert told[0][0] != told[1][0]
    assert told[0][1] == told[1][1] and len(told[0][1]) >= 3
    assert len({each.scores["purchase_intent"] for each in told[0][1]}) > 1


values = st.one_of(st.sampled_from((0.0, 1.0, 0.5)), st.floats(0, 40))
vectors = st.lists(st.lists(values, min_size=9, max_size=9), min_size=1, max_size=60)


@settings(deadline=None)
@given(vectors)
def test_the_newest_inputs_come_back_in_sixteenths(given_):
    """Against keeping them all: rounded down to 1/16, at most 15.94, the newest 32."""
    profile = Profile(epoch_ms=0)
    for vector in given_:
        remember(profile, vector)
    naive = [[min(int(each * 16), 255) / 16 for each in vector] for vector in given_]
    kept = newest_inputs(profile)
    assert kept == naive[-len(kept) :]
    assert sum(map(len, profile.earlier)) <= EARLIER_BYTES_MAX
    assert len(kept) == min(len(given_), EARLIER_MAX + 1)


def test_inputs_that_all_change_at_once_stay_within_their_bytes():
    """The oldest go first."""
    profile = Profile(epoch_ms=0)
    for at in range(40):
        remember(profile, [float(at % 2)] * 66)
    assert sum(map(len, profile.earlier)) <= EARLIER_BYTES_MAX
    assert newest_inputs(profile)[-1] == [1.0] * 66


@pytest.mark.promise("M52")
def test_a_long_visit_under_a_recurrent_model_stays_small():
    """128 bytes of state and at most 0.7 kB of inputs, within the 4 KiB of a profile."""
    kinds = "page_view scroll product_view hover click search add_to_cart cart_view".split()
    many = [
        event(kinds[at % 8], at * 7_919, at, page=page(f"/{at % 11}"), product=lamp(price=at % 9))
        for at in range(120)
    ]
    with_, without = play(many, context(model())), play(many, context())
    assert len(dump(with_)) <= STATE_BYTES_MAX
    assert len(dump(with_)) - len(dump(without)) <= 128 + EARLIER_BYTES_MAX + 66 + 180
