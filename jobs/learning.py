"""The order: decisions and outcomes -> rewards -> policy, on a cluster of its own."""

from __future__ import annotations

from typing import Protocol

from pyflink.datastream import DataStream, StreamExecutionEnvironment

from connectors.kafka import KEYED_ROW, by_user
from jobs.decisioning import CONTEXT
from jobs.settings import Settings
from operators import uids
from operators.attribute import Attribute
from operators.learn import Learn
from operators.relate import Relate


class Topics(Protocol):
    """Where the job reads from and writes to."""

    def past_events(self, env: StreamExecutionEnvironment) -> DataStream:
        """(user key, payload) rows."""

    def decisions(self, env: StreamExecutionEnvironment) -> DataStream:
        """(user key, payload) rows."""

    def profiles(self, env: StreamExecutionEnvironment) -> DataStream:
        """(user key, payload) rows of profiles that change hands."""

    def control(self, env: StreamExecutionEnvironment) -> DataStream:
        """(control topic, payload) rows."""

    def results(self, stream: DataStream) -> None:
        """Write (key, routed payload) rows."""


def build(env: StreamExecutionEnvironment, topics: Topics, settings: Settings) -> None:
    """Three keyed hops: by user, by the decision's key, by site. Nobody waits for an answer."""
    control = topics.control(env).broadcast(CONTEXT)
    # What a user does after a login is told to the keys that it had before.
    people = by_user(topics.past_events(env).union(topics.profiles(env)))
    outcomes = people.process(Relate(settings), KEYED_ROW).name("relate").uid(uids.RELATE)
    met = by_user(outcomes.union(topics.decisions(env))).connect(control)  # 9
    rewards = met.process(Attribute(settings), KEYED_ROW).name("attribute").uid(uids.ATTRIBUTE)
    learned = by_user(rewards).connect(control)  # 10, keyed by site
    policies = learned.process(Learn(settings), KEYED_ROW).name("learn").uid(uids.LEARN)
    topics.results(policies)  # back to the auction of the decision job
