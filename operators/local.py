"""The keyed hop without an engine: the same code over a dict and a heap.

Wraps operators/hop.py for `kairos decide`, tests and the simulator. State is bytes in a dict,
timers wait in a heap, and the watermark is where the caller has driven it.
"""

from __future__ import annotations

from heapq import heappop, heappush

from connectors.avro import Codec
from connectors.routes import Origin, read_routed, write_origin
from models.context import Context
from operators.codecs import Codecs
from operators.hop import Out, UserHop
from operators.metrics import Meter
from schemas.decision import Decision
from schemas.event import Event
from schemas.topics import DECISIONS, PROFILES

NO_WATERMARK = -(1 << 62)


class _User:
    """State and timers of the user whose record is being applied."""

    def __init__(self, job: LocalJob) -> None:
        self._job = job
        self.key = ""

    def value(self) -> bytes | None:
        """State bytes, None for a new user."""
        return self._job.states.get(self.key)

    def update(self, data: bytes) -> None:
        """Replace them."""
        self._job.states[self.key] = data

    def clear(self) -> None:
        """Forget the user."""
        self._job.states.pop(self.key, None)

    def register_event_time_timer(self, timestamp: int) -> None:
        """Wake this user once the watermark passes `timestamp`."""
        heappush(self._job.timers, (timestamp, self.key))

    def current_watermark(self) -> int:
        """Engine time up to which timers have run."""
        return self._job.watermark_ms


class _Handoffs:
    """The second state value of that user."""

    def __init__(self, job: LocalJob, user: _User) -> None:
        self._job, self._user = job, user

    def value(self) -> bytes | None:
        """State bytes, None for a user without handoffs."""
        return self._job.handoffs.get(self._user.key)

    def update(self, data: bytes) -> None:
        """Replace them."""
        self._job.handoffs[self._user.key] = data

    def clear(self) -> None:
        """Forget them."""
        self._job.handoffs.pop(self._user.key, None)


class LocalJob:
    """All users of a log in one process; `out` collects (key, topic, headers, frame)."""

    def __init__(self, context: Context, codecs: Codecs, build_id: str = "local") -> None:
        self.context = context
        self.states: dict[str, bytes] = {}
        self.handoffs: dict[str, bytes] = {}
        self.timers: list[tuple[int, str]] = []
        self.watermark_ms = NO_WATERMARK
        self.meter = Meter()
        self.decisions: Codec[Decision] = codecs.decisions
        self._events: Codec[Event] = codecs.events
        self._hop = UserHop(context, codecs, build_id, self.meter)
        self._user = _User(self)
        self._hop.handovers.state = _Handoffs(self, self._user)
        self._offset = 0

    def event(self, event: Event) -> list[Decision]:
        """Apply one event; decisions in order."""
        return self.chosen(self.applied(event))

    def applied(self, event: Event) -> Out:
        """Apply one event as if Kafka had held it."""
        self._offset += 1
        key, frame = event.user_key.encode(), self._events.encode(event)
        return self.record(Origin(0, self._offset, event.received_at_ms, key, frame))

    def record(self, origin: Origin) -> Out:
        """Apply one record of `events` as Kafka held it."""
        self._user.key = "" if origin.key is None else origin.key.decode("utf-8", "replace")
        out = self._hop.element(write_origin(origin), self._user, self._user)
        for key, payload in out:
            topic, _, frame = read_routed(payload)
            if topic == PROFILES:
                # As topic `profiles` would bring it back, only at once.
                self.record(Origin(0, -1, origin.timestamp_ms, key.encode(), frame))
        return out

    def advance(self, watermark_ms: int) -> Out:
        """Run the timers up to `watermark_ms`, in order of time and then of key."""
        out: Out = []
        while self.timers and self.timers[0][0] <= watermark_ms:
            at_ms, self._user.key = heappop(self.timers)
            out += self._hop.timer(at_ms, self._user.key, self._user, self._user)
        self.watermark_ms = max(self.watermark_ms, watermark_ms)
        return out

    def chosen(self, out: Out) -> list[Decision]:
        """The decisions among these records."""
        routes = [read_routed(payload) for _, payload in out]
        return [self.decisions.decode(frame) for topic, _, frame in routes if topic == DECISIONS]
