"""Poison through the keyed hop without an engine; prints what is wrong as a JSON list.

The code is what PYTHONPATH says: a copy with a planted defect, then the checkout for the tests.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import operators.hop
from connectors.avro import codec
from connectors.log_decide import codecs, empty_context
from connectors.memory import MemoryRegistry
from connectors.routes import Origin, read_routed
from operators.local import LocalJob
from schemas.topics import DEAD_LETTERS, EVENTS
from tests import checks
from tests.stack.poison import RECORDS, Bench, good_event

SEED = 20
PARTITION = 3


def problems() -> list[str]:
    """What the check says of one record a class, and a good one beside each."""
    registry = MemoryRegistry()
    job = LocalJob(empty_context(), codecs(registry))
    letters = codec(DEAD_LETTERS, registry)
    rng, events = random.Random(SEED), codec(EVENTS, registry)
    injected, found, restarts = {}, {}, 0
    for offset, (name, make) in enumerate(RECORDS.items()):
        good = good_event(offset)
        record = make(Bench(rng, events, good))
        injected[PARTITION, offset] = (name, record.key, record.value)
        try:
            out = job.record(
                Origin(PARTITION, offset, record.timestamp_ms, record.key, record.value)
            )
        except ValueError:
            # What raises out of the hop restarts the job.
            restarts = 1
            out = []
        for _, payload in out + job.applied(good):
            topic, _, frame = read_routed(payload)
            if topic == DEAD_LETTERS:
                letter = letters.decode(frame)
                found[letter.origin_partition, letter.origin_offset] = letter
    return checks.poison(injected, found, restarts)


if __name__ == "__main__":
    assert Path(operators.hop.__file__).is_relative_to(Path.cwd()), "not the code that was meant"
    print(json.dumps(problems()))
