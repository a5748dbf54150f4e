"""Push: every decision of the topic passes here, and only its own visitor's sockets see it.

1. A record's key is looked up among the visitors present; a foreign one costs no decoding, nor
   does one that shows nothing, where nobody would be told.
2. The decoded body must name the same key. The first answer of a slot wins, later ones count.
3. It goes to whoever waits for the slot, and to the sockets of that session and tab.
4. Where it is late, the tab's fallback answers for the slot; then nothing is put on top of that.
"""

from __future__ import annotations

from asyncio import Future
from collections import Counter
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from connectors.avro import BadFrame, Codec
from gateway import present
from gateway.answers import DECISION, Answers
from gateway.arrived import Arrived, is_silent, ledger_of, slot_in
from gateway.catch_up import Epoch, is_for, missed
from gateway.connections import Connection, Connections
from gateway.deadlines import Deadlines, Later, Pending, on_loop
from gateway.held import Held
from gateway.outbox import Frame, frame_of
from gateway.pauses import Pauses
from gateway.present import FALLBACK, NO_FALLBACK
from gateway.shown import Shown, Tab, site_in
from gateway.tail import Record
from gateway.teller import Observe, Teller
from gateway.time_out import answer_instead
from gateway.waiters import Reply, Waiters
from schemas.campaign import Campaigns
from schemas.decision import Decision
from schemas.event import Event
from schemas.site import Site

DEADLINES_MS = (80, 180)


class Welcome(Struct, frozen=True):
    """The answer to a hello, and the frames to catch up with; see Missed."""

    epoch: Epoch
    seq: int
    resumed: bool
    frames: list[Frame]


