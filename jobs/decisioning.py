"""The order: event -> dedup -> profile -> intent -> fusion -> auction -> decision."""

from __future__ import annotations

from typing import Protocol

from pyflink.common import Types
from pyflink.datastream import DataStream, StreamExecutionEnvironment
from pyflink.datastream.state import MapStateDescriptor

from connectors.kafka import BYTES, KEYED_ROW, by_user
from jobs.settings import Settings
from operators import uids
from operators.decide import Decide

CONTEXT = MapStateDescriptor("context", Types.STRING(), BYTES)
"""Required to broadcast; it stays empty, see operators/decide.py."""


class Topics(Protocol):
    """Where a job reads from and writes to."""

    def events(self, env: StreamExecutionEnvironment) -> DataStream:
        """(user key, payload) rows."""

    def profiles(self, env: StreamExecutionEnvironment) -> DataStream:
        """(user key, payload) rows of profiles that change hands."""

    def control(self, env: StreamExecutionEnvironment) -> DataStream:
        """(control topic, payload) rows."""

    def results(self, stream: DataStream) -> None:
        """Write (key, routed payload) rows."""


def build(env: StreamExecutionEnvironment, topics: Topics, settings: Settings) -> None:
    """One hop a user: stages 2 to 7 are one function, see models/user.py."""
    # A login hands its profile over: what the hop wrote to `profiles` comes back under the new key.
    events = by_user(topics.events(env).union(topics.profiles(env)))  # 1
    control = topics.control(env).broadcast(CONTEXT)  # sites, campaigns, products, models, policy
    decided = events.connect(control).process(Decide(settings), KEYED_ROW)  # 2-7
    topics.results(decided.name("decide").uid(uids.DECIDE))  # 8; the gateways push from there
