"""Push: every decision of the topic passes here, and only its own visitor's sockets see it.

1. A record's key is looked up among the visitors present; a foreign one costs no decoding, nor
   does one that shows nothing, where nobody would be told.
2. The decoded body must name the same key. The first record of a slot wins, later ones count.
3. It goes to whoever waits for the slot, and to the sockets of that session and tab.
"""

from __future__ import annotations

from asyncio import Future, get_running_loop
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from connectors.avro import HEADER_BYTES, BadFrame, Codec
from gateway import present
from gateway.held import Held
from gateway.tail import Record
from schemas.decision import Decision
from schemas.site import FULL, Site
from schemas.topics import SILENT

SLOTS_REMEMBERED_MAX = 50_000
LEDGER = "kairos.ledger"
PROBE = "probe"
SLOT_AT = slice(HEADER_BYTES + 1, HEADER_BYTES + 35)
BEGINS_AT, SLOT_BEGINS = slice(HEADER_BYTES, HEADER_BYTES + 3), b"\x44s_"
"""A decision's first field is its slot: one byte of length, then 34 of name."""

_encode = msgspec.json.Encoder().encode


class Connection(Protocol):
    """One push connection after its hello."""

    user_key: str
    session_id: str
    tab_id: str
    conn_id: str

    def offer(self, text: str) -> None:
        """Queue one frame; a full queue ends the connection, never blocks."""


class Arrived(msgspec.Struct, frozen=True):
    """A decision with the stage times that travelled beside it."""

    decision: Decision
    ledger: dict[str, Any]


class Welcome(msgspec.Struct, frozen=True):
    """The answer to a hello: the profile's epoch where known, and the frames to catch up with."""

    epoch: int | str | None
    resumed: bool
    frames: list[str]


