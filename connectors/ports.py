"""The seams of the loop, as small Protocols: where the simulator's models meet the real parts.

    browser --Front--> gateway --EventLog--> log --EventReader--> job --Pushes--> Connection
                                                                        ^- Resume (a cache)

gateway/held.py and gateway/push.py fit `Resume` and `Pushes` as they are; the other three have
models in tests/simulator/.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from connectors.routes import Origin
from schemas.event import Event

R = TypeVar("R")
"""One record of topic `decisions` as a gateway reads it."""

F_in = TypeVar("F_in", contravariant=True)
F_out = TypeVar("F_out", covariant=True)
"""One message to a client, as a connection takes it."""

W_out = TypeVar("W_out", covariant=True)
"""The answer to a hello."""


class Front(Protocol):
    """What a browser sees of a gateway."""

    def post(self, body: bytes) -> int:
        """HTTP status of a batch of events; what a 202 takes will be in the log, come what may."""


class EventLog(Protocol):
    """What a gateway sees of topic `events`."""

    def append(self, event: Event) -> None:
        """Stamp the event and make it durable. Raises OSError when that cannot be done now."""

    def tick(self) -> None:
        """Append one tick to every partition, so that time passes when nobody clicks."""


class EventReader(Protocol):
    """What the job sees of topic `events`."""

    def read(self, partition: int, offset: int, limit: int) -> list[Origin]:
        """At most `limit` records of a partition from `offset` on, in order."""

    def ends(self) -> list[int]:
        """The next offset of each partition."""


class Connection(Protocol[F_in]):
    """One push connection after its hello."""

    user_key: str
    session_id: str
    tab_id: str
    conn_id: str

    def offer(self, frame: F_in) -> None:
        """Queue one frame; a full queue ends the connection, never blocks."""


class Resume(Protocol[R]):
    """Decisions of the last minute by visitor. A cache: losing it loses no decision record."""

    def add(self, key: str, record: R, now_s: float) -> None:
        """Keep one more record of a key; older ones make room."""

    def of(self, key: str) -> tuple[R, ...]:
        """What is held for a key, oldest first."""


class Pushes(Protocol[R, W_out, F_out]):
    """What sockets see of topic `decisions`."""

    def take(self, records: list[R]) -> None:
        """Records of the topic, in order."""

    def attach(
        self, connection: Connection[F_out], last_seq: int, epoch: int | str | None
    ) -> W_out:
        """A visitor is here: what this session and tab have not seen yet."""

    def detach(self, connection: Connection[F_out]) -> None:
        """A connection is gone."""
