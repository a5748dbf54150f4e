"""What the hop does about profiles that change hands: models/handoff.py around a state value.

Only a known user and a key that was handed to one have this second value, so that an event of
anybody else reads one value as before.
"""

from __future__ import annotations

import logging

from connectors.avro import BadFrame, Codec
from connectors.routes import Origin, routed
from models import handoff
from models.context import Context
from models.effects import Effect, Lose
from models.user import Trace
from operators.engine import State, Timers
from operators.metrics import Meter
from schemas import profile as profiles
from schemas.event import HANDOFF, Event
from schemas.handoff import Handoffs, ProfileMerge, dump, load
from schemas.profile import Profile, UnknownLayout
from schemas.topics import PROFILES

log = logging.getLogger(__name__)


class Refused(Exception):
    """A record of topic `profiles` that becomes a dead letter."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


class Handovers:
    """The handoffs of the current user; `state` is the engine's, set by the shell."""

    def __init__(self, codec: Codec[ProfileMerge], build_id: str, meter: Meter) -> None:
        self.state: State = _NoState()
        self._codec, self._meter = codec, meter
        self._changed: Handoffs | None = None
        self._headers = {"kairos.build": build_id.encode()}

    def of_event(self, event: Event) -> Handoffs | None:
        """What this event's key remembers; None for the many that take no part."""
        self._changed = None
        return load(self.state.value()) if handoff.takes_part(event) else None

    def of_key(self, key: str) -> Handoffs | None:
        """The same for a timer."""
        self._changed = None
        return load(self.state.value()) if handoff.KNOWN in key else None

    def settled(
        self,
        profile: Profile | None,
        known: Handoffs | None,
        until_ms: int,
        key: str,
        context: Context,
    ) -> tuple[Profile | None, list[Effect]]:
        """The profile with what was handed to it and is due."""
        effects: list[Effect] = []
        while known is not None and (due := handoff.next_due(known, until_ms)) is not None:
            before = None if profile is None else profiles.dump(profile)
            try:
                profile, made = handoff.take(profile, due, key, context)
                profiles.dump(profile)
            except Exception as failure:
                # A merge that meets a bug must not meet it again with each event of this user.
                log.exception("a merge failed")
                self._meter.add("internal_errors")
                detail = f"{type(failure).__name__} while taking the profile in"
                profile, made = profiles.load(before), [Lose(due.state, due.due_ms, detail)]
            handoff.leave(known, due)
            effects += made
            self._changed = known
        return profile, effects

    def forget(self, *, erase: bool) -> None:
        """Nothing of this user stays, but for what is on its way unless the user is erased."""
        if erase or not load(self.state.value()).waiting:
            self.state.clear()

    def given(
        self, profile: Profile | None, known: Handoffs | None, event: Event, trace: Trace
    ) -> list[Effect]:
        """What a handoff event makes this profile leave to another user."""
        unusable = profile is None or known is None or trace.verdict == "rejected"
        if event.internal != HANDOFF or unusable:
            return []
        assert profile is not None and known is not None
        made = handoff.give(profile, known, event)
        self._changed = known
        return [] if made is None else [made]

    def keep(self) -> None:
        """Hand what has changed to the engine, with the profile that it belongs to."""
        if self._changed is not None:
            self.state.update(dump(self._changed))
            self._changed = None

    def written(self, record: ProfileMerge) -> tuple[str, bytes]:
        """The record on its way to topic `profiles`."""
        self._meter.add("handed_over")
        return record.user_key, routed(PROFILES, self._headers, self._codec.encode(record))

    def read(self, origin: Origin) -> ProfileMerge | None:
        """The record of topic `profiles`, if it is one."""
        try:
            return self._codec.decode(origin.value)
        except BadFrame:
            return None

    def receive(self, merge: ProfileMerge, origin: Origin, timers: Timers) -> None:
        """Let a profile wait for its moment, once. Raises Refused for one that cannot be used."""
        if merge.user_key.encode() != origin.key or handoff.KNOWN not in merge.user_key:
            raise Refused("key_mismatch", "user_key: differs from the record key or is no user's")
        known = load(self.state.value())
        try:
            profiles.load(merge.state)
            due_ms = handoff.receive(known, merge)
        except UnknownLayout as failure:
            raise Refused("bad_profile", f"state: {failure}") from failure
        except OverflowError as full:
            raise Refused("merge_overflow", str(full)) from full
        if due_ms is None:
            self._meter.add("merges_repeated")
            return
        self._meter.add("merges_received")
        self._meter.add("merges_after_due", int(due_ms <= timers.current_watermark()))
        self.state.update(dump(known))
        timers.register_event_time_timer(due_ms)


class _NoState:
    """Where nobody is ever handed over: a hop without a second state value."""

    def value(self) -> bytes | None:
        """Nothing."""
        return None

    def update(self, data: bytes) -> None:
        """A profile would be lost."""
        raise AssertionError("this hop was given no state for handoffs")

    def clear(self) -> None:
        """Nothing to forget."""
