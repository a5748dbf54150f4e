"""2-7 One user's log folded under two contexts at once, for what would have been decided.

Profiles of the two sides can differ in what was given away alone (unless sites, products, models,
or what triggers messages do) until something answers it. So one fold serves both, side b's own
gifts beside it, and only the auction runs twice:

1. together: step side a; where it decided at this event, lend side b the same profile with its own
   gifts and let it decide too;
2. apart: at an event that may read or change gifts outside a decision (an outcome, a deadline, a
   withdrawal) step both sides in full; they meet again where they differ in gifts alone, and
   stay apart for good where not.

Plain events (models/plain.py) are folded once while together, from state bytes to state bytes, and
where they ask, both sides decide so; other events make the profile of them again.

Records of one topic and version must be one record on both sides, as in a log they are.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator

import msgspec

from models.context import Context, View
from models.decision import decide
from models.effects import Decide, Effect
from models.plain import TYPES_ASKING, TYPES_FOLDED
from models.signals import bounds_of
from models.slots import Ask
from models.state_step import resumed
from models.user import NO_STOPWATCH, advance, reject, step
from models.why_given import NOTHING_GIVEN, Given, given_to, swapped
from schemas.decision import Decision
from schemas.event import OUTCOMES, Event
from schemas.profile import HEAD, STATE_BYTES_MAX, Profile, dump, load
from schemas.sections import packed

_CANCELLING = frozenset(("purchase", "remove_from_cart"))
"""Events that withdraw what was given, before any decision."""

_profile_of = msgspec.msgpack.Decoder(Profile).decode

Pair = tuple[Decision | None, Decision | None]
"""The decisions of one slot on side a and b; None where a side was not asked."""


class Twin:
    """The fold of one user key; `take` each event in log order, then `finish`."""

    def __init__(self, user_key: str, a: Context, b: Context) -> None:
        self._key = user_key
        self._site = user_key.split(":", 1)[0]
        self._a, self._b = a, b
        self._one: Profile | None = None
        self._two: Profile | None = None
        self._theirs: Given | None = None  # Side b's while together, where they are not side a's.
        self._at_ms = 0
        self._state: bytes | None = None  # Side a's, or instead of its profile after plain events.
        self._views: tuple[View, View] | None = None  # The last two that were found alike.
        self.together = True

    def take(self, event: Event) -> list[Pair]:
        """The slots that this event made either side decide."""
        if not self.together:
            return self._both(event)
        pairs = self._plain(event)
        if pairs is not None:
            return pairs
        self._unfold()
        if not self._shares(event):
            self._part()
            pairs = self._both(event)
            self._meet(event.received_at_ms)
            return pairs
        before = self._theirs or given_to(self._one)
        self._one, effects, _ = step(self._one, event, self._key, self._a)
        made = _decisions(effects)
        pairs = self._second(event, made, before) if made else []
        self._bound()
        return pairs

    def refuse(self, at_ms: int) -> list[Pair]:
        """Count a record of this key that could not be read; the slots of deadlines before it."""
        self._unfold()
        if self.together:
            self._part()
        self._one, made = _refused(self._one, at_ms, self._key, self._a)
        self._two, other = _refused(self._two, at_ms, self._key, self._b)
        self._meet(at_ms)
        return list(_paired(made, other))

    def finish(self, until_ms: int) -> list[Pair]:
        """Run the deadlines up to `until_ms`."""
        self._unfold()
        if self.together:
            self._part()
        out = []
        for profile, context in ((self._one, self._a), (self._two, self._b)):
            effects = [] if profile is None else advance(profile, until_ms, self._key, context)[1]
            out.append([each.decision for each in effects if isinstance(each, Decide)])
        self._one = self._two = None
        return list(_paired(*out))

    def _plain(self, event: Event) -> list[Pair] | None:
        """The slots of a plain event under views that are alike: then both sides have it."""
        plain, asks = self._a.plain, event.type in TYPES_ASKING
        if plain is None or not (asks or event.type in TYPES_FOLDED) or ":p:" in self._key:
            return None
        now_ms = max(self._at_ms, event.received_at_ms)
        if self._state is None or not self._alike(now_ms):
            return None
        made = plain.folded(self._state, event, self._key, self._a, NO_STOPWATCH)
        if made is None or len(made[0]) + len(self._theirs or b"") > STATE_BYTES_MAX:
            return None
        self._state, inputs = made
        self._one, self._at_ms = None, now_ms
        return [] if inputs is None else self._asked(event, inputs)

    def _asked(self, event: Event, inputs: list[float]) -> list[Pair]:
        """Let both sides decide after such an event."""
        pairs = self._decided(event, inputs)
        if pairs is not None:
            return pairs
        self._unfold()
        one = self._one
        assert one is not None
        before = self._theirs or given_to(one)
        made = _decisions(resumed(one, inputs, event, self._key, self._a))
        pairs = self._second(event, made, before) if made else []
        self._bound()
        return pairs

    def _decided(self, event: Event, inputs: list[float]) -> list[Pair] | None:
        """Both from state bytes to state bytes; None, and nothing done, if one is for Python."""
        plain, state, key = self._a.plain, self._state, self._key
        assert plain is not None and state is not None
        lent = state if self._theirs is None else plain.swapped(state, self._theirs)[0]
        one = plain.decided(state, inputs, event, key, self._a, NO_STOPWATCH)
        if one is None:
            return None
        two = plain.decided(lent, inputs, event, key, self._b, NO_STOPWATCH)
        if two is None:
            return None
        self._state = one[0]
        self._theirs = None if one[0] == two[0] else plain.swapped(two[0], NOTHING_GIVEN)[1]
        return list(_paired(_decisions(one[1]), _decisions(two[1])))

    def _unfold(self) -> None:
        """Back to a profile."""
        if self._one is None and self._state is not None:
            self._one = load(self._state)
        self._state = None

    def _shares(self, event: Event) -> bool:
        """Whether one fold serves both sides at this event.

        Not where exposures change other than by a decision at the event itself: outcomes,
        withdrawals, deadlines that are due.
        """
        elsewhere = event.internal or event.type in OUTCOMES or event.type in _CANCELLING
        if elsewhere or ":p:" in self._key:
            return False
        one = self._one
        if one is None:
            return self._alike(event.received_at_ms)
        if self._theirs is not None and one.outreach.mails:
            return False
        now_ms = max(one.now_ms, event.received_at_ms)
        due = [one.forget_at_ms, one.outreach.at_ms, *(tab.dwell_at_ms for tab in one.tabs)]
        return all(at_ms == 0 or at_ms > now_ms for at_ms in due) and self._alike(now_ms)

    def _alike(self, now_ms: int) -> bool:
        a, b = self._a.at(self._site, now_ms), self._b.at(self._site, now_ms)
        if self._views is not None and self._views[0] is a and self._views[1] is b:
            return True
        one, two = a.versions, b.versions
        same = (one.site, one.products, one.model) == (two.site, two.products, two.model)
        alike = same and bounds_of(a) == bounds_of(b) and _causes(a) == _causes(b)
        self._views = (a, b) if alike else None
        return alike

    def _second(self, event: Event, made: list[Decision], before: Given) -> list[Pair]:
        """Let side b decide where side a just has."""
        one = self._one
        assert one is not None
        ours = swapped(one, before)
        view = self._b.at(self._site, one.now_ms)
        other = decide(one, _ask(one, made[0], event), self._key, view, one.now_ms)
        theirs = swapped(one, ours)
        self._theirs = None if theirs == ours else theirs
        return list(_paired(made, other))

    def _bound(self) -> None:
        """Trim a profile beyond its bound, as the engine does with its state: each side's own."""
        one = self._one
        assert one is not None
        if self._theirs is not None:
            ours = swapped(one, self._theirs)
            fits = _fits(one)
            swapped(one, ours)
            if not fits or not _fits(one):
                self._part()
        self._at_ms = one.now_ms
        self._state = dump(one)
        if self._two is not None:
            dump(self._two)

    def _part(self) -> None:
        one, self._two = self._one, None
        if one is not None:
            self._two = _profile_of(packed(one))
            if self._theirs is not None:
                swapped(self._two, self._theirs)
        self._theirs, self.together = None, False

    def _meet(self, at_ms: int) -> None:
        """Back to one fold where the two sides differ in gifts alone, byte for byte."""
        one, two = self._one, self._two
        if one is None or two is None or not self._alike(at_ms):
            return
        ours = given_to(one)
        theirs = swapped(two, ours)
        self.together = packed(one) == packed(two)
        if self.together:
            self._theirs = None if theirs == ours else theirs
        else:
            swapped(two, theirs)

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


def _fits(profile: Profile) -> bool:
    return len(HEAD) + len(packed(profile)) <= STATE_BYTES_MAX


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