class Hub:
    """Who is here, what is held for those who come, and who waits for which slot."""

    def __init__(
        self,
        codec: Codec[Decision],
        site_of: Callable[[str, int], Site | None],
        clock: Callable[[], float],
        observe: Callable[[Decision, dict[str, Any], float], None] = lambda *_: None,
    ) -> None:
        self._codec, self._site_of, self._clock = codec, site_of, clock
        self._observe = observe
        self._connections: defaultdict[str, set[Connection]] = defaultdict(set)
        self._waiters: dict[str, list[tuple[str, Future[Arrived]]]] = {}
        self._slots: OrderedDict[str, None] = OrderedDict()
        self._held = Held()
        self.counts: Counter[str] = Counter()

    def take(self, records: list[Record]) -> None:
        """Records of topic `decisions`, in order."""
        for record in records:
            key = record.key.decode("utf-8", "replace")
            if record.value is None:
                continue
            self._held.add(key, record, self._clock())
            if not self.is_present(key):
                self.counts["foreign"] += 1
                continue
            slot_id = _silent_slot(record)
            if slot_id and not self._wants_nones(key):
                self.counts["silent"] += 1
                self._remember(slot_id)
                continue
            arrived = self._read(key, record)
            if arrived is not None and self._is_first(arrived.decision.slot_id):
                self._deliver(arrived)

    def is_present(self, key: str) -> bool:
        """Whether anybody here may see this key's decisions."""
        return key in self._connections or key in self._waiters

    def _wants_nones(self, key: str) -> bool:
        """Whether anybody would be told that there is nothing for this visitor."""
        site = self._site_of(key.partition(":")[0], int(self._clock() * 1000))
        return key in self._waiters or site is None or site.push == FULL

    def _read(self, key: str, record: Record) -> Arrived | None:
        try:
            decision = self._codec.decode(record.value)
        except BadFrame:
            self.counts["unreadable"] += 1
            return None
        if decision.user_key != key:
            self.counts["mismatched"] += 1
            return None
        return Arrived(decision, _ledger(record.headers.get(LEDGER)))

    def _is_first(self, slot_id: str) -> bool:
        if slot_id in self._slots:
            self.counts["superseded"] += 1
            return False
        self._remember(slot_id)
        return True

    def _remember(self, slot_id: str) -> None:
        self._slots.setdefault(slot_id)
        while len(self._slots) > SLOTS_REMEMBERED_MAX:
            self._slots.popitem(last=False)

    def _deliver(self, arrived: Arrived) -> None:
        decision = arrived.decision
        for slot_id, waiter in self._waiters.get(decision.user_key, ()):
            if slot_id == decision.slot_id and not waiter.done():
                waiter.set_result(arrived)
        here = tuple(self._connections.get(decision.user_key, ()))
        for connection in here:
            for slot_id in decision.cancels:
                connection.offer(_text(present.cancel_frame(slot_id)))
        for_these = [each for each in here if _is_for(decision, each)]
        for frame in self._frames(arrived) if for_these else ():
            for connection in for_these:
                self.counts["pushed"] += 1
                connection.offer(frame)

    def _frames(self, arrived: Arrived) -> list[str]:
        """At most one frame: an action that is still good, or for a full site why there is none."""
        frame = self.frame(arrived)
        return [] if frame is None else [_text(frame)]

    def frame(self, arrived: Arrived) -> dict[str, Any] | None:
        """What a client may see of a decision now; nothing past its expiry."""
        decision, ledger = arrived.decision, arrived.ledger
        now_ms = self._clock() * 1000
        site = self._site_of(decision.site, int(now_ms))
        if site is None or decision.reason == PROBE:
            return None
        if decision.render is not None:
            if decision.expires_at_ms <= now_ms:
                self.counts["expired"] += 1
                return None
            self._observe(decision, ledger, now_ms)
            return present.decision_frame(decision, site, ledger, now_ms=now_ms)
        if site.push == FULL:
            return present.none_frame(decision, ledger, now_ms=now_ms)
        return None

    def attach(self, connection: Connection, last_seq: int, epoch: int | str | None) -> Welcome:
        """A visitor is here: what is held for this session and tab and not seen by it yet."""
        key = connection.user_key
        self._connections[key].add(connection)
        arrived = [each for each in (self._read(key, r) for r in self._held.of(key)) if each]
        held_epoch = arrived[-1].decision.epoch_ms if arrived else None
        # Sequence numbers of another epoch say nothing about this one.
        same = held_epoch is None or str(held_epoch) == str(epoch)
        withdrawn = {slot for each in arrived for slot in each.decision.cancels}
        frames: list[str] = []
        seen: set[str] = set()
        for each in arrived:
            decision = each.decision
            fresh = decision.slot_id not in seen | withdrawn
            seen.add(decision.slot_id)
            self._remember(decision.slot_id)
            # A none has no number; the newest one says why nothing shows right now.
            numberless = each is arrived[-1] and not decision.seq
            unseen = numberless or decision.seq > (last_seq if same else 0)
            if fresh and unseen and _is_for(decision, connection):
                frames.extend(self._frames(each))
        self.counts["resumed"] += len(frames)
        resumed = same and held_epoch is not None
        return Welcome(epoch if held_epoch is None else held_epoch, resumed, frames)

    def detach(self, connection: Connection) -> None:
        """A connection is gone."""
        present_here = self._connections.get(connection.user_key)
        if present_here is not None:
            present_here.discard(connection)
            if not present_here:
                del self._connections[connection.user_key]

    def connections_of(self, key: str) -> int:
        """How many sockets a visitor holds here."""
        return len(self._connections.get(key, ()))

    def conn_id(self, key: str, session_id: str, tab_id: str) -> str:
        """The connection that would show this tab's decisions, or an empty string."""
        for each in self._connections.get(key, ()):
            if each.session_id == session_id and each.tab_id == tab_id:
                return each.conn_id
        return ""

    def expect(self, key: str, slot_id: str) -> Future[Arrived]:
        """A future of the slot's decision; `forget` it afterwards."""
        future: Future[Arrived] = get_running_loop().create_future()
        self._waiters.setdefault(key, []).append((slot_id, future))
        for each in (self._read(key, record) for record in self._held.of(key)):
            if each and each.decision.slot_id == slot_id and not future.done():
                future.set_result(each)
        return future

    def forget(self, key: str, future: Future[Arrived]) -> None:
        """This future's owner waits no more."""
        waiting = [each for each in self._waiters.get(key, ()) if each[1] is not future]
        if waiting:
            self._waiters[key] = waiting
        else:
            self._waiters.pop(key, None)


def _silent_slot(record: Record) -> str:
    """The slot of a record that shows and withdraws nothing; empty when it has to be decoded."""
    value = record.value or b""
    if record.headers.get(SILENT) != b"1" or value[BEGINS_AT] != SLOT_BEGINS:
        return ""
    return value[SLOT_AT].decode("ascii", "replace")


def _is_for(decision: Decision, connection: Connection) -> bool:
    return (
        decision.user_key == connection.user_key
        and decision.session_id == connection.session_id
        and decision.tab_id == connection.tab_id
    )


def _ledger(header: bytes | None) -> dict[str, Any]:
    """Stage times, or none where the header is missing or no JSON object."""
    try:
        return msgspec.json.decode(header or b"{}", type=dict[str, Any])
    except msgspec.DecodeError:
        return {}


def _text(frame: dict[str, Any]) -> str:
    return _encode(frame).decode()
