"""2-7 composed: one user's step, run by one keyed operator and by every replay.

`step` folds one event into the profile: overdue deadlines first, then dedup, tally, session,
features, concepts and intents, outcomes, and a decision where one is due. It owns the profile it
is given and returns it; bytes in the engine's state are the only other copy.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from models import (
    deadlines,
    dedup,
    exposures,
    outreach,
    recurrence,
    session,
    skew,
    tally,
    trends,
    validity,
)
from models.context import Context, View
from models.decision import PROBE, Ask, decide
from models.effects import Decide, Effect, Emit, Forget, Reject
from models.page_key import clear_page
from models.points import ask_of, stage_moved
from models.signals import bounds_of
from schemas.event import ERASE, OUTCOMES, Event
from schemas.model import Model
from schemas.profile import Profile, Tab

STALE_MS = 30_000
PROFILE_TTL_MS = 30 * 24 * 3600 * 1000
PAGE_KEY_TTL_MS = 30 * 60 * 1000
CANCELLING = frozenset(
    "purchase page_view product_view cart_view checkout_start page_leave hidden".split()
)
"""Events that go before a deadline of the same millisecond, since they may cancel it."""


class Stopwatch(Protocol):
    """Measures stages in the shell; never part of a result."""

    def lap(self, stage: str) -> None:
        """The named stage has just ended."""
        ...


class _NoStopwatch:
    def lap(self, stage: str) -> None:
        """Measure nothing."""


NO_STOPWATCH: Stopwatch = _NoStopwatch()


class Trace(Struct):
    """What happened, for metrics: the dedup verdict, or rejected, internal."""

    verdict: str
    stale: bool = False


def step(
    profile: Profile | None,
    event: Event,
    user_key: str,
    context: Context,
    stopwatch: Stopwatch = NO_STOPWATCH,
) -> tuple[Profile | None, list[Effect], Trace]:
    """Fold one event of `user_key` in. A None profile in means a new user, out means forgotten."""
    wrong = validity.problem(event, user_key)
    if wrong is not None:
        at_ms = validity.engine_ms(event.received_at_ms)
        profile, effects = reject(profile, at_ms, user_key, context)
        return profile, [Reject(*wrong), *effects], Trace("rejected")
    effects = []
    if profile is None:
        profile = Profile(epoch_ms=event.received_at_ms)
    now_ms = max(profile.now_ms, event.received_at_ms)
    cancels_first = event.type in CANCELLING and not event.internal
    due_ms = now_ms - 1 if cancels_first else now_ms
    profile = deadlines.run(profile, due_ms, user_key, context, effects)
    if profile is None:
        profile = Profile(epoch_ms=now_ms)
    profile.now_ms = now_ms
    trace = _apply(profile, event, user_key, context, effects, stopwatch)
    if event.internal == ERASE:
        return None, [*effects, Forget(erase=True)], trace
    after = profile
    if cancels_first:
        after = deadlines.run(profile, now_ms, user_key, context, effects) or profile
    deadlines.set_timer(after, effects)
    return after, effects, trace


def advance(
    profile: Profile, until_ms: int, user_key: str, context: Context
) -> tuple[Profile | None, list[Effect]]:
    """Run every deadline up to `until_ms`; what a timer of the engine does."""
    effects: list[Effect] = []
    if profile.timer_at_ms <= until_ms:
        profile.timer_at_ms = 0
    if profile.forget_timer_ms <= until_ms:
        profile.forget_timer_ms = 0
    after = deadlines.run(profile, until_ms, user_key, context, effects)
    if after is None:
        return None, [*effects, Forget()]
    deadlines.set_timer(after, effects)
    return after, effects


def reject(
    profile: Profile | None, at_ms: int, user_key: str, context: Context
) -> tuple[Profile, list[Effect]]:
    """Count a record of engine time `at_ms` that could not be applied.

    Deadlines up to then run first: whether their timer has come yet is not the log's to say. The
    record itself moves no clock.
    """
    effects: list[Effect] = []
    if profile is not None:
        profile = deadlines.run(profile, at_ms, user_key, context, effects)
    counted, timers = count_rejected(profile, at_ms, user_key)
    return counted, [*effects, *timers]


def count_rejected(
    profile: Profile | None, at_ms: int, user_key: str
) -> tuple[Profile, list[Effect]]:
    """Only count: for a record that met a bug, which a deadline might meet again."""
    if profile is None:
        profile = Profile(epoch_ms=at_ms, now_ms=at_ms)
    profile.dead_lettered += 1
    profile.forget_at_ms = max(profile.forget_at_ms, profile.now_ms + _ttl_ms(user_key))
    effects: list[Effect] = []
    deadlines.set_timer(profile, effects)
    return profile, effects


def _ttl_ms(user_key: str) -> int:
    """A page key lives 30 minutes after its last event, any other key 30 days."""
    return PAGE_KEY_TTL_MS if ":p:" in user_key else PROFILE_TTL_MS


def _apply(
    profile: Profile,
    event: Event,
    user_key: str,
    context: Context,
    effects: list[Effect],
    stopwatch: Stopwatch,
) -> Trace:
    now_ms = profile.now_ms
    view = context.at(event.site, now_ms)
    profile.forget_at_ms = now_ms + _ttl_ms(user_key)
    if event.internal:
        _internal(profile, event, user_key, view, effects)
        return Trace("internal")
    verdict = dedup.check(profile, *dedup.place(event), now_ms)
    stopwatch.lap("dedup")
    if verdict in (dedup.DUPLICATE, dedup.LATE):
        profile.duplicate += verdict == dedup.DUPLICATE
        profile.late += verdict == dedup.LATE
        return Trace(verdict)
    profile.applied += 1
    profile.conflict += verdict == dedup.CONFLICT
    tally.update(profile.tally, event, view.loops)
    stale = event.sent_at_ms - event.ts_ms > STALE_MS
    if not stale:
        _fresh(profile, event, user_key, view, effects, stopwatch)
    return Trace(verdict, stale)


def _internal(
    profile: Profile, event: Event, user_key: str, view: View, effects: list[Effect]
) -> None:
    if event.internal == PROBE:
        tab = Tab(event.session_id, event.tab_id)
        ask = Ask(PROBE, event.event_id, 0, tab, "standard")
        now_ms = profile.now_ms
        effects.extend(Decide(each) for each in decide(profile, ask, user_key, view, now_ms))


def _fresh(
    profile: Profile,
    event: Event,
    user_key: str,
    view: View,
    effects: list[Effect],
    stopwatch: Stopwatch,
) -> None:
    """The order-dependent rest: profile, model, stage, outcomes, deadlines, decision."""
    now_ms = profile.now_ms
    if not event.consent_unsaid:
        _consent(profile, event)
    profile.identified = profile.identified or ":u:" in user_key
    percentile = 500_000
    if event.product is not None:
        percentile = view.assortment.percentile_ppm(
            event.product.category, event.product.price_micros
        )
    tab = session.update(profile, event, now_ms, percentile, bounds_of(view))
    if event.type in OUTCOMES:
        exposures.outcome(profile, event)
    before = [*profile.scores, *profile.concepts]
    told = outreach.after_event(profile, tab, event, user_key, view)
    effects.extend([Emit(each) for each in told])
    stopwatch.lap("profile")
    vector = _score(profile, tab, event, view)
    stopwatch.lap("intent")
    conclude(profile, tab, event, user_key, view, vector, before, effects, stopwatch)
    if event.type == "page_leave" and ":p:" in user_key:
        clear_page(profile)


def conclude(
    profile: Profile,
    tab: Tab,
    event: Event,
    user_key: str,
    view: View,
    vector: list[float] | None,
    before: list[int],
    effects: list[Effect],
    stopwatch: Stopwatch,
) -> None:
    """Stage, deadlines and decision, once the scores are known; `before` are those until then."""
    moved = stage_moved(profile, event, view)
    ask = ask_of(profile, event, tab, view, before, moved)
    _dwell_deadline(profile, event, tab, view)
    stopwatch.lap("fusion")
    if ask is not None:
        salt = view.site.salt if view.site is not None else b""
        for made in decide(profile, ask, user_key, view, profile.now_ms):
            effects.append(Decide(made, skew.sampled(made.slot_id, vector, salt)))
    stopwatch.lap("auction")


def _consent(profile: Profile, event: Event) -> None:
    """What the visitor said last, and since when."""
    said = event.consent
    allowed = said.analytics | said.personalization << 1 | said.marketing << 2
    if allowed != profile.consent:
        profile.consent, profile.consent_at_ms = allowed, profile.now_ms


def _score(profile: Profile, tab: Tab, event: Event, view: View) -> list[float] | None:
    """Concepts, intents and their trends, and the vector they are from.

    None of them under no model or a stale one.
    """
    model, scorer, inputs, intents = view.model, view.scorer, view.inputs, view.intents
    if (
        model is None
        or scorer is None
        or inputs is None
        or intents is None
        or _is_stale(model, profile.now_ms)
    ):
        profile.concepts, profile.scores, profile.trends = [], [], []
        recurrence.forget(profile)
        return None
    if profile.model_version != view.versions.model:
        profile.trends = []
        profile.model_version = view.versions.model
    recurrence.resume(profile, view.mark, scorer)
    vector = inputs(profile, tab, event, view, profile.now_ms)
    profile.concepts, profile.hidden = scorer.step(vector, profile.hidden)
    if view.mark:
        recurrence.remember(profile, vector, view.loops)
    profile.scores = intents.scores_ppm(profile.concepts)
    trends.update(profile, view.loops)
    return vector


def _is_stale(model: Model, now_ms: int) -> bool:
    return 0 < model.stale_after_ms < now_ms - model.effective_at_ms


def _dwell_deadline(profile: Profile, event: Event, tab: Tab, view: View) -> None:
    if event.type == "product_view" and view.site is not None:
        tab.dwell_at_ms = _free_ms(profile, tab, profile.now_ms + view.site.dwell_ms)
    elif event.type in CANCELLING:
        tab.dwell_at_ms = 0


def _free_ms(profile: Profile, tab: Tab, at_ms: int) -> int:
    """The first millisecond from `at_ms` on at which no other tab dwells: it names the slot."""
    taken = {each.dwell_at_ms for each in profile.tabs if each is not tab}
    while at_ms in taken:
        at_ms += 1
    return at_ms
