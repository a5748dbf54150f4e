"""10 Snapshots: what a site has learned at the end of an epoch, and whether it is published.

1. An epoch ends at a multiple of EPOCH_MS of engine time. All rewards closed by then are learned
   at once, in an order of their own, and all bills booked: same log, same snapshot.
2. A snapshot is published where something changed: a quality, a multiplier, a reason. So that it
   does not go stale, also when nothing was published for REFRESH_MS, or, where rewards were
   learned, for LEARNED_MS.
3. Its version is the epoch's end in ms: derived, so that a restart that comes to the same end again
   writes the same version, and larger than what commands publish, which count on by one from it.
   What the topic holds of this epoch or a later one stands and is not published again.
4. It takes effect a second later. An epoch that is over long since, after an outage, is learned but
   not published: the newest is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from models import spend
from models.learned_policy import learned
from models.learner import Learner
from schemas.campaign import Campaign
from schemas.lesson import Account, Bill, Lesson, Seal, seal_dump
from schemas.policy import Policy
from schemas.reward import Reward

EPOCH_MS = spend.EPOCH_MS
EFFECTIVE_AFTER_MS = 1_000
REFRESH_MS, LEARNED_MS = 240_000, 10_000
NO_SEAL = Seal()
STILL = 20
"""Exploration that moved by less than such a part is the same."""

QUALITY_STEP_PPM = 500
"""A quality that moved by less is the same for the auction."""


def epoch_end_ms(at_ms: int) -> int:
    """The end of the epoch in which engine time `at_ms` lies; a multiple ends its own."""
    return -(-at_ms // EPOCH_MS) * EPOCH_MS


def learn(
    lesson: Lesson,
    learner: Learner[Any],
    rewards: list[Reward],
    bills: Iterable[Bill],
    end_ms: int,
    openings: Sequence[Reward] = (),
) -> Lesson:
    """The lesson after one epoch; the order in which its records came does not matter.

    `openings` are decisions taken in it, as rewards of nothing: learned from, and sealed by none.
    """
    accounts: dict[str, Account] = lesson.accounts
    for bill in sorted(bills, key=lambda each: (each.decided_ms, each.campaign_id, each.micros)):
        spend.book(accounts, bill)
    state, seal = lesson.learner, lesson.seal
    if rewards or openings:
        state = learner.dump(learner.learn(learner.load(state), [*openings, *rewards]))
    return Lesson(state, accounts, max(lesson.until_ms, end_ms), sealed(rewards, seal))


def sealed(rewards: Iterable[Reward], before: Seal = NO_SEAL) -> Seal:
    """The seal after these rewards; their order does not matter."""
    for reward in rewards:
        before = before.of(reward)
    return before


def snapshot(
    lesson: Lesson,
    before: Policy,
    learner: Learner[Any],
    campaigns: tuple[Campaign, ...],
    now_ms: int,
) -> Policy | None:
    """What to publish at engine time `now_ms` beside `before`, the newest in the topic; or None."""
    end_ms = lesson.until_ms
    if before.learned_until_ms >= end_ms:
        spend.note(lesson.accounts, before.pacing_ppm, before.spend_until_ms)
        return None
    multipliers = spend.pacing(lesson.accounts, campaigns, end_ms)
    made = learned(before, learner, learner.load(lesson.learner), end_ms)
    made = replace(
        made,
        version=max(end_ms, before.version + 1),
        effective_at_ms=max(end_ms, now_ms) + EFFECTIVE_AFTER_MS,
        pacing_ppm=multipliers,
        spend_until_ms=end_ms,
        snapshot=seal_dump(lesson.seal),
        rewards=lesson.seal.rewards,
    )
    return made if _differs(before, made) else None


def _differs(before: Policy, made: Policy) -> bool:
    same = (
        before.pacing_ppm == made.pacing_ppm
        and before.fallback_reason == made.fallback_reason
        and before.explore_floor_ppm == made.explore_floor_ppm
        and not _surer(before.explore_gamma_milli, made.explore_gamma_milli)
        and before.qualities.keys() == made.qualities.keys()
        and not any(_moved(before, made, name) for name in made.qualities)
    )
    pause_ms = REFRESH_MS if before.snapshot == made.snapshot else LEARNED_MS
    return not same or made.learned_until_ms - before.learned_until_ms >= pause_ms


def _surer(before_milli: int, made_milli: int) -> bool:
    """Whether exploration has moved: at first with each decision, later with hundreds."""
    return abs(made_milli - before_milli) * STILL > before_milli


def _moved(before: Policy, made: Policy, name: str) -> bool:
    old, new = before.qualities[name], made.qualities[name]
    if abs(old.base_ppm - new.base_ppm) >= QUALITY_STEP_PPM:
        return True
    names = {*old.response, *new.response}
    return any(
        abs(old.response.get(each, 0) - new.response.get(each, 0)) >= QUALITY_STEP_PPM
        for each in names
    )
