"""`python -m tests.journeys.chains SEED VISITORS`: the chain of each key over a crowd's log.

What it prints is a function of its arguments and the code alone; tests/journeys/
test_same_everywhere.py runs it under other hash seeds and thread counts.
"""

from __future__ import annotations

import json
import sys

from connectors.log_decide import Decided, codecs
from connectors.memory import MemoryRegistry
from jobs.settings import GRACE_MS
from operators.local import LocalJob
from tests.journeys.crowd import crowd
from tests.journeys.play import demo


def chains(seed: str, visitors: int) -> dict[str, str]:
    """Key -> digest over its decisions, in the demo's shop."""
    done = Decided(LocalJob(demo(), codecs(MemoryRegistry())))
    for event in crowd(seed, visitors):
        done.take(done.job.advance(event.received_at_ms - GRACE_MS - 1))
        done.take(done.job.applied(event))
    assert not done.chain.conflicts and not done.letters
    return done.chain.heads()


if __name__ == "__main__":
    print(json.dumps(chains(sys.argv[1], int(sys.argv[2]))))
