"""2-7 One user's log folded under two contexts at once, for what would have been decided.

While both sides have given the user the same actions, profiles can differ in nothing else (unless
sites, products, models, or what triggers messages do), so that one fold serves both and only the
auction runs twice:

1. together: step side a; where it decided at this event, give side b the same profile with the
   exposures of before and let it decide too;
2. apart, from the first action that differs, or where those others differ: step both sides in full,
   for good.

Records of one topic and version must be one record on both sides, as in a log they are.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from msgspec.structs import replace

from models.context import Context, View
from models.decision import decide
from models.effects import Decide, Effect
from models.signals import bounds_of
from models.slots import Ask
from models.user import advance, reject, step
from schemas.decision import Decision
from schemas.event import OUTCOMES, Event
from schemas.exposure import Exposure
from schemas.profile import Profile, dump, load

Pair = tuple[Decision | None, Decision | None]
"""The decisions of one slot on side a and b; None where a side was not asked."""


Given = tuple[list[Exposure], bytes, int]
"""What a decision changes of a profile: exposures, those folded, the last push's number."""


class Twin:
    """The fold of one user key; `take` each event in log order, then `finish`."""

    def __init__(self, user_key: str, a: Context, b: Context) -> None:
        self._key = user_key
        self._site = user_key.split(":", 1)[0]
        self._a, self._b = a, b
        self._one: Profile | None = None
        self._two: Profile | None = None
        self.together = True

    def take(self, event: Event) -> list[Pair]:
        """The slots that this event made either side decide."""
        if not self.together:
            return self._both(event)
        if not self._shares(event):
            self._part(self._one)
            pairs = self._both(event)
            self._meet(event.received_at_ms)
            return pairs
        before = _given(self._one)
        self._one, made = _stepped(self._one, event, self._key, self._a)
        return self._second(event, made, before) if made else []

    def refuse(self, at_ms: int) -> list[Pair]:
        """Count a record of this key that could not be read; the slots of deadlines before it."""
        if self.together:
            self._part(self._one)
        self._one, made = _refused(self._one, at_ms, self._key, self._a)
        self._two, other = _refused(self._two, at_ms, self._key, self._b)
        self._meet(at_ms)
        return list(_paired(made, other))

    def finish(self, until_ms: int) -> list[Pair]:
        """Run the deadlines up to `until_ms`."""
        if self.together:
            self._part(self._one)
        out = []
        for profile, context in ((self._one, self._a), (self._two, self._b)):
            effects = [] if profile is None else advance(profile, until_ms, self._key, context)[1]
            out.append([each.decision for each in effects if isinstance(each, Decide)])
        self._one = self._two = None
        return list(_paired(*out))

    def _shares(self, event: Event) -> bool:
        """Whether one fold serves both sides at this event.

        Not where exposures change other than by a decision at the event itself: outcomes,
        withdrawals, deadlines that are due.
        """
        elsewhere = event.internal or event.type in OUTCOMES or event.type == "purchase"
        if elsewhere or ":p:" in self._key:
            return False
        one = self._one
        if one is None:
            return self._alike(event.received_at_ms)
        now_ms = max(one.now_ms, event.received_at_ms)
        due = [one.forget_at_ms, one.outreach.at_ms, *(tab.dwell_at_ms for tab in one.tabs)]
        return all(at_ms == 0 or at_ms > now_ms for at_ms in due) and self._alike(now_ms)

    def _alike(self, now_ms: int) -> bool:
        a, b = self._a.at(self._site, now_ms), self._b.at(self._site, now_ms)
        one, two = a.versions, b.versions
        same = (one.site, one.products, one.model) == (two.site, two.products, two.model)
        return same and bounds_of(a) == bounds_of(b) and _causes(a) == _causes(b)

    def _second(self, event: Event, made: list[Decision], before: Given) -> list[Pair]:
        """Let side b decide where side a just has."""
        one = self._one
        assert one is not None
        after = (one.exposures, one.given, one.seq)
        one.exposures, one.given, one.seq = before
        view = self._b.at(self._site, one.now_ms)
        other = decide(one, _ask(one, made[0], event), self._key, view, one.now_ms)
        if (one.exposures, one.given, one.seq) != after:
            self._part(one)
        one.exposures, one.given, one.seq = after
        return list(_paired(made, other))

    def _part(self, one: Profile | None) -> None:
        self._two = None if one is None else load(dump(one))
        self.together = False

    def _meet(self, at_ms: int) -> None:
        """Back to one fold where the two sides still agree, byte for byte."""
        alike = self._alike(at_ms)
        if alike and self._one is not None and self._two is not None:
            self.together = dump(self._one) == dump(self._two)

    def _both(self, event: Event) -> list[Pair]:
        self._one, made = _stepped(self._one, event, self._key, self._a)
        self._two, other = _stepped(self._two, event, self._key, self._b)
        return list(_paired(made, other))


def _stepped(
    profile: Profile | None, event: Event, key: str, context: Context
) -> tuple[Profile | None, list[Decision]]:
    after, effects, _ = step(profile, event, key, context)
    if after is not None:
        dump(after)  # Trims a profile beyond its bound, as the engine does with its state.
    return after, _decisions(effects)


def _refused(
    profile: Profile | None, at_ms: int, key: str, context: Context
) -> tuple[Profile | None, list[Decision]]:
    after, effects = reject(profile, at_ms, key, context)
    dump(after)
    return after, _decisions(effects)


def _decisions(effects: list[Effect]) -> list[Decision]:
    return [effect.decision for effect in effects if isinstance(effect, Decide)]


def _causes(view: View) -> Hashable:
    """What of a catalogue decides when a message outside the page is due."""
    return view.catalogue.causes if view.catalogue is not None else None


def _given(profile: Profile | None) -> Given:
    """What the profile has been given so far; exposures are copied, for a decision changes them."""
    if profile is None:
        return [], b"", 0
    return [replace(each) for each in profile.exposures], profile.given, profile.seq


def _ask(profile: Profile, made: Decision, event: Event) -> Ask:
    """What asked for a decision that was just taken."""
    trigger = made.trigger
    tab = next(
        tab
        for tab in profile.tabs
        if (tab.session_id, tab.tab_id) == (made.session_id, made.tab_id)
    )
    return Ask(trigger.kind, trigger.event_id, 0, tab, made.latency_class, made.cancels, event.bot)


def _paired(a: list[Decision], b: list[Decision]) -> Iterator[Pair]:
    """Decisions of both sides by slot, side a's order first."""
    theirs = {each.slot_id: each for each in b}
    for each in a:
        yield each, theirs.pop(each.slot_id, None)
    for each in theirs.values():
        yield None, each