class Hub:
    """Who is here, what is held for those who come, and who waits for which slot.

    `note` takes the records of answers that came in time only by a fallback or by none; `keep`
    takes what may have to be told to a client that comes back elsewhere.
    """

    def __init__(
        self,
        codec: Codec[Decision],
        site_of: Callable[[str, int], Site | None],
        clock: Callable[[], float],
        observe: Observe = lambda *_: None,
        *,
        note: Callable[[Event], None] = lambda _event: None,
        keep: Callable[[str, Record], None] = lambda _key, _record: None,
        deadlines_ms: tuple[int, int] = DEADLINES_MS,
        later: Later = on_loop,
    ) -> None:
        self._codec, self._clock = codec, clock
        self._note, self._keep = note, keep
        self._connections = Connections()
        self._waiters = Waiters()
        self.counts: Counter[str] = Counter()
        self._tell = Teller(site_of, clock, observe, self.counts)
        self._answers = Answers(self.counts)
        self._held, self._held_silent = Held(), Held()
        self._pauses, self._shown = Pauses(), Shown()
        self._deadlines = Deadlines(*deadlines_ms, later, self._time_out)

    def take(self, records: list[Record]) -> None:
        """Records of topic `decisions`, in order."""
        for record in records:
            key = record.key.decode("utf-8", "replace")
            if record.value is None:
                continue
            slot_id = slot_in(record)
            silent = bool(slot_id) and is_silent(record)
            held = self._held_silent if silent else self._held
            held.add(key, record, self._clock())
            if not silent:
                self._keep(key, record)
            if not self.is_present(key):
                self.counts["foreign"] += 1
                # Whoever left may be back before the deadline.
                self._deadlines.settle(slot_id)
            elif silent and not self._wants_nones(key):
                self.counts["silent"] += 1
                self._deadlines.settle(slot_id)
                self._answers.decided(slot_id, shows=False)
            else:
                self._arrive(key, record)

    def take_campaigns(self, records: list[Record], codec: Codec[Campaigns]) -> None:
        """Records of topic `campaigns`: whatever they pause comes off every page at once."""
        for site in self._pauses.read(records, codec):
            for tab in self._shown.of_site(site):
                for frame in self._stopped(tab):
                    for connection in self._of_tab(*tab):
                        connection.offer(frame)

    def _stopped(self, tab: Tab) -> list[Frame]:
        """What takes every action of a paused campaign off a tab."""
        frames = self._shown.cancels(tab, self._pauses.of(site_in(tab[0])))
        self.counts["paused"] += len(frames)
        return frames

    def _arrive(self, key: str, record: Record) -> None:
        arrived = self._read(key, record)
        if arrived is None:
            return
        decision = arrived.decision
        self._deadlines.settle(decision.slot_id)
        before = self._answers.by(decision.slot_id)
        first = self._answers.decided(decision.slot_id, shows=decision.render is not None)
        if before != DECISION:
            self._withdraw(decision)
        if first:
            self._deliver(arrived)

    def is_present(self, key: str) -> bool:
        """Whether anybody here may see this key's decisions."""
        return key in self._connections or key in self._waiters

    def _wants_nones(self, key: str) -> bool:
        """Whether anybody would be told that there is nothing for this visitor."""
        return key in self._waiters or self._tell.is_full(site_in(key))

    def _read(self, key: str, record: Record) -> Arrived | None:
        try:
            decision = self._codec.decode(record.value)
        except BadFrame:
            self.counts["unreadable"] += 1
            return None
        if decision.user_key != key:
            self.counts["mismatched"] += 1
            return None
        return Arrived(self._pauses.applied(decision), ledger_of(record))

    def _known(self, key: str, recalled: tuple[Record, ...] = ()) -> list[Arrived]:
        """What is held of a visitor, actions and withdrawals before what shows nothing."""
        records = (*recalled, *self._held.of(key), *self._held_silent.of(key))
        return [each for each in (self._read(key, record) for record in records) if each]

    def _withdraw(self, decision: Decision) -> None:
        """Every tab of the visitor hears what is no longer right."""
        seq = 0 if decision.render is not None else decision.seq
        for told in present.cancel_frames(decision.cancels, seq, decision.epoch_ms):
            frame = frame_of(told)
            for connection in self._connections.of(decision.user_key):
                connection.offer(frame)

    def _deliver(self, arrived: Arrived) -> None:
        decision = arrived.decision
        key = decision.user_key
        if self._waiters.waits(key, (decision.slot_id,)):
            self._waiters.reply(key, (decision.slot_id,), self._reply_of(arrived))
        for_these = self._of_tab(key, decision.session_id, decision.tab_id)
        frame = self._tell.frame(arrived) if for_these else None
        if frame is not None:
            self._shown.note(decision)
            self._offer(for_these, frame)

    def _offer(self, connections: list[Connection], frame: Frame) -> None:
        for connection in connections:
            self.counts["pushed"] += 1
            connection.offer(frame)

    def attach(
        self,
        connection: Connection,
        last_seq: int,
        epoch: Epoch,
        recalled: tuple[Record, ...] = (),
    ) -> Welcome:
        """A visitor is here: what is held for this session and tab and not seen by it yet."""
        key, now_ms = connection.user_key, self._clock() * 1000
        self._connections.add(connection)
        known = self._known(key, recalled)
        where = (connection.session_id, connection.tab_id)
        decisions = [self._still_to_show(each.decision) for each in known]
        found = missed(decisions, *where, last_seq=last_seq, epoch=epoch, now_ms=now_ms)
        by_slot = {each.decision.slot_id: each for each in reversed(known)}
        for slot_id in by_slot:
            if not self._answers.by(slot_id):
                self._answers.note(slot_id, DECISION)
        seq = 0 if found.actions else found.seq
        for each in known:
            self._shown.note(each.decision)
        frames = [*map(frame_of, present.cancel_frames(found.cancels, seq, found.epoch))]
        frames += self._stopped((key, *where))
        frames += filter(None, (self._tell.frame(by_slot[d.slot_id]) for d in found.actions))
        frames += self._newest_none(known, where)
        self.counts["resumed"] += len(frames)
        return Welcome(found.epoch, found.seq, found.resumed, frames)

    def is_whole(self, key: str, last_seq: int, epoch: Epoch) -> bool:
        """Whether memory alone has everything since this position."""
        known = [each.decision for each in self._known(key)]
        now_ms = self._clock() * 1000
        return missed(known, "", "", last_seq=last_seq, epoch=epoch, now_ms=now_ms).resumed

    def _still_to_show(self, decision: Decision) -> Decision:
        """Where a fallback was shown, the late answer of the same slot stays away for ever."""
        late = self._answers.by(decision.slot_id) == FALLBACK
        return replace(decision, render=None) if late else decision

    def _newest_none(self, known: list[Arrived], where: tuple[str, str]) -> list[Frame]:
        """For a full site: why nothing shows right now."""
        here = [each for each in known if is_for(each.decision, *where)]
        newest = sorted(here, key=lambda each: each.decision.decided_at_ms)[-1:]
        if not newest or newest[0].decision.seq:
            return []
        frame = self._tell.frame(newest[0])
        return [] if frame is None else [frame]

    def detach(self, connection: Connection) -> None:
        """A connection is gone."""
        self._connections.remove(connection)

    def connections_of(self, key: str) -> int:
        """How many sockets a visitor holds here."""
        return len(self._connections.of(key))

    def conn_id(self, key: str, session_id: str, tab_id: str) -> str:
        """The connection that would show this tab's decisions, or an empty string."""
        for each in self._of_tab(key, session_id, tab_id):
            return each.conn_id
        return ""

    def _of_tab(self, key: str, session_id: str, tab_id: str) -> list[Connection]:
        return self._connections.of_tab(key, session_id, tab_id)

    def expect(self, key: str, slot_id: str) -> Future[Reply]:
        """A future of the slot's answer; `forget` it afterwards."""
        future = self._waiters.expect(key, slot_id)
        for each in self._known(key):
            if each.decision.slot_id == slot_id:
                self._waiters.reply(key, (slot_id,), self._reply_of(each))
        return future

    def hurry(self, slot_id: str) -> str:
        """Whoever waits for this slot waits no longer: the reason, where nothing came."""
        self._deadlines.hurry(slot_id, self._clock() * 1000)
        return self._answers.by(slot_id) or "timeout"

    def forget(self, key: str, future: Future[Reply]) -> None:
        """This future's owner waits no more."""
        self._waiters.forget(key, future)

    def _reply_of(self, arrived: Arrived) -> Reply:
        if arrived.decision.render is None:
            return Reply(None, present.none_reason(arrived.decision))
        frame = self._tell.told(arrived)
        return Reply(frame, None if frame else "expired")

    def arm(self, event: Event, site: Site, slot_id: str = "") -> None:
        """An event was received: whoever listens, or waits for its slot, is answered in time."""
        waited = slot_id and self._waiters.waits(event.user_key, (slot_id,))
        if waited or self._of_tab(event.user_key, event.session_id, event.tab_id):
            self._deadlines.arm(event, site, self._clock() * 1000)

    def _time_out(self, pending: Pending) -> None:
        """The decision is late: the tab's fallback answers for its slot, once, or nothing does.

        The event's other placements stay open, and all of them where nobody is there to see it.
        """
        event, slots = pending.event, pending.slots.values()
        tab = self._of_tab(event.user_key, event.session_id, event.tab_id)
        if not tab and not self._waiters.waits(event.user_key, slots):
            # The tab left, as with a form: the decision is held for its next page.
            self.counts["left"] += 1
            return
        now_ms = self._clock() * 1000
        known = [each.decision for each in self._known(event.user_key)]
        made = answer_instead(pending, known, self._answers.carriers, now_ms)
        for slot_id in slots:
            answered = slot_id == made.record.slot_id
            self._answers.note(slot_id, made.by if answered else NO_FALLBACK)
        self.counts[made.by] += 1
        if shows := bool(made.carrier):
            self._answers.use(made.carrier)
            self._shown.note_fallback(event, made.frame)
            # A request that may wait longer does so: later is better than nothing.
            self._waiters.reply(event.user_key, slots, Reply(made.frame))
        if shows or self._tell.is_full(event.site):
            self._offer(tab, frame_of(made.frame))
        self._note(made.record)
