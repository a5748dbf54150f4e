"""A tab: the SDK's queue, its socket, and what it renders. Its clock is the client's."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from gateway.outbox import Frame
    from tests.simulator.edge import Gateway
    from tests.simulator.visitors import Visitor

TIME_OUT_MS = 300
BATCH_MAX = 5
OFFLINE_MS = 31_000
SLOW_POST_MS, SLOW_FRAME_MS = 3_000, 1_500
_encode = msgspec.json.Encoder().encode


class Socket:
    """One push connection; fits connectors/ports.py: Connection."""

    def __init__(self, tab: Tab, gateway: Gateway, key: str) -> None:
        self.tab, self.gateway = tab, gateway
        self.user_key, self.session_id, self.tab_id = key, tab.visitor.session_id, tab.name
        self.conn_id = f"{gateway.name}-{tab.name}-{tab.sockets}"

    def offer(self, frame: Frame) -> None:
        """One frame on its way to the tab."""
        world = self.tab.visitor.world
        told = msgspec.json.decode(frame.text)
        if told["type"] == "decision":
            to = (self.user_key, self.session_id, self.tab_id)
            process = (self.gateway.name, self.gateway.life)
            world.checks.offered(to, told, process, self.gateway.clock_s())
        slow = world.faults.hit("socket.slow")
        delay_ms = world.scheduler.between(1, SLOW_FRAME_MS if slow else 10)
        world.scheduler.later(delay_ms, lambda: self.tab.hear(self, told))


@dataclass(frozen=True)
class Item:
    """An event, who made it, and the envelope of the moment it was made in."""

    key: str
    envelope: dict[str, Any]
    event: dict[str, Any]


class Tab:
    """One tab of one visitor."""

    def __init__(self, visitor: Visitor, name: str) -> None:
        self.visitor, self.name = visitor, name
        self.index = 0
        self.sockets = 0
        self.socket: Socket | None = None
        self.queue: list[Item] = []
        self.last_seq = 0
        self.epoch: int | str | None = None
        self._seen: set[str] = set()
        self._withdrawn: set[str] = set()
        self._sending = 0
        self._offline = False

    # Events

    def track(self, type_: str, *, delay_ms: int = 0, **fields: Any) -> dict[str, Any]:
        """One event into the queue, and the queue on its way; `delay_ms` holds this one back."""
        world = self.visitor.world
        if world.faults.hit("client.index_reused"):
            self.index = max(self.index - 1, 0)
        event = {
            "event_id": world.new_id(),
            "session_index": self.index,
            "type": type_,
            "ts": self.visitor.clock_ms(),
            **fields,
        }
        self.index += 1
        item = Item(self.visitor.key(), self.visitor.envelope(self.name), event)
        if delay_ms:
            world.scheduler.later(delay_ms, lambda: self._queue(item))
        else:
            self._queue(item)
        return event

    def _queue(self, item: Item) -> None:
        self.queue.append(item)
        if self.visitor.world.faults.hit("client.offline"):
            self._offline = True
            self.visitor.world.scheduler.later(OFFLINE_MS, self.online)
        self.flush()

    def online(self) -> None:
        """The network is back."""
        self._offline = False
        self.flush()

    def flush(self) -> None:
        """Send what waits; what is not acknowledged in time is sent again, to any gateway."""
        if not self.queue or self._offline:
            return
        self._sending += 1
        first = self.queue[0].envelope
        sent = [*takewhile(lambda item: item.envelope == first, self.queue)][:BATCH_MAX]
        events = [item.event for item in sent]
        body = _encode({**first, "sent_at": self.visitor.clock_ms(), "events": events})
        turn, world = self._sending, self.visitor.world
        if not world.faults.hit("net.request_lost"):
            self._post(body, sent)
        if world.faults.hit("net.request_twice"):
            self._post(body, sent)
        world.scheduler.later(TIME_OUT_MS, lambda: self._again(sent, turn))

    def _post(self, body: bytes, sent: list[Item]) -> None:
        world = self.visitor.world
        slow = world.faults.hit("net.slow")
        delay_ms = world.scheduler.between(1, SLOW_POST_MS if slow else 10)
        world.scheduler.later(delay_ms, lambda: self._arrive(body, sent))

    def _arrive(self, body: bytes, sent: list[Item]) -> None:
        world = self.visitor.world
        gateway = world.any_gateway()
        status = gateway.post(body)
        if world.scheduler.traced:
            types = ", ".join(f"{each.event['type']} {each.event['event_id']}" for each in sent)
            name = f"{sent[0].key[5:11]} {self.name}"
            world.scheduler.say(f"{name} sends {types} to {gateway.name}: {status}")
        if world.faults.hit("gateway.crash_after_append"):
            gateway.restart()
            return
        if status == 202 and not world.faults.hit("net.response_lost"):
            delay_ms = world.scheduler.between(1, 10)
            world.scheduler.later(delay_ms, lambda: self._acknowledged(sent))

    def _acknowledged(self, sent: list[Item]) -> None:
        self.queue = [each for each in self.queue if each not in sent]
        for item in sent:
            self.visitor.world.acknowledged(item.key, item.event["event_id"])
        self.flush()

    def _again(self, sent: list[Item], turn: int) -> None:
        if turn == self._sending and any(each in self.queue for each in sent):
            self.flush()

    # Decisions

    def connect(self) -> None:
        """Open the socket of this tab at any gateway and catch up."""
        world = self.visitor.world
        self.close()
        self.sockets += 1
        socket = self.socket = Socket(self, world.any_gateway(), self.visitor.key())
        welcome = socket.gateway.attach(socket, self.last_seq, self.epoch)
        if str(welcome.epoch) != str(self.epoch):
            self.last_seq, self.epoch = 0, welcome.epoch
        for frame in welcome.frames:
            socket.offer(frame)

    def close(self) -> None:
        """Leave the gateway."""
        if self.socket is not None:
            self.socket.gateway.detach(self.socket)
            self.socket = None

    def hear(self, socket: Socket, frame: dict[str, Any]) -> None:
        """One frame has come; on a socket that is gone nothing comes any more."""
        if socket is not self.socket:
            return
        if frame["type"] == "cancel":
            self._withdrawn.add(frame["slot_id"])
        if frame["type"] == "decision":
            self.last_seq = max(self.last_seq, frame["seq"])
            self._admit(frame)

    def _admit(self, frame: dict[str, Any]) -> None:
        """As sdk/src/lib/admitDecision.ts: the first of a slot, in time, and not withdrawn."""
        slot_id, heard_ms = frame["slot_id"], self.visitor.clock_ms()
        if slot_id in self._seen:
            return
        self._seen.add(slot_id)
        if frame["ttl_ms"] <= 0 or slot_id in self._withdrawn:
            return
        delay_ms = self.visitor.world.scheduler.between(1, 40)
        self.visitor.world.scheduler.later(delay_ms, lambda: self._paint(frame, heard_ms))

    def _paint(self, frame: dict[str, Any], heard_ms: int) -> None:
        slot_id, ttl_ms = frame["slot_id"], frame["ttl_ms"]
        waited_ms = self.visitor.clock_ms() - heard_ms
        if waited_ms >= ttl_ms or slot_id in self._withdrawn:
            return
        world = self.visitor.world
        world.checks.painted(slot_id, ttl_ms, waited_ms)
        world.scheduler.say(f"{self.visitor.key()[5:11]} {self.name} renders {slot_id[:10]}")
        named = {"slot_id": slot_id, "decision_id": frame["decision_id"]}
        source = frame["source"]
        self.track(
            "impression", **named, source_shown=source, painted_at_ms=self.visitor.clock_ms()
        )
        follows = world.scheduler.chance.choice(("", "", "action_click", "dismiss"))
        if follows:
            self.track(follows, **named)
