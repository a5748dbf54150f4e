"""What must hold after every step, and at the end. A breach names its invariant.

I1 durable     what was acknowledged is in the log in the end
I2 conserved   applied + duplicate + late + dead-lettered = what reached the log, by visitor
I3 one body    a slot has one decision, byte for byte, however often it is written
I4 replayed    the log decided again from nothing gives the same chain a key
I5 folded      state after a record is a fold of the log up to it, at crash points too
I6 isolated    a frame reaches only the visitor, session and tab it is for
I7 fresh       nothing past its expiry is pushed or rendered
I8 capped      caps, one action a stage, holdouts: never exceeded
I9 live        after the last fault: a fresh decision within the bound, no lag
I10 bounded    state within its bound; nothing is left of visitors who stay away
I11 once       no slot is rendered twice, none is pushed on top of its fallback
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from connectors.avro import HEADER_BYTES, BadFrame
from connectors.routes import Origin, read_routed
from operators.hop import Out
from operators.local import LocalJob
from schemas.chain import Chain
from schemas.decision import Decision
from schemas.event import ERASE, Event
from schemas.ids import TICK_KEY, deadline_slot, event_slot
from schemas.profile import STATE_BYTES_MAX, Profile, dump, load
from schemas.topics import DEAD_LETTERS, DECISIONS, TRIGGERS
from tests.simulator.ledger import BEFORE_DEADLINE, SILENT, Ledger
from tests.simulator.shop import hop_codecs

if TYPE_CHECKING:
    from tests.simulator.world import World

TTL_MS = {"p": 30 * 60 * 1000, "v": 30 * 24 * 3600 * 1000}


class Violation(AssertionError):
    """An invariant does not hold; the text begins with its name."""

    def __init__(self, invariant: str, what: str) -> None:
        super().__init__(f"{invariant}: {what}")
        self.invariant = invariant


def fingerprint(data: bytes | None) -> bytes:
    """Hash of state bytes without the two times at which the engine was asked to wake up.

    Those depend on when timers fired, which is not the log's to say; nothing is decided by them.
    """
    profile = load(data)
    if profile is None:
        return b"gone"
    profile.timer_at_ms = profile.forget_timer_ms = 0
    return blake2b(dump(profile), digest_size=16).digest()


class Checks:
    """All invariants of one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.chain = Chain()
        self.bodies: dict[tuple[str, int], bytes] = {}
        self.decided: dict[str, Decision] = {}
        self.again: set[str] = set()
        self.states: dict[tuple[int, int], bytes] = {}
        self.counted: dict[tuple[int, int], tuple[int, ...]] = {}
        self.letters: set[tuple[int, int]] = set()
        self.triggers: dict[tuple[str, str], bytes] = {}
        self.ledgers: dict[str, Ledger] = {}
        self.rendered: set[str] = set()
        self.stood_in: set[tuple[tuple[str, int], str]] = set()
        self._fed = [-1] * len(world.log.partitions)

    # The job

    def applied(self, origin: Origin, out: Out, job: LocalJob) -> None:
        """The job has just applied this record."""
        key = (origin.key or b"").decode("utf-8", "replace")
        if key == TICK_KEY and not out:
            return
        fresh = self._written(out)
        data = job.states.get(key)
        if data is not None and len(data) > STATE_BYTES_MAX:
            raise Violation("I10 bounded", f"{len(data)} bytes of state for {key}")
        place = (origin.partition, origin.offset)
        after = load(data)
        self._same(place, data, after)
        if origin.offset <= self._fed[origin.partition]:
            for decision in fresh:
                raise Violation("I4 replayed", f"a new slot when read again: {decision.trigger}")
            return
        self._fed[origin.partition] = origin.offset
        if self.world.is_user(key):
            self._feed(key, origin, after, fresh)

    def timed(self, out: Out, job: LocalJob) -> None:
        """Timers have just run."""
        for decision in self._written(out):
            self._give(self._ledger_of(decision), decision)

    def _written(self, out: Out) -> list[Decision]:
        """Check what the hop wrote; the decisions whose slots are new."""
        fresh = []
        for key, payload in out:
            topic, _, frame = read_routed(payload)
            if topic == DEAD_LETTERS:
                letter = hop_codecs().letters.decode(frame)
                if letter.reason == "internal_error":
                    raise Violation("I2 conserved", f"a bug met by a record: {letter.detail}")
                self.letters.add((letter.origin_partition, letter.origin_offset))
            if topic == TRIGGERS:
                one_trigger(self.triggers, frame)
            if topic == DECISIONS:
                decision = hop_codecs().decisions.decode(frame)
                if self._one_body(key, decision, frame[HEADER_BYTES:]):
                    fresh.append(decision)
        return fresh

    def _one_body(self, key: str, decision: Decision, body: bytes) -> bool:
        """I3. Slots are told apart by epoch: a visitor erased is another one afterwards."""
        if decision.slot_id != _slot_of(decision):
            raise Violation(
                "I3 one body", f"slot {decision.slot_id} is named by more than its cause"
            )
        slot = (decision.slot_id, decision.epoch_ms)
        digest = blake2b(body, digest_size=16).digest()
        known = self.bodies.get(slot)
        if known is not None and known != digest:
            raise Violation("I3 one body", f"slot {decision.slot_id} of {key} has two bodies")
        self.chain.add(key.encode(), decision.slot_id, decision.decision_id, body)
        if known is not None:
            return False
        self.bodies[slot] = digest
        if self.decided.setdefault(slot[0], decision) is not decision:
            self.again.add(slot[0])
        if self.world.scheduler.traced:
            what = decision.campaign_id or decision.reason
            kind = decision.trigger.kind
            self.world.scheduler.say(f"{key[5:11]} {decision.tab_id} {kind} -> {what}")
        return True

    def _same(self, place: tuple[int, int], data: bytes | None, after: Profile | None) -> None:
        """I5: a record read again leaves the state it left the first time."""
        counts = () if after is None else _counts(after)
        if self.counted.setdefault(place, counts) != counts:
            raise Violation("I5 folded", f"counts after {place}: {self.counted[place]}, {counts}")
        made = fingerprint(data)
        if self.states.setdefault(place, made) != made:
            raise Violation("I5 folded", f"state after {place} differs when read again")

    def _feed(self, key: str, origin: Origin, after: Profile | None, fresh: list[Decision]) -> None:
        """I2 and I8, for a record read for the first time."""
        refused = (origin.partition, origin.offset) in self.letters
        event = None if refused else hop_codecs().events.decode(origin.value)
        before = self.ledgers.get(key)
        if event is not None and event.internal == ERASE:
            if after is not None:
                raise Violation("I2 conserved", f"{key} was erased and is still there")
            self.ledgers.pop(key, None)
            return
        if after is None:
            raise Violation("I2 conserved", f"no state after a record of {key}")
        ledger = before
        if ledger is None or ledger.epoch_ms != after.epoch_ms:
            if ledger is not None and origin.timestamp_ms < ledger.now_ms + _ttl_ms(key):
                raise Violation("I2 conserved", f"{key} was forgotten before its time")
            ledger = self.ledgers[key] = Ledger(after.epoch_ms)
        if event is None:
            ledger.dead_lettered += 1
        else:
            self._fold(ledger, key, event, fresh)
        want = (ledger.applied, ledger.duplicate, ledger.late, ledger.dead_lettered)
        if _counts(after)[:4] != want:
            raise Violation("I2 conserved", f"{key} counts {_counts(after)[:4]}, log {want}")

    def _fold(self, ledger: Ledger, key: str, event: Event, fresh: list[Decision]) -> None:
        now_ms = max(ledger.now_ms, event.received_at_ms)
        cancels = event.type in BEFORE_DEADLINE
        overdue = [
            each for each in fresh if 0 < each.trigger.deadline_ms < now_ms + (0 if cancels else 1)
        ]
        for decision in overdue:
            self._give(ledger, decision)
        ledger.now_ms = now_ms
        if event.internal:
            return
        verdict = ledger.verdict(event)
        setattr(ledger, verdict, getattr(ledger, verdict) + 1)
        stale = event.sent_at_ms - event.ts_ms > 30_000
        if verdict == "applied" and not stale:
            ledger.arrives(event)
        for decision in fresh:
            if decision not in overdue:
                self._give(ledger, decision)
        if verdict == "applied" and not stale and event.type == "page_leave" and ":p:" in key:
            ledger.left_page()

    def _ledger_of(self, decision: Decision) -> Ledger:
        ledger = self.ledgers.get(decision.user_key)
        if ledger is None or ledger.epoch_ms != decision.epoch_ms:
            raise Violation("I5 folded", f"a deadline of nobody: {decision.trigger}")
        return ledger

    def _give(self, ledger: Ledger, decision: Decision) -> None:
        if decision.reason not in SILENT and decision.placement != "bar":
            ledger.release((decision.session_id, decision.tab_id), decision.decided_at_ms)
        catalogue = self.world.catalogues.get(decision.versions.catalogue)
        for wrong in ledger.give(decision, catalogue):
            raise Violation("I8 capped", f"{decision.user_key}: {wrong}")

    # The edge

    def offered(
        self,
        tab: tuple[str, str, str],
        told: dict[str, Any],
        process: tuple[str, int],
        now_s: float,
    ) -> None:
        """A gateway is about to push an action to this tab."""
        slot_id = told["slot_id"]
        decision = self.decided.get(slot_id)
        if told["source"] == "fallback":
            self._stands_in(tab, told, process, now_s)
            return
        if (process, slot_id) in self.stood_in:
            raise Violation("I11 once", f"slot {slot_id} was pushed on top of its fallback")
        # After an erasure a late duplicate decides its slot again, with an expiry of its own.
        if slot_id in self.again:
            return
        if decision is None:
            raise Violation("I6 isolated", f"slot {slot_id} was pushed and never decided")
        if (decision.user_key, decision.session_id, decision.tab_id) != tab:
            raise Violation("I6 isolated", f"slot {slot_id} was pushed to {tab}")
        if decision.withheld:
            raise Violation("I8 capped", f"slot {slot_id} is withheld and was pushed")
        if decision.expires_at_ms <= now_s * 1000:
            raise Violation("I7 fresh", f"slot {slot_id} was pushed after its expiry")

    def _stands_in(
        self,
        tab: tuple[str, str, str],
        told: dict[str, Any],
        process: tuple[str, int],
        now_s: float,
    ) -> None:
        """A fallback is about to be pushed: its carrier's, to the same tab, once, in time."""
        carriers = [e for e in self.decided.values() if e.decision_id == told["decision_id"]]
        if not carriers or carriers[0].fallback is None:
            raise Violation("I8 capped", f"a fallback that no decision carries: {told}")
        carrier, fallback = carriers[0], carriers[0].fallback
        if (carrier.user_key, carrier.session_id, carrier.tab_id) != tab:
            raise Violation("I6 isolated", f"the fallback of {carrier.slot_id} went to {tab}")
        if fallback.valid_until_ms <= now_s * 1000:
            raise Violation("I7 fresh", f"the fallback of {carrier.slot_id} was over")
        if (process, carrier.decision_id) in self.stood_in:
            raise Violation("I8 capped", f"the fallback of {carrier.slot_id} was used twice")
        self.stood_in |= {(process, carrier.decision_id), (process, told["slot_id"])}

    def painted(self, slot_id: str, ttl_ms: int, waited_ms: int) -> None:
        """A tab has rendered this slot, `waited_ms` after it heard of it."""
        if slot_id in self.rendered:
            raise Violation("I11 once", f"slot {slot_id} was rendered twice")
        if waited_ms >= ttl_ms:
            raise Violation("I7 fresh", f"slot {slot_id} was rendered after its expiry")
        self.rendered.add(slot_id)

    def poisoned(self, refused: set[tuple[int, int]]) -> None:
        """Dead letters are exactly the records that were written to be refused."""
        if self.letters != refused:
            raise Violation("I2 conserved", f"dead letters {self.letters ^ refused} differ")


def one_trigger(known: dict[tuple[str, str], bytes], frame: bytes) -> None:
    """I3 for messages outside the page: one body by idempotency key and kind."""
    trigger = hop_codecs().triggers.decode(frame)
    if known.setdefault((trigger.trigger_id, trigger.kind), frame) != frame:
        raise Violation("I3 one body", f"trigger {trigger.trigger_id} has two bodies")


def decoded(origin: Origin) -> Event | None:
    """The event of a record, None for one that cannot be read."""
    try:
        return hop_codecs().events.decode(origin.value)
    except BadFrame:
        return None


def _slot_of(decision: Decision) -> str:
    """The slot's name from where it is and what caused it alone."""
    trigger = decision.trigger
    where = (decision.site, decision.user_key, decision.placement)
    if trigger.deadline_ms:
        return deadline_slot(*where, trigger.kind, trigger.deadline_ms)
    return event_slot(*where, trigger.event_id)


def _counts(profile: Profile) -> tuple[int, ...]:
    return (
        profile.applied,
        profile.duplicate,
        profile.late,
        profile.dead_lettered,
        profile.conflict,
    )


def _ttl_ms(key: str) -> int:
    return TTL_MS[key.split(":")[1]]
